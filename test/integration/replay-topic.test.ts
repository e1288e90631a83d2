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
import {
  authorizations,
  createTopics,
  createWorld,
  readDecisions,
  record,
  startWorker,
  type Worker,
} from './kafka-world.ts';

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

function start(plan: Partial<Parameters<typeof startWorker>[1]> = {}): Worker {
  return startWorker(world, { bootstrap: broker.bootstrap, topics, group: 'scorer', state, ...plan });
}

/** Resolves when the workers have committed so many records. */
async function committed(records: number, group?: string): Promise<void> {
  await vi.waitUntil(async () => (await positions(group)) === records, { timeout: 60_000, interval: 100 });
}

async function positions(group = 'scorer'): Promise<number> {
  const admin = await driver.openAdmin();
  const wanted = Array.from({ length: partitions }, (_, partition) => ({ topic: topics.payments, partition }));
  const found = await admin.committed(group, wanted);
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
let approved: z.infer<typeof reportSchema>;

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
  const { replayId, ...fromArchive } = await replay('archive', changedRules);
  const { replayId: other, ...expected } = fromTopic;
  expect(fromArchive).toEqual(expected);
  expect(replayId).not.toBe(other);
});

test('workers go on after a promotion as a group that had the new files from the start, decision for decision', async () => {
  worker.process.kill('SIGTERM');
  await worker.ended;
  approved = await replay('archive', changedRules);
  await expect(approve(fromTopic.replayId)).rejects.toThrow(/REPLAY_OF_TOPIC/);
  const promoted = await approve(approved.replayId);
  expect(promoted.offsets.reduce((sum, offset) => sum + offset, 0)).toBe(events + 501);
  const refused = start();
  expect((await refused.ended).code).not.toBe(0);
  expect(refused.lines.join('\n')).toMatch(/was begun with something else/);
  const more = ['--rules', changedRules];
  worker = start({ more });
  const other = await createTopics(driver, partitions);
  const own = { payments: topics.payments, decisions: other.decisions };
  const fresh = start({ group: 'fresh', state: join(dir, 'fresh'), topics: own, more });
  const producer = await driver.openProducer();
  await producer.send(authorizations(topics.payments, { from: events + 500, count: 500, accounts: 200, partitions }));
  await producer.close();
  await committed(events + 1001);
  await committed(events + 1001, 'fresh');
  fresh.process.kill('SIGKILL');
  await fresh.ended;
  const later = await decisionsOf(other.decisions, promoted.offsets);
  expect(later.length).toBe(500);
  expect(await decisionsOf(topics.decisions, promoted.offsets)).toEqual(later);
});

/** Decisions from some offsets of the logs on, by partition and offset. */
async function decisionsOf(topic: string, offsets: readonly number[]): Promise<unknown[]> {
  const reading = await readDecisions(driver, topic);
  await reading.until(() => reading.records.length >= events + 1000);
  await reading.close();
  const schema = z.looseObject({ partition: z.number(), offset: z.number() });
  return reading.records
    .map(({ value }) => schema.parse(JSON.parse(Buffer.from(value ?? []).toString())))
    .filter(({ partition, offset }) => offset >= (offsets[partition] ?? 0))
    .toSorted((left, right) => left.partition - right.partition || left.offset - right.offset);
}

async function approve(replayId: string): Promise<{ readonly offsets: readonly number[] }> {
  const args = ['bin/weir.ts', 'replay', 'approve', replayId, '--out', state, '--yes', '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return z.object({ offsets: z.array(z.number()) }).parse(JSON.parse(stdout));
}

test('records that retention deleted are refused from the topic, and replayed from the archive', async () => {
  const client = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING }).admin();
  await client.connect();
  await client.fetchTopicMetadata({ topics: [topics.payments] });
  const all = Array.from({ length: partitions }, (_, partition) => ({ partition, offset: '-1' }));
  await client.deleteTopicRecords({ topic: topics.payments, partitions: all });
  await client.disconnect();
  worker.process.kill('SIGTERM');
  await worker.ended;
  await expect(replay(source, changedRules)).rejects.toThrow(/REPLAY_PAST_RETENTION/);
  const report = await replay('archive', changedRules);
  // What was answered before the promotion differs as it did, and nothing since.
  expect(report).toMatchObject({ compared: events + 1000, liveAlone: 0, replayedAlone: 0 });
  expect(report.differ).toBe(approved.differ);
});
