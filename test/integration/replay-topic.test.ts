import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { platformaticDriver } from '../../adapters/kafka/platformatic.ts';
import type { KafkaDriver } from '../../adapters/kafka/port.ts';
import { type Broker, startBroker } from '../../engines/kafka/broker.ts';
import { authorizations, createTopics, createWorld, record, startWorker, type Worker } from './kafka-world.ts';

const partitions = 3;
const events = 6000;
const dir = mkdtempSync(join(tmpdir(), 'weir-replay-broker-'));
const state = join(dir, 'state');
const world = createWorld(partitions);
let broker: Broker;
let driver: KafkaDriver;
let topics: { payments: string; decisions: string };
let worker: Worker;
let changedRules = '';
let source = '';

beforeAll(async () => {
  broker = await startBroker({ dir });
  driver = platformaticDriver({ clientId: 'weir-test', bootstrap: [broker.bootstrap] });
  topics = await createTopics(driver, partitions);
  source = `kafka://${broker.bootstrap}/${topics.payments}`;
  const producer = await driver.openProducer();
  for (let from = 0; from < events; from += 2000) {
    await producer.send(authorizations(topics.payments, { from, count: 2000, accounts: 200, partitions }));
    if (from === 2000) await producer.send([record(topics.payments, 1, { key: 'poison', value: '{"not an event' })]);
  }
  await producer.close();
  changedRules = join(dir, 'rules.json');
  const rules = z
    .object({ version: z.number() })
    .loose()
    .parse(JSON.parse(readFileSync(world.files.rules, 'utf8')));
  const rule = {
    id: 'replayed',
    version: 1,
    mode: 'live',
    when: { field: 'amountMinor', op: 'gt', value: 5000 },
    scoreDelta: 0,
    outcomeAtLeast: 'decline',
    reason: { code: 'REPLAYED', text: 'more than 50' },
  };
  writeFileSync(changedRules, JSON.stringify({ ...rules, version: rules.version + 1, rules: [rule] }));
  worker = start();
  await worker.said(/partition 2 is ours/);
  await committed(events + 1);
  worker.process.kill('SIGTERM');
  await worker.ended;
  worker = start();
}, 120_000);

afterAll(async () => {
  worker?.process.kill('SIGKILL');
  await worker?.ended;
  await broker?.stop();
  rmSync(dir, { recursive: true, force: true });
  rmSync(world.dir, { recursive: true, force: true });
});

function start(): Worker {
  return startWorker(world, { bootstrap: broker.bootstrap, topics, group: 'scorer', state });
}

/** Resolves when the workers have committed so many records. */
async function committed(records: number): Promise<void> {
  await vi.waitUntil(async () => (await positions()) === records, { timeout: 60_000, interval: 100 });
}

async function positions(): Promise<number> {
  const admin = await driver.openAdmin();
  const wanted = Array.from({ length: partitions }, (_, partition) => ({ topic: topics.payments, partition }));
  const found = await admin.committed('scorer', wanted);
  await admin.close();
  return found.reduce((sum, { nextOffset }) => sum + nextOffset, 0);
}

const reportSchema = z.object({
  replayId: z.string(),
  compared: z.number(),
  differ: z.number(),
  liveAlone: z.number(),
  replayedAlone: z.number(),
  digests: z.object({ live: z.string(), replayed: z.string() }),
  why: z.array(z.object({ kind: z.string(), name: z.string(), decisions: z.number() })),
});

function argsOf(from: string, rules = world.files.rules): string[] {
  const { files } = world;
  const named = [`--definition=${files.definition}`, `--rules=${rules}`, `--model=${files.model}`];
  return ['bin/weir.ts', 'replay', '--out', state, '--source', from, ...named, '--json'];
}

async function replay(from: string, rules?: string): Promise<z.infer<typeof reportSchema>> {
  const { stdout } = await promisify(execFile)(process.execPath, argsOf(from, rules), { maxBuffer: 2 ** 28 });
  return reportSchema.parse(JSON.parse(stdout));
}

let fromTopic: z.infer<typeof reportSchema>;

test('a topic replayed by a group of its own, killed in the middle too, decides as its workers did and leaves their group where it was', async () => {
  const killed = spawn(process.execPath, argsOf(source), { stdio: 'ignore' });
  const ended = once(killed, 'exit');
  const begun = (): boolean => globSync(join(state, 'replays', '*', 'partition-00', 'log', '*')).length > 0;
  await expect.poll(begun, { timeout: 20_000, interval: 5 }).toBe(true);
  killed.kill('SIGKILL');
  await ended;
  const report = await replay(source);
  expect(report).toMatchObject({ compared: events, differ: 0, liveAlone: 0, replayedAlone: 0 });
  expect(report.digests.replayed).toBe(report.digests.live);
  expect(await positions()).toBe(events + 1);
});

test('other rules differ where they hit, and the workers go on meanwhile', async () => {
  const replaying = replay(source, changedRules);
  const producer = await driver.openProducer();
  await producer.send(authorizations(topics.payments, { from: events, count: 500, accounts: 200, partitions }));
  await producer.close();
  fromTopic = await replaying;
  await committed(events + 501);
  expect(worker.process.exitCode).toBeNull();
  expect(fromTopic.compared).toBe(events);
  expect(fromTopic.differ).toBeGreaterThan(20);
  expect(fromTopic.differ).toBeLessThan(events);
  expect(fromTopic.why).toContainEqual({ kind: 'rule', name: 'replayed', decisions: expect.any(Number) });
});

test('records that retention deleted are refused from the topic, and replayed from the archive with the same report', async () => {
  const client = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING }).admin();
  await client.connect();
  await client.fetchTopicMetadata({ topics: [topics.payments] });
  const end = '-1';
  await client.deleteTopicRecords({
    topic: topics.payments,
    partitions: Array.from({ length: partitions }, (_, partition) => ({ partition, offset: end })),
  });
  await client.disconnect();
  await expect(replay(source, changedRules)).rejects.toThrow(/REPLAY_PAST_RETENTION/);
  const { replayId, ...report } = await replay('archive', changedRules);
  const { replayId: other, ...expected } = fromTopic;
  expect(report).toEqual(expected);
  expect(replayId).not.toBe(other);
});
