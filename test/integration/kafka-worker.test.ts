import { Admin } from '@platformatic/kafka';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { platformaticDriver } from '../../adapters/kafka/platformatic.ts';
import type { KafkaDriver } from '../../adapters/kafka/port.ts';
import { decisionContract } from '../../core/contract/decision.ts';
import { type Broker, startBroker } from '../../engines/kafka/broker.ts';
import { clusterFaults, last, noticed, shiftedClock, wrongClocks } from './kafka-faults.ts';
import { type Outcome, type Run, runThrough, type Scenario } from './kafka-scenario.ts';
import { authorizations, createTopics, createWorld, readDecisions, record, startWorker } from './kafka-world.ts';
import { mountSmall } from './small-disk.ts';
import { openProxy, type Proxy } from '../../engines/network/proxy.ts';

const partitions = 4;
const events = 20_000;
const dir = mkdtempSync(join(tmpdir(), 'weir-worker-broker-'));
const world = createWorld(partitions);
let broker: Broker;
let proxy: Proxy;
let driver: KafkaDriver;
let scenario: Scenario;
let expected: Outcome;

beforeAll(async () => {
  // Workers reach the broker through the proxy; what fills and reads the topics does not.
  let target = 0;
  proxy = await openProxy({ port: 0, target: () => target });
  broker = await startBroker({ dir, proxyPort: proxy.port });
  target = broker.farPort ?? 0;
  const bootstrap = `127.0.0.1:${proxy.port}`;
  driver = platformaticDriver({ clientId: 'weir-test', bootstrap: [broker.bootstrap] });
  const { payments } = await createTopics(driver, partitions);
  scenario = { driver, world, bootstrap, payments, decisions: events };
  await fill(payments);
  expected = await runThrough(scenario, async () => undefined);
});

afterAll(async () => {
  await proxy?.close();
  await broker?.stop();
  if (isMounted) execFileSync('umount', [small]);
  rmSync(dir, { recursive: true, force: true });
  rmSync(world.dir, { recursive: true, force: true });
});

/** Payments, some of them twice as from a producer that does not remember, and what is no event at all. */
async function fill(topic: string): Promise<void> {
  const producer = await driver.openProducer();
  for (let from = 0; from < events; from += 2000) {
    await producer.send(authorizations(topic, { from, count: 2000, accounts: 500, partitions }));
    if (from === 4000) await producer.send(authorizations(topic, { from, count: 500, accounts: 500, partitions }));
    if (from === 6000) await producer.send([record(topic, 1, { key: 'poison', value: '{"not an event' })]);
  }
  await producer.close();
}

/** Runs with a disturbance, and holds what came out against the undisturbed run. */
async function expectSame(disturb: (run: Run) => Promise<void>, more: Partial<Scenario> = {}): Promise<Outcome> {
  const outcome = await runThrough({ ...scenario, ...more }, disturb);
  expect(outcome.decisions).toEqual(expected.decisions);
  expect(outcome.digests).toEqual(expected.digests);
  noteRecoveries(outcome);
  return outcome;
}

/** For the command that runs all of this several times and tells of it. */
function noteRecoveries({ decisions, recoveriesMs }: Outcome): void {
  const file = process.env['WEIR_FAULTS_FILE'];
  if (file === undefined) return;
  const compared = Object.values(decisions).flat().length;
  appendFileSync(file, `${JSON.stringify({ fault: expect.getState().currentTestName, compared, recoveriesMs })}\n`);
}

test('a worker publishes one decision an event, each as its contract says', () => {
  const all = Object.values(expected.decisions)
    .flat()
    .map((value) => decisionContract.schema.parse(JSON.parse(value)));
  expect(new Set(all.map(({ eventId }) => eventId)).size).toBe(events);
  expect(all.length).toBe(events);
  expect(new Set(all.map(({ partition }) => partition))).toEqual(new Set([0, 1, 2, 3]));
  expect(new Set(all.map(({ outcome }) => outcome)).size).toBeGreaterThan(1);
});

