import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addFloat,
  addSquareOf,
  createFloatSum,
  mergeFloatSums,
  roundFloatSum,
  varianceOfFloats,
  type ExactFloatSum,
} from '../../core/engine/exact-float-sum.ts';
import { varianceExact } from '../../core/engine/exact-sum.ts';

const everyDouble = fc.double({ noNaN: true, noDefaultInfinity: true });
const measured = fc.double({ noNaN: true, min: -1e6, max: 1e6 });
const whole = fc.maxSafeInteger();
/** Numbers of one kind, or of all kinds side by side: cancelling, half way between doubles, tiny and huge. */
const numbers = fc.oneof(
  fc.array(everyDouble),
  fc.array(measured),
  fc.array(fc.oneof(everyDouble, measured, whole, fc.constantFrom(1, 2 ** 53, 2 ** -53, -1, 1e300, -1e300, 5e-324))),
);

describe('an exact sum', () => {
  test.each([
    { values: [], sum: 0 },
    { values: [-0], sum: 0 },
    { values: [0.1, 0.2, 0.3, -0.6], sum: 2.7755575615628914e-17 },
    { values: [1e100, 1, -1e100], sum: 1 },
    { values: [1e308, 1e308, -1e308], sum: 1e308 },
    { values: [2 ** 53, 1, 2 ** -60], sum: 2 ** 53 + 2 },
    { values: [2 ** 53, 1, -(2 ** -60)], sum: 2 ** 53 },
    { values: [2 ** 53, 1], sum: 2 ** 53 },
    { values: [1.7e308, 1.7e308], sum: Number.POSITIVE_INFINITY },
    { values: Array.from({ length: 10 }, () => 0.1), sum: 1 },
  ])('of $values is $sum', ({ values, sum }) => {
    expect(roundFloatSum(sumOf(values))).toBe(sum);
  });

  test('is the nearest double of the true sum', () => {
    fc.assert(
      fc.property(numbers, (values) => {
        expect(roundFloatSum(sumOf(values))).toBe(nearest(values.map(fractionOf)));
      }),
      { numRuns: 500 },
    );
  });

  test('of squares is the nearest double of their true sum', () => {
    fc.assert(
      fc.property(numbers, (values) => {
        const squares = createFloatSum();
        for (const value of values) addSquareOf(squares, value);
        expect(roundFloatSum(squares)).toBe(nearest(values.map((value) => squareOf(fractionOf(value)))));
      }),
      { numRuns: 500 },
    );
  });

  test('is the same in any order and however it was merged', () => {
    fc.assert(
      fc.property(numbers, fc.infiniteStream(fc.nat()), (values, dice) => {
        const pieces = [createFloatSum(), createFloatSum(), createFloatSum()];
        for (const value of shuffled(values, dice)) addFloat(pieces[(dice.next().value ?? 0) % 3]!, value);
        const [target, ...sources] = pieces;
        for (const source of sources) mergeFloatSums(target!, source);
        expect(roundFloatSum(target!)).toBe(roundFloatSum(sumOf(values)));
      }),
      { numRuns: 300 },
    );
  });
});

describe('the variance', () => {
  test('of integers has the bits of the integer one', () => {
    fc.assert(
      fc.property(fc.array(whole, { minLength: 1 }), (values) => {
        const sum = values.reduce((total, value) => total + BigInt(value), 0n);
        const squares = values.reduce((total, value) => total + BigInt(value) ** 2n, 0n);
        expect(varianceOf(values)).toBe(varianceExact(values.length, sum, squares));
      }),
    );
  });

  test('of any numbers is the true numerator, rounded, over the count squared', () => {
    fc.assert(
      fc.property(numbers, (values) => {
        fc.pre(values.length > 0);
        const fractions = values.map(fractionOf);
        const total = fractions.reduce(plus, 0n);
        const squares = fractions.map(squareOf).reduce(plus, 0n);
        // Both in units of 2^-2148.
        const numerator = nearest([BigInt(values.length) * squares - squareOf(total)]);
        expect(varianceOf(values)).toBe(numerator / values.length ** 2);
      }),
      { numRuns: 500 },
    );
  });

  test.each([1e6, 1e9, 1e12])('of a small deviation far from 0 (%d) keeps its digits', (mean) => {
    expect(varianceOf([mean - 0.5, mean + 0.5])).toBe(0.25);
    expect(varianceOf([mean, mean, mean])).toBe(0);
  });
});

function sumOf(values: readonly number[]): ExactFloatSum {
  const sum = createFloatSum();
  for (const value of values) addFloat(sum, value);
  return sum;
}

function varianceOf(values: readonly number[]): number {
  const squares = createFloatSum();
  for (const value of values) addSquareOf(squares, value);
  return varianceOfFloats({ count: values.length, sum: sumOf(values), squares });
}

function shuffled(values: readonly number[], dice: Iterator<number>): number[] {
  const keyed = values.map((value) => ({ value, place: Number(dice.next().value) }));
  return keyed.toSorted((left, right) => left.place - right.place).map(({ value }) => value);
}

/** The twin's number: a true fraction, a whole number of 2^-2148, found by doubling. */
function fractionOf(value: number): bigint {
  let doublings = 0;
  let scaled = value;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    doublings += 1;
  }
  return BigInt(scaled) << BigInt(2148 - doublings);
}

function squareOf(fraction: bigint): bigint {
  return (fraction >> 1074n) ** 2n;
}

function plus(left: bigint, right: bigint): bigint {
  return left + right;
}

/** The nearest double of a sum of fractions: the engine's own reading of a decimal text that says it exactly. */
function nearest(fractions: readonly bigint[]): number {
  const total = fractions.reduce(plus, 0n);
  const digits = total * 5n ** 2148n;
  return Number(`${digits}e-2148`) + 0;
}
