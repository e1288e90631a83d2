import { expect, test } from 'vitest';
import { runSoak } from '../../bench/kafka-soak.ts';

const seed = 20261124;

test('a minute of payments with a fault every 8 seconds loses and doubles nothing', async () => {
  const report = await runSoak({ seconds: 60, rate: 2000, faultEverySeconds: 8, seed });
  expect(report, `seed ${seed}`).toMatchObject({ sent: 120_000, missing: 0, doubled: 0 });
  expect(Object.values(report.faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(4);
});
