import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeyedStore } from '../../adapters/dynamodb/keyed-store.ts';
import { openAws } from '../../engines/aws/endpoint.ts';
import type { Emulator } from '../../engines/aws/emulators.ts';
import type { KeyedRuntime } from '../../runtime/keyed-batch.ts';
import { readDefinition, writeDefinition } from '../../runtime/lambda-definition.ts';
import { kafkaBatches } from '../../runtime/lambda-events.ts';
import { takeBatches } from '../../runtime/lambda-score.ts';
import { accountPayments, writeAccountFiles } from '../../simulate/account-payments.ts';
import { freshTables } from './function-world.ts';
import { checkSource } from './lambda-check.ts';
import { faultyClient, Killed, noFaults } from './lambda-faults.ts';
import { runLambda } from './lambda-scenario.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-lambda-test-'));
const contract = 'payments.authorization.v1';
let aws: Emulator;
let runtime: Omit<KeyedRuntime, 'port'>;

beforeAll(async () => {
  aws = await openAws();
  await writeDefinition(writeAccountFiles(dir), dir);
  runtime = readDefinition(dir);
});

afterAll(async () => {
  await aws?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** A payload of Kafka with some payments of some partitions. */
function payloadOf(partitions: Readonly<Record<number, readonly (string | null)[]>>, firstOffset = 0): unknown {
  const records = Object.entries(partitions).map(([partition, values]) => [
    `${contract}-${partition}`,
    values.map((value, index) => ({
      topic: contract,
      partition: Number(partition),
      offset: firstOffset + index,
      timestamp: 1_790_000_000_000,
      ...(value === null ? {} : { value: Buffer.from(value).toString('base64') }),
    })),
  ]);
  return { records: Object.fromEntries(records) };
}

function payments(from: number, count: number): string[] {
  return accountPayments({ from, count, accounts: 5, partitions: 1 }).map(({ value }) => value);
}

describe.each(['kinesis', 'msk'] as const)('score-%s', (from) => {
  test('equals the embedded run through duplicates, splits, throttling, lost replies, kills and zombies', async () => {
    const recordsMax = from === 'kinesis' ? 8 : 250;
    const options = { from, events: 5000, accounts: 200, recordsMax, faultShare: 0.4, seed: 7 };
    const { checks, injected } = await runLambda(options);
    expect(checks.flatMap(({ problems }) => problems)).toEqual([]);
    expect(checks).toHaveLength(2);
    for (const { decisions, entries, deadLetters } of checks) {
      expect(decisions).toBeGreaterThan(1000);
      expect(entries).toBeGreaterThan(decisions);
      expect(deadLetters).toBeGreaterThan(0);
    }
    for (const fault of ['throttle', 'lostReply', 'unprocessed', 'kill', 'freeze', 'redelivered']) {
      expect([fault, injected.get(fault) ?? 0]).not.toEqual([fault, 0]);
    }
  });
});

test('a kill before and after every request leaves what the next invocation makes whole', async () => {
  const tables = await freshTables();
  const injected = new Map<string, number>();
  const shared = { requestHandler: new DynamoDBClient({}).config.requestHandler };
  const whole = payloadOf({ 0: payments(0, 60) });
  let kills = 0;
  for (const [from, until] of [
    [0, 25],
    [25, 26],
    [26, 60],
  ] as const) {
    const payload = payloadOf({ 0: payments(from, until - from) }, from);
    for (let request = 1, isDone = false; !isDone; request++) {
      for (const when of ['before', 'after'] as const) {
        const { client } = faultyClient({ ...noFaults, kill: { request, when } }, injected, shared);
        const port = createKeyedStore({ client, tables });
        try {
          await takeBatches({ ...runtime, port }, kafkaBatches(payload, contract));
          isDone = true;
        } catch (error) {
          if (!(error instanceof Killed)) throw error;
          kills += 1;
        }
      }
    }
  }
  expect(kills).toBeGreaterThan(20);
  const [batch] = kafkaBatches(whole, contract);
  const { problems, decisions } = await checkSource(runtime, tables, batch!);
  expect(problems).toEqual([]);
  expect(decisions).toBe(60);
});

test('each partition of a payload stops at its first failure, and the others go on', async () => {
  const tables = await freshTables();
  const client = new DynamoDBClient({ maxAttempts: 1 });
  const store = createKeyedStore({ client, tables });
  const [first, second, third, other] = payments(0, 4);
  const port = {
    ...store,
    saveState: async (save: Parameters<typeof store.saveState>[0]) => {
      if (save.claim.source === `${contract}/1` && save.key.endsWith(`#${accountOf(second!)}`)) {
        throw await tooLarge(store, save);
      }
      return store.saveState(save);
    },
  };
  const payload = payloadOf({ 0: [other!], 1: [first!, second!, third!] }, 100);
  const failed = await takeBatches({ ...runtime, port }, kafkaBatches(payload, contract));
  expect(failed.response).toEqual({
    batchItemFailures: [{ itemIdentifier: { partition: `${contract}-1`, offset: 101 } }],
  });
  expect((await store.claim(`${contract}/0`)).progress.nextOffset).toBe(101);
  expect((await store.claim(`${contract}/1`)).progress.position).toEqual({ sequence: '100', subsequence: 0 });
  const again = await takeBatches({ ...runtime, port: store }, kafkaBatches(payload, contract));
  expect(again.response).toEqual({ batchItemFailures: [] });
  client.destroy();
});

test('poison, tombstones and unknown contracts go aside with their bytes, and an empty payload is nothing', async () => {
  const tables = await freshTables();
  const client = new DynamoDBClient({ maxAttempts: 1 });
  const port = createKeyedStore({ client, tables });
  const payload = payloadOf({ 4: ['{"half":', null, payments(0, 1)[0]!] });
  const { response, counts } = await takeBatches({ ...runtime, port }, kafkaBatches(payload, contract));
  expect(response).toEqual({ batchItemFailures: [] });
  expect(Object.fromEntries(counts)).toMatchObject({
    'deadLetters.notJson': 2,
    'accepted.payments.authorization.v1': 1,
  });
  const nothing = await takeBatches({ ...runtime, port }, kafkaBatches({ records: {} }, contract));
  expect(nothing.response).toEqual({ batchItemFailures: [] });
  client.destroy();
});

/** What the store says of a state that is too large. */
async function tooLarge(
  store: ReturnType<typeof createKeyedStore>,
  save: Parameters<ReturnType<typeof createKeyedStore>['saveState']>[0],
): Promise<Error> {
  const large = { ...save, bytes: new Uint8Array(4_000_000) };
  return store.saveState(large).then(
    () => new Error('got it saved, expected KEY_TOO_LARGE'),
    (error: unknown) => error as Error,
  );
}

function accountOf(payment: string): string {
  return /"accountId":"([^"]+)"/.exec(payment)?.[1] ?? '';
}
