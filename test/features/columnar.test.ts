import { describe, expect, test } from 'vitest';
import handbook from '../../examples/handbook/features.ts';
import { count, countDistinct, first, max, min, sinceFirstMs, stddev, sum } from '../../core/features/define.ts';
import { everyAggregate, everyLabel, nestedOnly } from '../../simulate/hostile/definitions.ts';
import { logOf, seededDrafts, shuffled } from '../../simulate/hostile/workload.ts';
import { expectTwins } from './columnar-twins.ts';
import { define } from './vectors.ts';

/** Keys that tenants share, text keys of the head, and what busy keys read in ways of their own. */
const everyKey = define((payment) => ({
  country_count: count().by(payment.country).over('60s'),
  country_others: countDistinct(payment.merchantId).by(payment.country).over('10m').excludingItself(),
  tenant_cards: countDistinct(payment.cardToken).by(payment.tenantId).over('60s'),
  mcc_least: min(payment.amountMinor.minus(1000)).by(payment.mcc).over('10m').excludingItself(),
  mcc_most: max(payment.location.latitude).by(payment.mcc).over('10m').delayedBy('30s'),
  mcc_sum: sum(payment.amountMinor.minus(2000)).by(payment.mcc).over('10m').excludingItself(),
  mcc_deviation: stddev(payment.amountMinor).by(payment.mcc).over('10m'),
  channel_first: first(payment.merchantId).by(payment.channel).over('10m').equals(payment.merchantId),
  channel_latitudes: countDistinct(payment.location.latitude).by(payment.channel).over('60s').delayedBy('10s'),
  channel_since: sinceFirstMs().where(payment.amountMinor.above(1000)).by(payment.channel).over('10m'),
  same_text: payment.tenantId.equals(payment.country).or(payment.currency.isOneOf(['EUR', 'GBP'])),
}));

const featureSets = [
  ['every key', everyKey],
  ['every aggregate', everyAggregate],
  ['every label', everyLabel],
  ['nested only', nestedOnly],
  ['the handbook', handbook],
] as const;

describe('the columnar features say what the readable ones say', () => {
  test.each(featureSets)('of hostile logs in batches of any size: %s', (_, { plan }) => {
    let settled = 0;
    for (let seed = 1; seed <= 5; seed++) {
      const log = shuffled(logOf(seededDrafts({ seed, length: 300 })), { seed, reach: seed % 3 === 0 ? 20 : 1 });
      settled += expectTwins({ plan, log, batchSizes: [[1], [7, 64, 3], [500]][seed % 3] ?? [1] }).settled;
    }
    expect(settled).toBeGreaterThan(400);
  });

  test.each(featureSets)('where keys are busy, whatever the restarts and adopted decisions: %s', (_, { plan }) => {
    let hot = 0;
    for (let seed = 1; seed <= 5; seed++) {
      const log = shuffled(logOf(seededDrafts({ seed, length: 300 })), { seed, reach: seed % 3 === 0 ? 20 : 1 });
      const seen = expectTwins({
        plan,
        log,
        batchSizes: [[1], [7, 64, 3], [50]][seed % 3] ?? [1],
        blockEntries: 2 + (seed % 4),
        leafEntries: 2 + (seed % 3),
        fanout: 2 + (seed % 3),
        restartAfter: (batch) => batch % 5 === 0,
        adopts: (offset) => seed % 2 === 0 && offset % 70 === 0,
      });
      hot += seen.hot;
    }
    expect(hot).toBeGreaterThan(100);
  });
});
