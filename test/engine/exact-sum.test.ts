import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addToMoments,
  emptyMoments,
  foldAggregate,
  takeFromMoments,
  valueOfMoments,
} from '../../core/engine/aggregate.ts';
import { addExact, squareExact, subtractExact, varianceExact, type ExactInteger } from '../../core/engine/exact-sum.ts';

const safe = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -1000, max: 1000 }),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
);
const amount = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 10 ** 12 - 5, max: 10 ** 12 }));

describe('an exact integer', () => {
  test('adds, subtracts and squares as BigInt does, and is a number wherever it can be', () => {
    let beyond = 0;
    const check = (got: ExactInteger, expected: bigint) => {
      expect(BigInt(got)).toBe(expected);
      expect(typeof got).toBe(Number.isSafeInteger(Number(expected)) ? 'number' : 'bigint');
      if (typeof got === 'bigint') beyond += 1;
    };
    fc.assert(
      fc.property(safe, safe, safe, (left, right, third) => {
        check(addExact(left, right), BigInt(left) + BigInt(right));
        check(subtractExact(addExact(left, right), third), BigInt(left) + BigInt(right) - BigInt(third));
        check(subtractExact(third, squareExact(left)), BigInt(third) - BigInt(left) ** 2n);
        check(squareExact(left), BigInt(left) ** 2n);
      }),
    );
    expect(beyond).toBeGreaterThan(100);
  });

  test('comes back to the same form when what was added is taken back', () => {
    fc.assert(
      fc.property(safe, safe, (left, right) => {
        expect(subtractExact(addExact(left, right), right)).toBe(left === 0 ? 0 : left);
      }),
    );
  });
});

describe('moments', () => {
  test('are those of the values that are left, whatever came and went', () => {
    fc.assert(
      fc.property(fc.array(amount, { maxLength: 30 }), fc.array(amount, { maxLength: 30 }), (gone, left) => {
        const moments = emptyMoments();
        for (const value of [...gone, ...left]) addToMoments(moments, value, 'withSquares');
        for (const value of gone) takeFromMoments(moments, value, 'withSquares');
        const samples = left.map((value) => ({ eventTimeMs: 0, value }));
        for (const kind of ['sum', 'avg', 'stddev'] as const) {
          expect(valueOfMoments(kind, moments)).toBe(foldAggregate(kind, samples, 0));
        }
        expect(BigInt(moments.sumOfSquares)).toBe(left.reduce((sum, value) => sum + BigInt(value) ** 2n, 0n));
      }),
    );
  });

  test('of whole numbers beyond 2^53 are those of a fold as well, to the last digit', () => {
    let beyond = 0;
    fc.assert(
      fc.property(fc.array(amount, { minLength: 1, maxLength: 20 }), (amounts) => {
        const moments = emptyMoments();
        const values = amounts.map((value) => value * value);
        for (const value of values) addToMoments(moments, value, 'withSquares');
        const samples = values.map((value) => ({ eventTimeMs: 0, value }));
        for (const kind of ['sum', 'avg', 'stddev'] as const) {
          expect(foldAggregate(kind, samples, 0)).toBe(valueOfMoments(kind, moments));
        }
        if (!values.every(Number.isSafeInteger)) beyond += 1;
      }),
    );
    expect(beyond).toBeGreaterThan(20);
  });

  test('give a variance that is never negative: 0 for values that are all alike', () => {
    fc.assert(
      fc.property(amount, fc.integer({ min: 1, max: 50 }), (value, count) => {
        const moments = emptyMoments();
        for (let index = 0; index < count; index += 1) addToMoments(moments, value, 'withSquares');
        expect(varianceExact(count, moments.sum, moments.sumOfSquares)).toBe(0);
      }),
    );
  });
});
