import {
  type AttributeValue,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DynamoDBClient,
  QueryCommand,
  ResourceInUseException,
  UpdateItemCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { dynamoFailure, fenced } from './dynamo-failure.ts';

const limits = { attempts: 8, tableWaitSeconds: 60 } as const;

/** How far a shard is decided and published: user records of a Kinesis record. */
export type LeasePosition = { readonly sequence: string; readonly taken: number };

/** Who reads a shard. Every change of hands raises the epoch, every sign of life the beat. */
export type Lease = {
  readonly shardId: string;
  /** Null when it was let go. */
  readonly owner: string | null;
  readonly epoch: number;
  readonly beat: number;
  /** Null before the first. */
  readonly position: LeasePosition | null;
};

/**
 * The leases of a group on a stream, an item a shard. No clock of another host takes part: a lease is free when its beat has
 * not moved for as long as a session lasts by the watch of who looks.
 */
export type Leases = {
  readonly list: () => Promise<readonly Lease[]>;
  /** Takes a lease as it was seen, or a new one (null); null when somebody was faster. */
  readonly take: (shardId: string, seen: Lease | null) => Promise<Lease | null>;
  /** A sign of life. Throws `FENCED` when another owner has it. */
  readonly beat: (lease: Lease) => Promise<void>;
  /** Notes what is published. Throws `FENCED` when another owner has it. */
  readonly commit: (lease: Lease, position: LeasePosition) => Promise<void>;
  /** Lets it go at once, if it is ours. */
  readonly release: (lease: Lease) => Promise<void>;
  readonly close: () => void;
};

/** The leases of `group` on `stream` in a table, made on demand where it is missing. */
export async function openLeases(options: {
  readonly table: string;
  readonly group: string;
  readonly stream: string;
  readonly owner: string;
  readonly client?: DynamoDBClient;
}): Promise<Leases> {
  const { table, group, stream, owner, client = new DynamoDBClient({ maxAttempts: limits.attempts }) } = options;
  await guarded('making the table of leases', () => makeTable(client, table));
  const groupKey = `${group} ${stream}`;
  const change = (shardId: string, work: Change): Promise<Lease> =>
    guarded(`writing the lease of ${shardId}`, async () => {
      const { Attributes = {} } = await client.send(
        new UpdateItemCommand({
          TableName: table,
          Key: { groupKey: { S: groupKey }, shardId: { S: shardId } },
          ReturnValues: 'ALL_NEW',
          ...work,
        }),
      );
      return leaseOf(Attributes);
    });
  const changeOwn = async (lease: Lease, { UpdateExpression, values = {} }: OwnChange): Promise<void> => {
    const own = { ':owner': { S: owner }, ':epoch': { N: String(lease.epoch) } };
    await change(lease.shardId, {
      UpdateExpression,
      ConditionExpression: '#owner = :owner AND #epoch = :epoch',
      ExpressionAttributeNames: names(`${UpdateExpression} #owner #epoch`),
      ExpressionAttributeValues: { ...own, ...values },
    }).catch((error: unknown) => {
      if (error instanceof ConditionalCheckFailedException) throw fenced({ ...lease, owner });
      throw error;
    });
  };
  return {
    list: () => guarded('listing the leases', () => list(client, { table, groupKey })),
    take: (shardId, seen) =>
      change(shardId, takeOver(owner, seen)).catch((error: unknown) => {
        if (error instanceof ConditionalCheckFailedException) return null;
        throw error;
      }),
    beat: (lease) => changeOwn(lease, { UpdateExpression: 'ADD #beat :one', values: { ':one': { N: '1' } } }),
    commit: (lease, { sequence, taken }) =>
      changeOwn(lease, {
        UpdateExpression: 'SET #sequence = :sequence, #taken = :taken ADD #beat :one',
        values: { ':sequence': { S: sequence }, ':taken': { N: String(taken) }, ':one': { N: '1' } },
      }),
    release: (lease) =>
      changeOwn(lease, { UpdateExpression: 'REMOVE #owner' }).catch((error: unknown) => {
        if (!(error instanceof Error) || !('code' in error) || error.code !== 'FENCED') throw error;
      }),
    close: () => client.destroy(),
  };
}

type Values = Readonly<Record<string, AttributeValue>>;
type Change = {
  readonly UpdateExpression: string;
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues: Record<string, AttributeValue>;
};
type OwnChange = { readonly UpdateExpression: string; readonly values?: Values };

function takeOver(owner: string, seen: Lease | null): Change {
  const UpdateExpression = 'SET #owner = :owner, #epoch = :next, #beat = :zero';
  const common = { ':owner': { S: owner }, ':zero': { N: '0' } };
  if (seen === null) {
    return {
      UpdateExpression,
      ConditionExpression: 'attribute_not_exists(#epoch)',
      ExpressionAttributeNames: names(UpdateExpression),
      ExpressionAttributeValues: { ...common, ':next': { N: '1' } },
    };
  }
  return {
    UpdateExpression,
    ConditionExpression: '#epoch = :epoch AND #beat = :beat',
    ExpressionAttributeNames: names(UpdateExpression),
    ExpressionAttributeValues: {
      ...common,
      ':next': { N: String(seen.epoch + 1) },
      ':epoch': { N: String(seen.epoch) },
      ':beat': { N: String(seen.beat) },
    },
  };
}

/** Some of the names are reserved words. */
function names(expression: string): Record<string, string> {
  const used = expression.match(/#\w+/g) ?? [];
  return Object.fromEntries(used.map((name) => [name, name.slice(1)]));
}

async function makeTable(client: DynamoDBClient, table: string): Promise<void> {
  try {
    await client.send(
      new CreateTableCommand({
        TableName: table,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [
          { AttributeName: 'groupKey', AttributeType: 'S' },
          { AttributeName: 'shardId', AttributeType: 'S' },
        ],
        KeySchema: [
          { AttributeName: 'groupKey', KeyType: 'HASH' },
          { AttributeName: 'shardId', KeyType: 'RANGE' },
        ],
      }),
    );
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
  }
  await waitUntilTableExists({ client, maxWaitTime: limits.tableWaitSeconds }, { TableName: table });
}

async function list(
  client: DynamoDBClient,
  { table, groupKey }: { readonly table: string; readonly groupKey: string },
): Promise<Lease[]> {
  const leases: Lease[] = [];
  let start: Record<string, AttributeValue> | undefined;
  do {
    const answer = await client.send(
      new QueryCommand({
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: 'groupKey = :group',
        ExpressionAttributeValues: { ':group': { S: groupKey } },
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      }),
    );
    leases.push(...(answer.Items ?? []).map(leaseOf));
    start = answer.LastEvaluatedKey;
  } while (start !== undefined);
  return leases;
}

function leaseOf({ shardId, owner, epoch, beat, sequence, taken }: Values): Lease {
  return {
    shardId: shardId?.S ?? '',
    owner: owner?.S ?? null,
    epoch: Number(epoch?.N ?? 0),
    beat: Number(beat?.N ?? 0),
    position: sequence?.S === undefined ? null : { sequence: sequence.S, taken: Number(taken?.N ?? 0) },
  };
}

/** A condition that failed is an answer, and goes on as it is. */
async function guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ConditionalCheckFailedException ? error : dynamoFailure(error, doing);
  }
}