test('the undisturbed run kept a dead letter and a ledger, so that the comparisons compare something', () => {
  expect(JSON.stringify(expected.digests)).toMatch(/"dead_letters":"1 rows/);
  for (const digest of Object.values(expected.digests))
    expect(JSON.stringify(digest)).toMatch(/"ledger":"[1-9]\d* rows/);
});

test('killed five times in the middle, a worker puts out what an undisturbed one does', async () => {
  let kills = 0;
  await expectSame(
    async ({ after: decided, workers, start, recovered }) => {
      for (; kills < 5; kills++) {
        await decided(2000);
        const killedMs = performance.now();
        last(workers).process.kill('SIGKILL');
        await last(workers).ended;
        start();
        await recovered(killedMs);
      }
    },
    { more: ['--instance-id', 'one'] },
  );
  expect(kills).toBe(5);
});

test.each(clusterFaults)('$name', async ({ disturb, isNoticed }) => {
  const { lines } = await expectSame((run) => disturb({ broker, proxy }, run));
  expect(noticed.test(lines.join('\n')) || !isNoticed).toBe(true);
});

test('an owner that is stopped past its session and wakes again publishes nothing more of what went to another', async () => {
  const { lines } = await expectSame(async ({ after: decided, workers, start, reading, recovered }) => {
    await decided(3000);
    const sleeper = last(workers);
    sleeper.process.kill('SIGSTOP');
    const stoppedMs = performance.now();
    const heir = start();
    await heir.said(/partition 3 is ours/);
    await recovered(stoppedMs);
    await reading.until(() => reading.records.length >= events / 2);
    sleeper.process.kill('SIGCONT');
  });
  expect(lines.filter((line) => /copied from an owner/.test(line)).length).toBeGreaterThan(0);
});

test('members that come and go all the time lose and double nothing', async () => {
  let joins = 0;
  await expectSame(async ({ start, after: decided }) => {
    for (; joins < 4; joins++) {
      const guest = start();
      await guest.said(/is ours/);
      guest.process.kill(joins % 2 === 0 ? 'SIGTERM' : 'SIGKILL');
      await guest.ended;
      await decided(500);
    }
  });
  expect(joins).toBe(4);
});

test.each(wrongClocks)('a worker whose clock is %s decides as one whose clock is right', async (_, shiftMs) => {
  const { decisions } = await expectSame(async () => undefined, { env: shiftedClock(shiftMs) });
  expect(Object.values(decisions).flat().length).toBe(events);
});

const small = join(dir, 'small');
const isMounted = mountSmall(small, 6);
if (!isMounted) process.stderr.write('kafka-worker.test.ts: no full disk, as this user may not mount a tmpfs\n');

// Skipped where the user may not mount a tmpfs, with the reason printed above.
test.skipIf(!isMounted)('a worker on a full disk stops and says so, and goes on once there is room', async () => {
  const state = join(small, 'state');
  const { lines } = await expectSame(
    async ({ workers, start, recovered }) => {
      expect((await last(workers).ended).code).toBe(1);
      execFileSync('mount', ['-o', 'remount,size=1g', small]);
      const roomMs = performance.now();
      start();
      await recovered(roomMs);
    },
    { state },
  );
  expect(lines.join('\n')).toMatch(/DISK_FULL/);
});

test('a topic that gets more partitions stops the worker, which says why', async () => {
  const { payments, decisions } = await createTopics(driver, 2);
  const worker = startWorker({ ...world, partitions: 2 }, planOf(payments, decisions));
  await worker.said(/partition 1 is ours/);
  const admin = await driver.openAdmin();
  await admin.increasePartitions(payments, 3);
  await admin.close();
  expect((await worker.ended).code).toBe(1);
  expect(worker.lines.join('\n')).toMatch(/PARTITIONS_CHANGED/);
});

test('records that retention has taken before they were read stop the worker, which says what is lost', async () => {
  const { payments, decisions } = await createTopics(driver, 1);
  const plan = planOf(payments, decisions);
  const producer = await driver.openProducer();
  const wanted = { accounts: 10, partitions: 1 };
  await producer.send(authorizations(payments, { ...wanted, from: 0, count: 100 }));
  const first = startWorker(world, plan);
  await first.said(/partition 0 is ours/);
  const reading = await readDecisions(driver, decisions);
  await reading.until(() => reading.records.length === 100);
  await reading.close();
  first.process.kill('SIGTERM');
  expect((await first.ended).code).toBe(0);
  await producer.send(authorizations(payments, { ...wanted, from: 100, count: 100 }));
  await producer.close();
  const admin = new Admin({ clientId: 'weir-test', bootstrapBrokers: [broker.bootstrap] });
  await admin.deleteRecords({ topics: [{ name: payments, partitions: [{ partition: 0, offset: 150n }] }] });
  await admin.close();
  const second = startWorker(world, plan);
  expect((await second.ended).code).toBe(1);
  expect(second.lines.join('\n')).toMatch(/OFFSET_OUT_OF_RANGE/);
  expect(second.lines.join('\n')).toMatch(/got offset 100 .* 50 records are lost to retention/);
});

test('features by a key that is spread over partitions need topics between workers, which it names', async () => {
  const { payments, decisions } = await createTopics(driver, 2);
  const shipped = new URL('../../examples/handbook/', import.meta.url).pathname;
  const files = {
    definition: `${shipped}fraud-features.ts`,
    rules: `${shipped}rules.json`,
    model: `${shipped}model.json`,
  };
  const worker = startWorker({ ...world, files }, planOf(payments, decisions));
  expect((await worker.ended).code).toBe(1);
  expect(worker.lines.join('\n')).toMatch(/got no topic .*by\.terminalId, .*views\.terminalId[^]*TOPIC_UNKNOWN/);
});

function planOf(payments: string, decisions: string): Run['plan'] {
  return {
    bootstrap: scenario.bootstrap,
    topics: { payments, decisions },
    group: payments,
    state: join(world.dir, payments),
  };
}
