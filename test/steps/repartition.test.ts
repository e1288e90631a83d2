import { describe, expect, test } from 'vitest';
import { avg, count, countDistinct, max, median, min, share } from '../../core/features/define.ts';
import { sinceFirstMs, sinceLastMs, stddev, sum } from '../../core/features/define.ts';
import { foreignKeysOf } from '../../core/features/foreign-plan.ts';
import { labelKeyOf } from '../../core/features/state.ts';
import { logOf, seededDrafts, shuffled } from '../../simulate/hostile/workload.ts';
import { define } from '../features/vectors.ts';
import { featuresAt, momentOf, readRouted } from './foreign-twin.ts';
import { type RepartitionRun, runRepartitions } from './repartition-run.ts';

/** Windows by two keys that are spread over partitions, beside some by the partition's own. */
const spread = define(({ amountMinor, accountId, cardToken, terminalId, merchantId, isFraud }) => ({
  amount: amountMinor,
  account_count: count().by(accountId).over('60s'),
  card_sum: sum(amountMinor).by(cardToken).over('10m'),
  terminal_count: count().by(terminalId).over('60s'),
  terminal_sum: sum(amountMinor).by(terminalId).over('10m').excludingItself(),
  terminal_cards: countDistinct(cardToken).by(terminalId).over('10m').delayedBy('30s'),
  terminal_median: median(amountMinor).by(terminalId).over('10m'),
  terminal_last: sinceLastMs().by(terminalId).over('10m'),
  terminal_fraud_rate: share(isFraud).by(terminalId).over('7d').delayedBy('7d').orElse(0),
  terminal_frauds: count().where(isFraud).by(terminalId).over('1d').delayedBy('7d'),
  amount_over_terminal: amountMinor.dividedBy(avg(amountMinor).by(terminalId).over('60s').delayedBy('10s')),
  merchant_least: min(amountMinor).by(merchantId).over('60s').delayedBy('5s'),
  merchant_most: max(amountMinor).by(merchantId).over('10m'),
  merchant_first: sinceFirstMs().where(amountMinor.above(1000)).by(merchantId).over('10m'),
  merchant_deviation: stddev(amountMinor).by(merchantId).over('60s').excludingItself(),
}));

const runs = Array.from({ length: 6 }, (_, index) => {
  const seed = index + 1;
  const log = shuffled(logOf(seededDrafts({ seed, length: 500 })), { seed, reach: seed % 3 === 0 ? 20 : 1 });
  // Busy keys have trees of blocks: in half of the runs every key with more than a few events is one.
  return runRepartitions({ plan: spread.plan, log, partitions: 3, seed, isBusy: seed % 2 === 0 });
});

describe('the windows of keys that are spread over partitions', () => {
  test('settle as those of one process that has every accepted event', () => {
    let compared = 0;
    let labels = 0;
    for (const { key, topics, settled } of runs.flatMap(({ keys }) => keys)) {
      for (const topic of topics) {
        const { payments, byKey, labels: ofTopic } = readRouted(topic);
        labels += ofTopic;
        for (const { key: name, event } of payments) {
          const timeMs = event.eventTimeMs;
          const asked = { payments: byKey.get(name)!, event, timeMs, untilOffset: Infinity, momentMs: timeMs };
          const expected = featuresAt(key, { ...asked, mode: 'settled' });
          expectNear(settled.get(labelKeyOf(event)), expected);
          compared++;
        }
      }
    }
    expect(compared).toBeGreaterThan(1500);
    expect(labels).toBeGreaterThan(100);
  });

  test('give each decision what they said at the offset that it recorded', () => {
    const seen = { read: 0, exact: 0, stepped: 0, missing: 0 };
    for (const run of runs) for (const number of run.keys.keys()) expectRead(run, number, seen);
    expect(seen.read).toBeGreaterThan(1000);
    expect(Math.min(seen.exact, seen.stepped, seen.missing)).toBeGreaterThan(50);
  });

  test('go through checkpoints of their own, and know a copy by its source', () => {
    expect(runs.reduce((sum, { restarts }) => sum + restarts, 0)).toBeGreaterThan(50);
    const copies = runs.flatMap(({ keys }) =>
      keys.flatMap(({ topics }) => topics.map((one) => readRouted(one).copies)),
    );
    expect(copies.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(50);
  });
});

/** The decided features of a foreign key against the twin's, as of the view's moment. */
function expectRead(
  { decisions, keys }: RepartitionRun,
  number: number,
  seen: { read: number; exact: number; stepped: number; missing: number },
): void {
  const { key, topics } = keys[number]!;
  for (const topic of topics) {
    const { payments, byKey } = readRouted(topic);
    for (const { key: name, event } of payments) {
      const decision = decisions.get(labelKeyOf(event))!;
      const { offset: untilOffset, ageMs } = decision.reads[number]!;
      const timeMs = event.eventTimeMs;
      const madeMs = timeMs - ageMs;
      const ofKey = byKey.get(name)!;
      const times = ofKey.filter(({ offset }) => offset <= untilOffset).map((one) => one.event.eventTimeMs);
      const momentMs = momentOf(key, { madeMs, timeMs, times });
      const expected = featuresAt(key, { payments: ofKey, event, timeMs, untilOffset, momentMs, mode: 'decision' });
      expectNear(
        key.features.map((feature) => decision.features[feature]!),
        expected,
      );
      if (untilOffset < 0) seen.missing++;
      else seen.read++;
      if (untilOffset >= 0) seen[momentMs === Math.max(madeMs, timeMs) ? 'exact' : 'stepped']++;
    }
  }
}

/** Float results agree to 1e-9. */
function expectNear(got: readonly (number | null)[] | undefined, expected: readonly (number | null)[]): void {
  if (got === undefined) throw new Error('got no values');
  const isNear = expected.every((value, index) => {
    const other = got[index]!;
    if (value === null || other === null) return value === other;
    return Math.abs(value - other) <= 1e-9 * Math.max(1, Math.abs(value));
  });
  if (!isNear) expect(got).toEqual(expected);
}

describe('features over several partitions', () => {
  test('are refused by name where no single owner can compute them', () => {
    const mixed = define(({ amountMinor, accountId, terminalId }) => ({
      over_both: avg(amountMinor).by(terminalId).over('1h').dividedBy(avg(amountMinor).by(accountId).over('1h')),
    }));
    expect(() => foreignKeysOf(mixed.plan)).toThrow(/over_both, which reads windows by terminalId and by accountId/);
  });
});
