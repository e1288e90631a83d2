import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  addToHyperLogLog,
  createHyperLogLog,
  estimateDistinct,
  mergeHyperLogLogs,
  type HyperLogLog,
} from '../../core/engine/hyper-log-log.ts';

describe('an estimate', () => {
  test.each([0, 1, 2, 10, 100, 1_000, 10_000, 100_000])(
    'of %d different values is within 4 standard errors',
    (count) => {
      const estimate = estimateDistinct(sketchOf({ precision: 12, from: 0, to: count }));
      expect(Math.abs(estimate - count)).toBeLessThanOrEqual(4 * (1.04 / Math.sqrt(2 ** 12)) * count);
    },
  );

  test.each([4, 8, 12])('has the standard error that is stated, at precision %d', (precision) => {
    const stated = 1.04 / Math.sqrt(2 ** precision);
    const count = 3_000;
    const runs = Array.from({ length: 30 }, (_, run) => {
      const estimate = estimateDistinct(sketchOf({ precision, from: run * count, to: (run + 1) * count }));
      return (estimate / count - 1) ** 2;
    });
    const error = Math.sqrt(runs.reduce((sum, square) => sum + square, 0) / runs.length);
    expect(error).toBeLessThan(1.5 * stated);
    expect(error).toBeGreaterThan(0.5 * stated);
  });

  test('does not see a value twice', () => {
    const sketch = sketchOf({ precision: 12, from: 0, to: 50 });
    const before = structuredClone(sketch);
    for (let value = 0; value < 50; value++) addToHyperLogLog(sketch, `v${value}`);
    expect(sketch).toStrictEqual(before);
  });
});

describe('a sketch', () => {
  test.each([
    { left: 40, right: 60 },
    { left: 40, right: 4_000 },
    { left: 3_000, right: 4_000 },
  ])('of $left values and one of others up to $right merge into that of all', ({ left, right }) => {
    const all = sketchOf({ precision: 12, from: 0, to: right });
    const low = (): HyperLogLog => sketchOf({ precision: 12, from: 0, to: left });
    const high = (): HyperLogLog => sketchOf({ precision: 12, from: left >> 1, to: right });
    const [lowFirst, highFirst] = [low(), high()];
    mergeHyperLogLogs(lowFirst, high());
    mergeHyperLogLogs(highFirst, low());
    expect(lowFirst).toStrictEqual(all);
    expect(highFirst).toStrictEqual(all);
  });

  test('is sparse while few registers are set, and then as many bytes as registers', () => {
    expect(sketchOf({ precision: 12, from: 0, to: 100 }).dense).toBeNull();
    const full = sketchOf({ precision: 12, from: 0, to: 200 });
    expect([full.dense?.length, full.sparse.size]).toEqual([4096, 0]);
  });

  test('sets the registers that the first 8 bytes of the SHA-256 name', () => {
    for (const value of ['m1', 'café', 17, -2.5]) {
      const sketch = createHyperLogLog(10);
      addToHyperLogLog(sketch, value);
      const hex = createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
      const bits = BigInt(`0x${hex}`).toString(2).padStart(64, '0');
      const rank = bits.slice(10).indexOf('1') + 1;
      expect([...sketch.sparse]).toEqual([[Number.parseInt(bits.slice(0, 10), 2), rank]]);
    }
  });

  test.each([3, 17, 4.5, Number.NaN])('of precision %d is refused', (precision) => {
    expect(() => createHyperLogLog(precision)).toThrow(`got the precision ${precision}, expected a whole number`);
  });

  test('does not merge with one of another precision', () => {
    expect(() => mergeHyperLogLogs(createHyperLogLog(12), createHyperLogLog(11))).toThrow(
      'got a sketch of precision 11, expected 12',
    );
  });
});

function sketchOf(of: { readonly precision: number; readonly from: number; readonly to: number }): HyperLogLog {
  const sketch = createHyperLogLog(of.precision);
  for (let value = of.from; value < of.to; value++) addToHyperLogLog(sketch, `v${value}`);
  return sketch;
}
