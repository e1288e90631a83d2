import { Admin } from '@platformatic/kafka';
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kafkajsDriver } from '../../adapters/kafka/kafkajs.ts';
import { platformaticDriver } from '../../adapters/kafka/platformatic.ts';
import type { KafkaDriver } from '../../adapters/kafka/port.ts';
import { decisionContract } from '../../core/contract/decision.ts';
import { type Broker, startBroker } from '../../engines/kafka/broker.ts';
import { until } from './eventually.ts';
import { appendedAmong, recordsFrom } from './kafka-appending.ts';
import { adminOf, newTopic, numbered, packedNumbers, said, text, valuesIn } from './kafka-records.ts';
import { openReading } from './kafka-reading.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-kafka-'));
let broker: Broker;
const drivers = new Map<string, KafkaDriver>();
const names = ['platformatic', 'kafkajs'] as const;
const driverOf = (name: string): KafkaDriver => {
  const driver = drivers.get(name);
  if (driver === undefined) throw new Error(`got driver ${name}, expected one of ${[...drivers.keys()].join(', ')}`);
  return driver;
};

beforeAll(async () => {
  broker = await startBroker({ dir });
  const cluster = { clientId: 'weir-test', bootstrap: [broker.bootstrap] };
  for (const driver of [platformaticDriver(cluster), kafkajsDriver(cluster)]) drivers.set(driver.name, driver);
});

