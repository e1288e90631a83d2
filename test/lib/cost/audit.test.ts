import { describe, expect, test } from 'vitest';
import { readWorkloads } from '../../../bin/commands/audit.ts';
import { auditWorkloads, batchLines, batchSecondsMin } from '../../../lib/cost/audit.ts';
import { createLoad } from '../../../lib/cost/load.ts';

const keyed = { name: 'a', eventsPerSecond: 50, eventBytes: 200, state: 'keyed' } as const;

describe('the audit', () => {
  test('streams what no batch can bring in time, whatever it costs', () => {
    const [row] = auditWorkloads([{ ...keyed, freshnessSeconds: batchSecondsMin - 1 }]);
    expect(row).toMatchObject({ advice: 'stream', batchUsdMonth: null });
  });

  test('takes the cheaper way where both are fresh enough, also when that is a stream', () => {
    const rows = auditWorkloads(readWorkloads('examples/workloads.csv'));
    const weighed = rows.filter(({ batchUsdMonth }) => batchUsdMonth !== null);
    expect(rows).toHaveLength(5);
    expect(weighed).toHaveLength(3);
    for (const { advice, streamUsdMonth, batchUsdMonth } of weighed)
      expect(advice).toBe((batchUsdMonth ?? 0) < streamUsdMonth ? 'batch' : 'stream');
  });

  test('costs a batch of 50 events a second each quarter of an hour what paper says', () => {
    const load = createLoad({ eventsPerSecond: 50, eventBytes: 200 });
    const [puts, storage, spot] = batchLines(load, 900).map(({ usdMonth }) => usdMonth);
    // 3 files a minute for 43,800 minutes; 24.475 GiB a month, kept a day of 730 h; 2,920 runs of a minute at least.
    expect(puts).toBeCloseTo(131.4 * 0.005, 4);
    expect(storage).toBeCloseTo(((24.475 * 24) / 730) * 0.023, 4);
    expect(spot).toBeCloseTo((2920 / 60) * 0.0395 * 0.4, 4);
  });

  test('says all that is wrong with a list', () => {
    expect(() => readWorkloads('package.json')).toThrow(/expected a list/);
    expect(() => readWorkloads('contracts.lock.json')).toThrow(expect.objectContaining({ code: 'BAD_WORKLOADS' }));
  });
});
