import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { createTables, type TableNames } from '../../adapters/dynamodb/tables.ts';
import { hashOfKey } from '../../adapters/http/api-keys.ts';
import { startDynamoDbLocal } from '../../engines/aws/dynamodb-local.ts';
import { type Emulator, startMiniStack } from '../../engines/aws/emulators.ts';

/** The key that the caller in the secret has. */
export const callerKey = 'weir_test_key';

const given = process.env['AWS_ENDPOINT_URL'] ?? '';
/** Was an endpoint given, such as LocalStack's, that takes the place of those that start here? */
export const isGiven = given !== '';
/** One suite for all servers of DynamoDB. */
export const dynamoServers: readonly (readonly [string, () => Promise<Emulator>])[] = isGiven
  ? [[given, async () => ({ endpoint: given, stop: async () => {} })]]
  : [
      ['DynamoDB Local', startDynamoDbLocal],
      ['MiniStack', async () => startMiniStack({})],
    ];

/** Makes tables with names of their own. */
export async function freshTables(): Promise<TableNames> {
  const id = randomUUID().slice(0, 8);
  const tables = { keyedState: `s-${id}`, ledger: `l-${id}`, idempotency: `i-${id}`, aside: `a-${id}` };
  const client = new DynamoDBClient({});
  await createTables(client, tables);
  client.destroy();
  return tables;
}

/**
 * Makes tables, and the secret of a caller for some tenants; gives the environment of functions whose definition is in a
 * folder.
 */
export async function functionVariables(
  definition: string,
  tenants: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const tables = await freshTables();
  const scopes = ['score', 'events', 'read', 'telemetry'];
  const caller = { id: 'test', sha256: hashOfKey(callerKey), tenants, scopes, perSecond: 1e6, burst: 1e6 };
  const Name = `keys-${randomUUID()}`;
  const SecretString = JSON.stringify({ version: 1, keys: [caller], webhooks: [] });
  const secrets = new SecretsManagerClient({});
  await secrets.send(new CreateSecretCommand({ Name, SecretString }));
  secrets.destroy();
  return {
    WEIR_DEFINITION: definition,
    WEIR_STATE_TABLE: tables.keyedState,
    WEIR_LEDGER_TABLE: tables.ledger,
    WEIR_IDEMPOTENCY_TABLE: tables.idempotency,
    WEIR_ASIDE_TABLE: tables.aside,
    WEIR_API_KEYS_SECRET: Name,
    WEIR_DEADLINE_MS: '5000',
    WEIR_MAPPING: join(import.meta.dirname, '../../examples/changes/mapping.ts'),
  };
}

/** Records of one shard as the event source mapping hands them over, from a number on. */
export function kinesisPayload(values: readonly (string | Uint8Array)[], { stream = 'test', first = 0 } = {}): unknown {
  const Records = values.map((value, index) => ({
    eventID: `shardId-000000000000:${first + index}`,
    eventSourceARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${stream}`,
    kinesis: {
      partitionKey: 'key',
      sequenceNumber: String(1 + first + index),
      data: Buffer.from(value).toString('base64'),
      approximateArrivalTimestamp: 1_760_002_000,
    },
  }));
  return { Records };
}
