import {
  CreateTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { type ServerlessTable, serverlessTables } from './names.ts';

/** The names of the tables that a run uses. */
export type TableNames = { readonly [Table in keyof typeof serverlessTables]: string };

/** The names of the tables as the environment gives them. */
export function tableNames(environment: Readonly<Record<string, string | undefined>>): TableNames {
  const nameOf = ({ variable, name }: ServerlessTable): string => environment[variable] ?? name;
  const { keyedState, ledger, idempotency, aside } = serverlessTables;
  return {
    keyedState: nameOf(keyedState),
    ledger: nameOf(ledger),
    idempotency: nameOf(idempotency),
    aside: nameOf(aside),
  };
}

/** Makes the tables that are not there, on demand: for an emulator, and to try things out. */
export async function createTables(client: DynamoDBClient, names: TableNames): Promise<void> {
  await Promise.all([
    createTable(client, names.keyedState, serverlessTables.keyedState),
    createTable(client, names.ledger, serverlessTables.ledger),
    createTable(client, names.idempotency, serverlessTables.idempotency),
    createTable(client, names.aside, serverlessTables.aside),
  ]);
}

async function createTable(client: DynamoDBClient, name: string, table: ServerlessTable): Promise<void> {
  const keys = [
    { ...table.partitionKey, role: 'HASH' as const },
    ...(table.sortKey === null ? [] : [{ ...table.sortKey, role: 'RANGE' as const }]),
  ];
  try {
    await client.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: keys.map((key) => ({ AttributeName: key.name, AttributeType: key.type })),
        KeySchema: keys.map((key) => ({ AttributeName: key.name, KeyType: key.role })),
      }),
    );
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
  }
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 2 }, { TableName: name });
  if (table.timeToLive === null) return;
  const TimeToLiveSpecification = { Enabled: true, AttributeName: table.timeToLive };
  await client.send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification })).catch(() => undefined);
}
