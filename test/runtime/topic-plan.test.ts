import { expect, test } from 'vitest';
import type { TopicDescription } from '../../adapters/kafka/port.ts';
import { contracts, inputContracts } from '../../core/contract/contracts.ts';
import { planTopics, wantedTopics, type WantedTopic } from '../../runtime/topic-plan.ts';

const wanted = wantedTopics({ prefix: 'prod.', partitions: 8, replicas: 3 });
const asIs = ({ topic, partitions, configs }: WantedTopic): TopicDescription => ({
  topic,
  partitions,
  configs: new Map(Object.entries(configs)),
});
const first = wanted[0]!;
const planWith = (change: (found: TopicDescription) => TopicDescription) =>
  planTopics([first], new Map([[first.topic, change(asIs(first))]]));

test('every contract has a topic, and every one that comes in has two twins beside it', () => {
  expect(wanted.length).toBe(contracts.size + 2 * inputContracts.size);
  expect(wanted.slice(0, 3).map(({ topic }) => topic)).toEqual([
    'prod.payments.authorization.v1',
    'prod.payments.authorization.v1.dead-letter',
    'prod.payments.authorization.v1.late',
  ]);
  expect(new Set(wanted.map(({ partitions }) => partitions))).toEqual(new Set([8]));
  expect(first.configs).toMatchObject({ 'retention.ms': '10368000000', 'min.insync.replicas': '2' });
});

test('an empty cluster lacks everything, and one that has everything lacks nothing', () => {
  expect(new Set(planTopics(wanted, new Map()).map(({ kind }) => kind))).toEqual(new Set(['create']));
  const existing = new Map(wanted.map((topic) => [topic.topic, asIs(topic)]));
  expect(new Set(planTopics(wanted, existing).map(({ kind }) => kind))).toEqual(new Set(['same']));
});

test('a retention that gets longer is changed, one that gets shorter is refused', () => {
  const withRetention = (ms: string) =>
    planWith((found) => ({ ...found, configs: new Map([...found.configs, ['retention.ms', ms]]) }));
  expect(withRetention('1000')).toMatchObject([
    { kind: 'change', changes: [{ name: 'retention.ms', before: '1000', after: '10368000000' }] },
  ]);
  for (const ms of ['-1', '10368000001']) expect(withRetention(ms)).toMatchObject([{ kind: 'refused' }]);
});

test('another number of partitions, fewer or more, is refused', () => {
  for (const partitions of [4, 16]) {
    expect(planWith((found) => ({ ...found, partitions }))).toMatchObject([{ kind: 'refused' }]);
  }
});

test('a topic that is compacted is not turned into one that is cut', () => {
  const plan = planWith((found) => ({ ...found, configs: new Map([...found.configs, ['cleanup.policy', 'compact']]) }));
  expect(plan).toMatchObject([{ kind: 'refused' }]);
});