afterAll(async () => {
  await broker?.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe.each(names)('the driver %s', (name) => {
  test.each(names)('reads keys, values, headers, tombstones and times that %s wrote', async (writer) => {
    const topic = await newTopic(driverOf(name));
    const producer = await driverOf(writer).openProducer();
    await producer.send([
      {
        topic,
        partition: 0,
        key: text('card-1'),
        value: text('paid'),
        headers: [['trace', text('abc')]],
        timestampMs: 1_700_000_000_123,
      },
      { topic, partition: 0, key: text('card-2'), value: null, timestampMs: 1_700_000_000_456 },
      { topic, partition: 0, key: null, value: text('é'), timestampMs: 1_700_000_000_789 },
    ]);
    await producer.close();
    const reading = await openReading(driverOf(name), { group: randomUUID(), topics: [topic] });
    await reading.until(() => reading.records.length === 3);
    await reading.close();
    expect(
      reading.records.map(({ offset, key, value, headers, timestampMs }) => ({
        offset,
        key: said(key),
        value: said(value),
        headers: headers.map(([header, bytes]) => `${header}=${said(bytes)}`),
        timestampMs,
      })),
    ).toEqual([
      { offset: 0, key: 'card-1', value: 'paid', headers: ['trace=abc'], timestampMs: 1_700_000_000_123 },
      { offset: 1, key: 'card-2', value: null, headers: [], timestampMs: 1_700_000_000_456 },
      { offset: 2, key: null, value: 'é', headers: [], timestampMs: 1_700_000_000_789 },
    ]);
  });

  test('makes, describes, changes and deletes a topic, and says when it is there already', async () => {
    await using admin = await adminOf(driverOf(name));
    const topic = `test.${randomUUID()}`;
    const made = { topic, partitions: 2, configs: { 'retention.ms': '1000000', 'cleanup.policy': 'compact' } };
    await admin.createTopics([made]);
    await expect(admin.createTopics([made])).rejects.toMatchObject({ code: 'TOPIC_EXISTS' });
    await admin.alterConfigs(topic, { 'retention.ms': '2000000' });
    await admin.increasePartitions(topic, 3);
    // What a broker has taken, its own readers see a moment later.
    await until(async () => (await admin.describeTopic(topic)).partitions === 3);
    const described = await admin.describeTopic(topic);
    expect(described.configs.get('retention.ms')).toBe('2000000');
    expect(described.configs.get('cleanup.policy')).toBe('compact');
    expect(await admin.listTopics()).toContain(topic);
    await admin.deleteTopics([topic]);
    await until(() =>
      admin.describeTopic(topic).then(
        () => false,
        () => true,
      ),
    );
    await expect(admin.describeTopic(topic)).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' });
  });

  test('shows records and offsets of a committed transaction, and none of one that another owner cut off', async () => {
    const driver = driverOf(name);
    const topic = await newTopic(driver);
    const group = randomUUID();
    const id = { transactionalId: randomUUID(), group };
    const first = await driver.openTransactional(id);
    await first.commit({ records: numbered(topic, 0, 3), offsets: [{ topic, partition: 0, nextOffset: 2 }] });
    const second = await driver.openTransactional(id);
    await expect(first.commit({ records: numbered(topic, 100, 3), offsets: [] })).rejects.toMatchObject({
      code: 'FENCED',
    });
    await second.commit({ records: numbered(topic, 3, 2), offsets: [{ topic, partition: 0, nextOffset: 4 }] });
    await first.close();
    await second.close();
    expect(await valuesIn(driver, topic, 5)).toEqual(['value 0', 'value 1', 'value 2', 'value 3', 'value 4']);
    await using admin = await adminOf(driver);
    expect(await admin.committed(group, [{ topic, partition: 0 }])).toEqual([{ topic, partition: 0, nextOffset: 4 }]);
  });

  test.each(names)(
    'shows packed records of several transactions to %s, and none of one that was cut off',
    async (reader) => {
      const driver = driverOf(name);
      const topic = await newTopic(driver);
      const id = { transactionalId: randomUUID(), group: randomUUID() };
      const first = await driver.openTransactional(id);
      await first.commit({ records: [], packed: packedNumbers(topic, 0, 3), offsets: [] });
      await first.commit({ records: [], packed: packedNumbers(topic, 3, 2), offsets: [] });
      const second = await driver.openTransactional(id);
      await expect(
        first.commit({ records: [], packed: packedNumbers(topic, 100, 3), offsets: [] }),
      ).rejects.toMatchObject({ code: 'FENCED' });
      await second.commit({ records: [], packed: packedNumbers(topic, 5, 2), offsets: [] });
      await first.close();
      await second.close();
      const reading = await openReading(driverOf(reader), { group: randomUUID(), topics: [topic] });
      await reading.until(() => reading.records.length >= 7);
      await reading.close();
      const read = reading.records.map(({ key, value, headers }) => [
        said(key),
        said(value),
        said(headers[0]?.[1] ?? null),
      ]);
      expect(read).toEqual(Array.from({ length: 7 }, (_, index) => [`${index}`, `value ${index}`, 'abc']));
    },
  );

  test.each(['CreateTime', 'LogAppendTime'])('says at which offsets and of what %s records lie', async (times) => {
    const topic = await newTopic(driverOf(name));
    await using admin = await adminOf(driverOf(name));
    await admin.alterConfigs(topic, { 'message.timestamp.type': times });
    expect(await appendedAmong(driverOf(name), topic)).toEqual(await recordsFrom(driverOf(name), topic, 3, 8));
  });

  test('takes each record once, in order, when it is begun at the offset after the last one', async () => {
    const driver = driverOf(name);
    const topic = await newTopic(driver);
    const producer = await driver.openProducer();
    await producer.send(numbered(topic, 0, 500));
    const group = randomUUID();
    const first = await openReading(driver, { group, topics: [topic] });
    await first.until(() => first.records.length > 0);
    await first.close();
    const taken = first.records.length;
    await producer.send(numbered(topic, 500, 500));
    await producer.close();
    const second = await openReading(driver, { group, topics: [topic], from: () => taken });
    await second.until(() => taken + second.records.length === 1000);
    await second.close();
    const offsets = [...first.records, ...second.records].map(({ offset }) => offset);
    expect(offsets).toEqual(Array.from({ length: 1000 }, (_, offset) => offset));
  });

  test('gives a partition no second batch while the first one is being taken', async () => {
    const driver = driverOf(name);
    const topic = await newTopic(driver);
    const producer = await driver.openProducer();
    for (let from = 0; from < 200; from += 20) await producer.send(numbered(topic, from, 20));
    let underWay = 0;
    let atOnceMax = 0;
    const reading = await openReading(driver, {
      group: randomUUID(),
      topics: [topic],
      onBatch: async () => {
        atOnceMax = Math.max(atOnceMax, ++underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay--;
      },
    });
    await producer.send(numbered(topic, 200, 20));
    await producer.close();
    await reading.until(() => reading.records.length === 220);
    await reading.close();
    expect(atOnceMax).toBe(1);
  });

  test('divides partitions among two members, and gives all to the one that stays', async () => {
    const driver = driverOf(name);
    const topic = await newTopic(driver, 4);
    const group = randomUUID();
    const first = await openReading(driver, { group, topics: [topic] });
    await first.until(() => first.held.size === 4);
    const second = await openReading(driver, { group, topics: [topic] });
    await second.until(() => second.held.size === 2);
    await first.until(() => first.held.size === 2);
    expect([...first.held, ...second.held].sort()).toEqual([0, 1, 2, 3].map((partition) => `${topic}/${partition}`));
    await first.close();
    await second.until(() => second.held.size === 4);
    await second.close();
  });

  test('says what is lost when its offset is before the first record that is left', async () => {
    const driver = driverOf(name);
    const topic = await newTopic(driver);
    const producer = await driver.openProducer();
    await producer.send(numbered(topic, 0, 10));
    await producer.close();
    await deleteBefore(topic, 7);
    const reading = await openReading(driver, { group: randomUUID(), topics: [topic], from: () => 2 });
    await reading.until(() => reading.failures.length > 0 || reading.records.length > 0);
    await reading.close();
    expect(reading.records).toEqual([]);
    expect(reading.failures[0]).toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      facts: { offset: 2, firstOffset: 7, endOffset: 10 },
    });
  });
});

test('weir topics makes what the contracts want, once, and refuses what would lose records', async () => {
  const run = (what: string, ...more: string[]) =>
    spawnSync(
      process.execPath,
      ['bin/weir.ts', 'topics', what, '--bootstrap', broker.bootstrap, '--replicas', '1', '--prefix', 'plan.', ...more],
      { encoding: 'utf8' },
    );
  const kinds = (stdout: string): string[] =>
    stdout
      .trim()
      .split('\n')
      .map((line) => line.slice(0, 1));
  expect(new Set(kinds(run('plan', '--partitions', '2').stdout))).toEqual(new Set(['+']));
  expect(run('apply', '--partitions', '2').status).toBe(0);
  expect(new Set(kinds(run('plan', '--partitions', '2').stdout))).toEqual(new Set(['=']));
  await using admin = await adminOf(driverOf('platformatic'));
  await admin.alterConfigs('plan.payments.authorization.v1', { 'retention.ms': '1000000' });
  expect(run('plan', '--partitions', '2').stdout).toMatch(
    /^~ plan\.payments\.authorization\.v1 .*1000000 -> 10368000000/,
  );
  const refused = run('apply', '--partitions', '4');
  expect(refused.status).toBe(3);
  expect(new Set(kinds(refused.stdout))).toEqual(new Set(['!']));
  expect((await admin.describeTopic('plan.payments.authorization.v1')).partitions).toBe(2);
});

test('events of a file are published, four topics are scored as one log, and each payment is decided once', async () => {
  const weir = (...args: string[]) => spawnSync(process.execPath, ['bin/weir.ts', ...args], { encoding: 'utf8' });
  const cluster = ['--bootstrap', broker.bootstrap, '--prefix', 'file.'];
  expect(weir('topics', 'apply', ...cluster, '--replicas', '1', '--partitions', '1').status).toBe(0);
  const source = join(dir, 'payments.jsonl');
  expect(weir('generate', '--events', '2000', '--seed', '3', '--out', source).status).toBe(0);
  const published: unknown = JSON.parse(weir('publish', '--source', source, ...cluster, '--json').stdout);
  const lines = readFileSync(source, 'utf8').trim().split('\n');
  expect(published).toEqual({ published: lines.length, refused: 0 });
  const topics = ['authorization', 'clearing', 'reversal', 'dispute'].map((kind) => `file.payments.${kind}.v1`);
  const from = `kafka://${broker.bootstrap}/${topics.join(',')}`;
  const state = join(dir, 'file-state');
  const to = ['--group', 'file', '--state', state, '--decisions', 'file.fraud.decision.v1'];
  const worker = spawn(process.execPath, ['bin/weir.ts', 'run', '--source', from, ...to], { stdio: 'ignore' });
  const reading = await openReading(driverOf('platformatic'), {
    group: randomUUID(),
    topics: ['file.fraud.decision.v1'],
  });
  await reading.until(() => reading.records.length >= 2000);
  worker.kill('SIGTERM');
  await once(worker, 'exit');
  await reading.close();
  const ids = reading.records.map(
    ({ value }) => decisionContract.schema.parse(JSON.parse(said(value) ?? '')).decisionId,
  );
  expect(new Set(ids).size).toBe(2000);
  expect(weir('ledger', 'verify', '--out', join(state, 'partition-00', '0001')).status).toBe(0);
});

test('an event that its contract refuses is not published', () => {
  const source = join(dir, 'bad.jsonl');
  writeFileSync(source, '{"topic":"payments.dispute.v1","event":{"tenantId":"t"}}\n');
  const args = ['bin/weir.ts', 'publish', '--source', source, '--bootstrap', broker.bootstrap, '--json'];
  const run = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(run.status).toBe(3);
  expect(JSON.parse(run.stdout)).toEqual({ published: 0, refused: 1 });
  expect(run.stderr).toMatch(/refused: got .* expected/);
});

async function deleteBefore(topic: string, offset: number): Promise<void> {
  const admin = new Admin({ clientId: 'weir-test', bootstrapBrokers: [broker.bootstrap] });
  await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: BigInt(offset) }] }] });
  await admin.close();
}
