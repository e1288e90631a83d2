import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addToSketch,
  bucketOf,
  bucketScale,
  bucketsMax,
  bucketValue,
  createSketch,
  mergeSketches,
  readQuantile,
  type DdSketch,
} from '../../core/engine/dd-sketch.ts';

const percent = bucketScale(0.01);
const smallestNormal = 2 ** -1022;
const normal = fc.double({ noNaN: true, min: smallestNormal, max: Number.MAX_VALUE });
/** Numbers of both signs and 0 whose magnitudes lie within the range in which every bucket is kept. */
const near = fc.oneof(
  fc.constant(0),
  fc.constant(-0),
  fc.double({ noNaN: true, min: 1e-5, max: 1e9 }),
  fc.double({ noNaN: true, min: -1e9, max: -1e-5 }),
);

describe('a bucket', () => {
  test('holds numbers that its value stands for within the accuracy', () => {
    let errorMax = 0;
    fc.assert(
      fc.property(normal, fc.constantFrom(0.001, 0.01, 0.05, 0.3), (number, accuracy) => {
        const scale = bucketScale(accuracy);
        const value = bucketValue(bucketOf(number, scale), scale);
        // Of numbers at the end of the range the value is beyond it; the sketch then says its largest.
        if (value !== Number.POSITIVE_INFINITY) errorMax = Math.max(errorMax, Math.abs(value / number - 1) / accuracy);
      }),
      { numRuns: 2000 },
    );
    expect(errorMax).toBeLessThan(1 + 1e-9);
    expect(errorMax).toBeGreaterThan(0.9);
  });

  test('never goes down where the number goes up', () => {
    fc.assert(
      fc.property(normal, normal, (left, right) => {
        const [low, high] = [Math.min(left, right), Math.max(left, right)];
        expect(bucketOf(low, percent)).toBeLessThanOrEqual(bucketOf(high, percent));
      }),
    );
  });

  test('is one of 37.5 for each doubling at 1 %', () => {
    expect(percent.bucketsPerDoubling).toBeCloseTo(37.4988, 3);
    expect([1, 1.5, 2, 1024, 0.001].map((number) => bucketOf(number, percent))).toEqual([0, 21, 37, 374, -374]);
  });
});

describe('a sketch', () => {
  test('of nothing has no quantile', () => {
    expect(readQuantile(createSketch(), 0.5, percent)).toBeNull();
  });

  test('of one number is that number', () => {
    for (const value of [5, -7.25, 0, 5e-324, Number.MAX_VALUE]) {
      expect([0, 0.5, 1].map((quantile) => readQuantile(sketchOf([value]), quantile, percent))).toEqual([
        value,
        value,
        value,
      ]);
    }
  });

  test('of 1 to 1,000 has its percentiles within 1 %', () => {
    const sketch = sketchOf(Array.from({ length: 1000 }, (_, index) => index + 1));
    const read = (quantile: number): number => readQuantile(sketch, quantile, percent) ?? Number.NaN;
    expect(Math.abs(read(0.5) / 500 - 1)).toBeLessThanOrEqual(0.01);
    expect(Math.abs(read(0.95) / 950 - 1)).toBeLessThanOrEqual(0.01);
    expect(Math.abs(read(0.99) / 990 - 1)).toBeLessThanOrEqual(0.01);
    expect([read(0), read(1)]).toEqual([1, 1000]);
  });

  test('has every quantile within the accuracy of the number at its rank', () => {
    fc.assert(
      fc.property(fc.array(near, { minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, quantile) => {
        const sorted = values.toSorted((left, right) => left - right);
        const exact = sorted[Math.floor(quantile * (values.length - 1))] ?? Number.NaN;
        const read = readQuantile(sketchOf(values), quantile, percent) ?? Number.NaN;
        expect(Math.abs(read - exact)).toBeLessThanOrEqual(Math.abs(exact) * (0.01 + 1e-12));
      }),
      { numRuns: 500 },
    );
  });

  test('holds the same in any order and however it was merged', () => {
    const any = fc.oneof(near, fc.double({ noNaN: true, noDefaultInfinity: true }));
    let joined = 0;
    fc.assert(
      fc.property(fc.array(any, { maxLength: 40 }), fc.array(any, { maxLength: 40 }), (left, right) => {
        const whole = sketchOf([...left, ...right]);
        const merged = sketchOf(right.toReversed());
        mergeSketches(merged, sketchOf(left.toReversed()));
        expect(merged).toStrictEqual(whole);
        const lowest = whole.positiveTop - bucketsMax + 1;
        if ((whole.positive.get(lowest) ?? 0) > 1) joined += 1;
      }),
      { numRuns: 500 },
    );
    expect(joined).toBeGreaterThan(10);
  });

  test('joins what lies too far below the largest, and stays within its limit', () => {
    const sketch = sketchOf([1e-300, 1e-200, 1, 1e6, 1e300]);
    const lowest = sketch.positiveTop - bucketsMax + 1;
    expect([...sketch.positive.keys()].toSorted((left, right) => left - right)).toEqual([lowest, sketch.positiveTop]);
    expect(sketch.positive.get(lowest)).toBe(4);
    expect(sketch.count).toBe(5);
  });
});

test.each([0, 1, -0.1, Number.NaN])('the relative accuracy %d is refused', (accuracy) => {
  expect(() => bucketScale(accuracy)).toThrow(`got the relative accuracy ${accuracy}, expected above 0 and below 1`);
});

function sketchOf(values: readonly number[]): DdSketch {
  const sketch = createSketch();
  for (const value of values) addToSketch(sketch, value, percent);
  return sketch;
}
