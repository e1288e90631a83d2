import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKeyedStore } from '../../adapters/dynamodb/keyed-store.ts';
import { serverlessTables, serverlessVariables } from '../../adapters/dynamodb/names.ts';
import { createTables, tableNames } from '../../adapters/dynamodb/tables.ts';
import { platformaticDriver } from '../../adapters/kafka/platformatic.ts';
import { openAws } from '../../engines/aws/endpoint.ts';
import type { Emulator } from '../../engines/aws/emulators.ts';
import { type Broker, startBroker } from '../../engines/kafka/broker.ts';
import { redriveHandler } from '../../runtime/lambda-redrive.ts';
import { kinesisBatches, kafkaBatches, type LambdaBatch } from '../../runtime/lambda-events.ts';
import { throughKafka } from './lambda-kafka.ts';
import { readStream, throughKinesis } from './lambda-kinesis.ts';
import { openReading } from './kafka-reading.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-redrive-'));
const contract = 'payments.clearing.v1';
const large = Buffer.alloc(800_000, 'x');
let aws: Emulator;
let broker: Broker;

beforeAll(async () => {
  [aws, broker] = await Promise.all([openAws(), startBroker({ dir })]);
});

afterAll(async () => {
  await Promise.all([aws?.stop(), broker?.stop()]);
  rmSync(dir, { recursive: true, force: true });
});

function environment(target: string): Record<string, string> {
  const id = randomUUID().slice(0, 8);
  const names = Object.values(serverlessTables).map(({ variable, name }) => [variable, `${name}-${id}`]);
  return { ...Object.fromEntries(names), [serverlessVariables.redriveTarget]: target };
}

/** Puts a letter of each code where the records of a batch came from. */
async function leaveLetters(env: Record<string, string>, { source, records }: LambdaBatch): Promise<void> {
  const client = new DynamoDBClient({ maxAttempts: 1 });
  await createTables(client, tableNames(env));
  const store = createKeyedStore({ client, tables: tableNames(env) });
  for (const [offset, { key, bytes }] of records.entries()) {
    const code = offset === 0 ? 'notJson' : 'conflict';
    await store.setAside({ source, offset, kind: 'deadLetter', code, detail: '{}', contract, key, bytes });
  }
  client.destroy();
}

test('letters go back into their stream with their bytes and contract, each of them once', async () => {
  const stream = `payments-${randomUUID().slice(0, 8)}`;
  const events = [large, Buffer.from('{}')].map((bytes) => ({ contract, accountId: 'a', bytes }));
  const [log] = await throughKinesis(stream, events);
  const [batch] = kinesisBatches(log!.payloadOf(log!.records), contract);
  const env = environment(`kinesis://${stream}`);
  await leaveLetters(env, batch!);
  const redrive = redriveHandler(env);
  const { source } = batch!;
  expect(await redrive({ source, dryRun: true })).toEqual({
    source,
    dryRun: true,
    letters: { notJson: 1, conflict: 1 },
  });
  expect((await redrive({ source, codes: ['notJson'] })).letters).toEqual({ notJson: 1 });
  expect((await redrive({ source })).letters).toEqual({ conflict: 1 });
  expect((await redrive({ source })).letters).toEqual({});
  const [after] = await readStream(stream);
  const again = kinesisBatches(after!.payloadOf(after!.records), 'payments.authorization.v1')[0]!;
  expect(again.source).toBe(source);
  const put = again.records.slice(batch!.records.length);
  expect(put.map((record) => [record.contract, record.key, record.bytes.length])).toEqual([
    [contract, 'a', large.length],
    [contract, 'a', 2],
  ]);
});

test('letters of Kafka go back into their partition', async () => {
  const topic = `t${randomUUID().slice(0, 8)}`;
  const driver = platformaticDriver({ clientId: 'weir-test', bootstrap: [broker.bootstrap] });
  const events = ['{1', '{2'].map((text) => ({ contract, accountId: 'b', bytes: Buffer.from(text) }));
  const [log] = await throughKafka(driver, topic, events);
  const [batch] = kafkaBatches(log!.payloadOf(log!.records), contract);
  const env = environment(`kafka://${broker.bootstrap}/another,${topic}`);
  await leaveLetters(env, batch!);
  const { source, partition } = batch!;
  expect((await redriveHandler(env)({ source })).letters).toEqual({ notJson: 1, conflict: 1 });
  const reading = await openReading(driver, { group: `${topic}-again`, topics: [topic] });
  await reading.until(() => reading.records.length >= 4);
  await reading.close();
  const put = reading.records.filter(({ offset }) => offset >= 2);
  expect(put.map(({ value, ...record }) => [record.partition, Buffer.from(value ?? []).toString()])).toEqual([
    [partition, '{1'],
    [partition, '{2'],
  ]);
});

test('a target that is none is refused', async () => {
  const env = environment('sqs://queue');
  const record = { contract, key: '', position: { sequence: '0', subsequence: 0 }, offset: 0, ingestTimeMs: 0 };
  const records = [{ ...record, bytes: Buffer.from('{') }];
  await leaveLetters(env, { source: 's/0', partition: 0, records, identifiers: [] });
  await expect(redriveHandler(env)({ source: 's/0' })).rejects.toMatchObject({ code: 'REDRIVE_TARGET_INVALID' });
  await expect(redriveHandler(env)({})).rejects.toThrow(/source/);
});
