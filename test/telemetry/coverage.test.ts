import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cover, type Interval, intervalsMax, mayHold } from '../../core/telemetry/coverage.ts';

const at = { expectedIntervalMs: 10, tooLateMs: Number.NEGATIVE_INFINITY };

test('readings that are close share an interval, and a gap between two is closed by what lies between', () => {
  const coverage: Interval[] = [];
  for (const timeMs of [100, 110, 300, 320]) cover(coverage, { ...at, timeMs });
  expect(coverage).toEqual([
    { startMs: 100, endMs: 110 },
    { startMs: 300, endMs: 320 },
  ]);
  expect([mayHold(coverage, 105), mayHold(coverage, 200), mayHold(coverage, 321)]).toEqual([true, false, false]);
  for (const timeMs of [150, 190, 230, 265]) cover(coverage, { ...at, timeMs });
  expect(coverage).toEqual([{ startMs: 100, endMs: 320 }]);
});

test('of too many intervals the two that lie closest become one, and what is too late is dropped', () => {
  const coverage: Interval[] = [];
  for (const timeMs of [0, 1000, 2000, 2500, 4000, 5000, 6000, 7000, 8000]) cover(coverage, { ...at, timeMs });
  expect(coverage).toHaveLength(intervalsMax);
  expect(coverage[2]).toEqual({ startMs: 2000, endMs: 2500 });
  cover(coverage, { ...at, timeMs: 9000, tooLateMs: 2500 });
  expect(coverage[0]).toEqual({ startMs: 4000, endMs: 4000 });
});

test('what no interval holds was never sent', () => {
  let gaps = 0;
  const times = fc.array(fc.nat(3000), { minLength: 5, maxLength: 120 });
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 30 }), (list, expectedIntervalMs) => {
      const coverage: Interval[] = [];
      for (const [index, timeMs] of list.entries()) {
        if (!mayHold(coverage, timeMs)) {
          expect(list.slice(0, index)).not.toContain(timeMs);
          gaps += 1;
        }
        cover(coverage, { timeMs, expectedIntervalMs, tooLateMs: Number.NEGATIVE_INFINITY });
        expect(coverage.length).toBeLessThanOrEqual(intervalsMax);
        const edges = coverage.flatMap(({ startMs, endMs }) => [startMs, endMs]);
        expect(edges).toEqual(edges.toSorted((left, right) => left - right));
      }
    }),
    { numRuns: 200 },
  );
  expect(gaps).toBeGreaterThan(1000);
});
