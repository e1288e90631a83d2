import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { platformaticDriver } from '../../adapters/kafka/platformatic.ts';
import type { KafkaDriver } from '../../adapters/kafka/port.ts';
import { openObjectStore } from '../../adapters/s3/store.ts';
import { openAws } from '../../engines/aws/endpoint.ts';
import type { Emulator } from '../../engines/aws/emulators.ts';
import { type Broker, startBroker } from '../../engines/kafka/broker.ts';
import { openRemoteState } from '../../runtime/remote-state.ts';
import { runThrough, type Scenario } from './kafka-scenario.ts';
import { authorizations, createTopics, createWorld, digestsOf } from './kafka-world.ts';

const partitions = 2;
const events = 30_000;
const bucket = `weir-state-${process.pid}`;
const dir = mkdtempSync(join(tmpdir(), 'weir-s3-'));
const world = createWorld(partitions);
let aws: Emulator;
let client: S3Client;
let broker: Broker;
let driver: KafkaDriver;
let scenario: Scenario;

beforeAll(async () => {
  aws = await openAws();
  client = new S3Client({ forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  broker = await startBroker({ dir: join(dir, 'broker') });
  driver = platformaticDriver({ clientId: 'weir-test', bootstrap: [broker.bootstrap] });
  const { payments } = await createTopics(driver, partitions);
  const more = ['--cut-records=1000'];
  scenario = { driver, world, bootstrap: broker.bootstrap, payments, decisions: events, more };
  const producer = await driver.openProducer();
  for (let from = 0; from < events; from += 2000) {
    await producer.send(authorizations(payments, { from, count: 2000, accounts: 500, partitions }));
  }
  await producer.close();
});

afterAll(async () => {
  await broker?.stop();
  client?.destroy();
  await aws?.stop();
  rmSync(dir, { recursive: true, force: true });
  rmSync(world.dir, { recursive: true, force: true });
});

test('an object is swapped in by who has read the version before, and made by who is first', async () => {
  const store = openObjectStore(`s3://${bucket}/swaps`);
  const bytes = (text: string) => Buffer.from(text);
  const [first, second] = await Promise.all([store.swap('a', bytes('1'), null), store.swap('a', bytes('2'), null)]);
  expect([first, second].filter((tag) => tag !== null)).toHaveLength(1);
  const read = await store.read('a');
  const tag = read?.tag ?? '';
  const next = await store.swap('a', bytes('3'), tag);
  expect(next).not.toBeNull();
  expect(await store.swap('a', bytes('4'), tag)).toBeNull();
  expect(Buffer.from((await store.read('a'))?.bytes ?? []).toString()).toBe('3');
  expect(await store.read('none')).toBeNull();
  await store.remove(['a']);
  expect(await store.swap('a', bytes('5'), next)).toBeNull();
  store.close();
  const missing = openObjectStore('s3://no-such-bucket-of-weir/x');
  await expect(missing.write('a', bytes('1'))).rejects.toMatchObject({ code: 'S3_BUCKET_UNKNOWN' });
  missing.close();
});

test('a worker that is killed and whose disk is lost is followed by one that has the object store alone, row for row', async () => {
  const expected = await runThrough(scenario, async () => undefined);
  const state = `s3://${bucket}/run`;
  const disks = ['one', 'two', 'three'].map((name) => join(dir, name));
  for (const disk of disks) mkdirSync(disk);
  const [one = '', two = '', three = ''] = disks;
  const outcome = await runThrough({ ...scenario, state, env: { TMPDIR: one } }, async ({ after, workers, start }) => {
    await after(20_000);
    workers[0]?.process.kill('SIGKILL');
    await workers[0]?.ended;
    expect(readdirSync(one)).not.toEqual([]);
    rmSync(one, { recursive: true, force: true });
    mkdirSync(one);
    start();
    await after(2000);
  });
  expect(outcome.decisions).toEqual(expected.decisions);
  // Who goes on begins from a checkpoint, not from nothing.
  expect(outcome.lines.filter((line) => /^partition [01] is ours: [1-9]/.test(line)).length).toBeGreaterThan(0);
  const store = openObjectStore(state);
  for (const partition of readdirSync(expected.plan.state).filter((name) => name.startsWith('partition-'))) {
    await openRemoteState({ store, root: two, partition });
    await openRemoteState({ store, root: three, partition });
  }
  store.close();
  expect(await digestsOf(two)).toEqual(expected.digests);
  expect(await digestsOf(three)).toEqual(expected.digests);
});

test('an owner that was taken over is refused, and what it uploaded is named by nobody', async () => {
  const store = openObjectStore(`s3://${bucket}/zombie`);
  const open = (root: string) => openRemoteState({ store, root: join(dir, root), partition: 'partition-00' });
  const zombie = await open('z1');
  mkdirSync(join(zombie.dir, 'lake'));
  const write = (text: string, owner: typeof zombie): void => writeFileSync(join(owner.dir, 'lake', 'a.parquet'), text);
  write('first', zombie);
  await zombie.push();
  const next = await open('z2');
  expect([zombie.epoch, next.epoch]).toEqual([1, 2]);
  write('of the zombie', zombie);
  await expect(zombie.push()).rejects.toMatchObject({ code: 'FENCED', facts: { epoch: 1 } });
  write('second', next);
  await next.push();
  const last = await open('z3');
  expect(readFileSync(join(last.dir, 'lake', 'a.parquet'), 'utf8')).toBe('second');
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'zombie/' }));
  expect(Contents.map(({ Key }) => Key).filter((key) => key?.includes('/e2/'))).toHaveLength(1);
  store.close();
});
