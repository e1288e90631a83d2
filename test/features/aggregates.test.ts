import { describe, expect, test } from 'vitest';
import {
  avg,
  count,
  countDistinct,
  first,
  last,
  max,
  median,
  min,
  share,
  sinceFirstMs,
  sinceLastMs,
  stddev,
  sum,
} from '../../core/features/define.ts';
import { decided, define, payment, paymentsAt } from './vectors.ts';

/**
 * Windows of 20 seconds over payments at 0, 10, 20, 20 and 40 seconds, each closed on the right and open on the left:
 *
 *      seconds   0    10    20 20          40
 *      amounts   400  100   100 600        200
 *      windows   (-20, 0] (-10, 10] (0, 20] (0, 20] (20, 40]
 */
const payments = paymentsAt([0, 400], [10, 100], [20, 100], [20, 600], [40, 200]);

describe('over a window, the asking payment included', () => {
  const values = decided(
    define(({ amountMinor: amount, accountId }) => ({
      counted: count().by(accountId).over('20s'),
      summed: sum(amount).by(accountId).over('20s'),
      averaged: avg(amount).by(accountId).over('20s'),
      smallest: min(amount).by(accountId).over('20s'),
      largest: max(amount).by(accountId).over('20s'),
      deviation: stddev(amount).by(accountId).over('20s'),
      middle: median(amount).by(accountId).over('20s'),
      different: countDistinct(amount).by(accountId).over('20s'),
      earliest: first(amount).by(accountId).over('20s'),
      latest: last(amount).by(accountId).over('20s'),
      since_first: sinceFirstMs().by(accountId).over('20s'),
      since_last: sinceLastMs().by(accountId).over('20s'),
      large: share(amount.above(300)).by(accountId).over('20s'),
    })),
    payments,
  );

  test.each([
    ['counted', [1, 2, 2, 3, 1]],
    ['summed', [400, 500, 200, 800, 200]],
    ['averaged', [400, 250, 100, 800 / 3, 200]],
    ['smallest', [400, 100, 100, 100, 200]],
    ['largest', [400, 400, 100, 600, 200]],
    ['deviation', [0, 150, 0, Math.sqrt(500_000 / 9), 0]],
    ['middle', [400, 250, 100, 100, 200]],
    ['different', [1, 2, 1, 2, 1]],
    ['earliest', [400, 400, 100, 100, 200]],
    ['latest', [400, 100, 100, 600, 200]],
    ['since_first', [0, 10_000, 10_000, 10_000, 0]],
    ['since_last', [null, 10_000, 10_000, 0, null]],
    ['large', [1, 1 / 2, 0, 1 / 3, 0]],
  ])('%s is %j', (name, expected) => {
    expect(values[name]).toEqual(expected);
  });
});

describe('a window', () => {
  test('leaves the asking payment out where the definition says so, and then may be empty', () => {
    const values = decided(
      define(({ amountMinor: amount, accountId }) => ({
        others: count().by(accountId).over('20s').excludingItself(),
        others_sum: sum(amount).by(accountId).over('20s').excludingItself(),
        others_max: max(amount).by(accountId).over('20s').excludingItself(),
      })),
      payments,
    );
    expect(values).toEqual({
      others: [0, 1, 1, 2, 0],
      others_sum: [0, 400, 100, 200, 0],
      others_max: [null, 400, 100, 100, null],
    });
  });

  test('that is delayed ends so long before the payment', () => {
    const values = decided(
      define(({ amountMinor: amount, accountId }) => ({
        before: sum(amount).by(accountId).over('20s').delayedBy('10s'),
        long_before: count().by(accountId).over('20s').delayedBy('40s'),
      })),
      payments,
    );
    expect(values).toEqual({ before: [0, 400, 500, 500, 700], long_before: [0, 0, 0, 0, 1] });
  });

  test('takes only the payments where a condition is true, and conditions add up', () => {
    const values = decided(
      define(({ amountMinor: amount, accountId }) => ({
        large: sum(amount).where(amount.above(100)).by(accountId).over('20s'),
        between: count().where(amount.above(100)).where(amount.below(500)).by(accountId).over('20s'),
      })),
      payments,
    );
    expect(values).toEqual({ large: [400, 400, 0, 600, 200], between: [1, 1, 0, 0, 1] });
  });

  test('may start after the last payment where a condition is true, the asking one left out', () => {
    const values = decided(
      define(({ amountMinor: amount, accountId }) => ({
        run: count().by(accountId).sinceLast(amount.atLeast(400)).over('30s'),
        run_sum: sum(amount).by(accountId).sinceLast(amount.equals(600)).over('30s'),
      })),
      payments,
    );
    expect(values).toEqual({ run: [1, 1, 2, 3, 1], run_sum: [400, 500, 600, 1200, 200] });
  });

  test('is kept for each key and each tenant', () => {
    const values = decided(
      define(({ accountId, merchantId }) => ({
        by_account: count().by(accountId).over('1h'),
        by_merchant: count().by(merchantId).over('1h'),
      })),
      [payment(), payment({ accountId: 'a2' }), payment({ tenantId: 't2' }), payment({ merchantId: 'm2' }), payment()],
    );
    expect(values).toEqual({ by_account: [1, 1, 1, 2, 3], by_merchant: [1, 2, 1, 1, 3] });
  });

  test('has no value for a payment without its key, and skips inputs that are missing', () => {
    const located = { location: { latitude: 10, longitude: 20 } };
    const values = decided(
      define(({ accountId, deviceId, location }) => ({
        by_device: count().by(deviceId).over('1h'),
        devices: countDistinct(deviceId).by(accountId).over('1h'),
        latitude: avg(location.latitude).by(accountId).over('1h'),
        last_device: last(deviceId).by(accountId).over('1h').equals(deviceId),
      })),
      [payment(), payment({ deviceId: 'd1', ...located }), payment(), payment({ deviceId: 'd1' })],
    );
    expect(values).toEqual({
      by_device: [null, 1, null, 2],
      devices: [0, 1, 1, 1],
      latitude: [null, 10, 10, 10],
      last_device: [null, 1, null, 1],
    });
  });

  test('sums and squares exactly beyond 2^53', () => {
    const values = decided(
      define(({ amountMinor: amount, accountId }) => ({
        squares: sum(amount.times(amount)).by(accountId).over('1h'),
        deviation: stddev(amount).by(accountId).over('1h'),
      })),
      paymentsAt([0, 999_999_999_999], [1, 999_999_999_997]),
    );
    expect(values['deviation']).toEqual([0, 1]);
    expect(values['squares']).toEqual(
      [999_999_999_998_000_000_000_001n, 1_999_999_999_992_000_000_000_010n].map(Number),
    );
  });
});
