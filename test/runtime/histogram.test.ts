import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createHistogram, merge, quantile, record } from '../../runtime/histogram.ts';

const values = fc.array(fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 2 ** 32 - 1 })), {
  minLength: 1,
  maxLength: 200,
});
const share = fc.double({ min: 0.001, max: 1, noNaN: true });

function histogramOf(recorded: readonly number[]) {
  const histogram = createHistogram();
  for (const value of recorded) record(histogram, { value });
  return histogram;
}

/** The slow twin: sort, and count up to the rank. */
function exactQuantile(recorded: readonly number[], wanted: number): number {
  const sorted = recorded.toSorted((left, right) => left - right);
  return sorted[Math.max(1, Math.ceil(wanted * sorted.length)) - 1] ?? 0;
}

test('a quantile is at most 1/64 above the exact one and never below it', () => {
  fc.assert(
    fc.property(values, share, (recorded, wanted) => {
      const exact = exactQuantile(recorded, wanted);
      const got = quantile(histogramOf(recorded), wanted) ?? -1;
      expect(got).toBeGreaterThanOrEqual(exact);
      expect(got).toBeLessThanOrEqual(exact * (1 + 1 / 64));
    }),
  );
});

test('merged histograms are that of all values, in any grouping', () => {
  fc.assert(
    fc.property(values, values, values, (first, second, third) => {
      const left = histogramOf(first);
      merge(left, histogramOf(second));
      merge(left, histogramOf(third));
      const right = histogramOf(second);
      merge(right, histogramOf(third));
      merge(right, histogramOf(first));
      expect(left).toEqual(histogramOf([...first, ...second, ...third]));
      expect(right).toEqual(left);
    }),
  );
});

test('a value may be recorded several times at once', () => {
  const histogram = createHistogram();
  record(histogram, { value: 7, times: 3 });
  expect(histogram).toEqual(histogramOf([7, 7, 7]));
});

test('what is below or beyond the range counts as its end', () => {
  expect(quantile(histogramOf([-5]), 1)).toBe(0);
  expect(quantile(histogramOf([2 ** 40]), 1)).toBe(2 ** 32 - 1);
});

test('a histogram without values has no quantile', () => {
  expect(quantile(createHistogram(), 0.5)).toBeNull();
});
