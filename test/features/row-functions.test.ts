import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rowFunctions, type RowFunctionName } from '../../core/features/row-functions.ts';

type Value = number | string | null;

function call(name: RowFunctionName, ...args: Value[]): Value {
  const compute: (args: readonly Value[]) => Value = rowFunctions[name];
  return compute(args);
}

describe('a row function', () => {
  test.each<[RowFunctionName, Value[], Value]>([
    ['plus', [2, 3], 5],
    ['minus', [2, 3], -1],
    ['times', [2, 3], 6],
    ['dividedBy', [3, 2], 1.5],
    ['dividedBy', [3, 0], null],
    ['dividedBy', [0, 0], null],
    ['above', [2, 2], 0],
    ['atLeast', [2, 2], 1],
    ['below', [1, 2], 1],
    ['atMost', [3, 2], 0],
    ['equals', ['a', 'a'], 1],
    ['equals', ['a', 'b'], 0],
    ['equals', [null, null], null],
    ['isOneOf', ['b', 'a', 'b'], 1],
    ['isOneOf', ['c', 'a', 'b'], 0],
    ['isOneOf', [null, 'a'], null],
    ['isMissing', [null], 1],
    ['isMissing', [0], 0],
    ['orElse', [null, 7], 7],
    ['orElse', [0, 7], 0],
    ['choose', [1, 10, 20], 10],
    ['choose', [0, 10, 20], 20],
    ['choose', [null, 10, 20], 20],
    ['not', [1], 0],
    ['not', [null], null],
    ['abs', [-4], 4],
    ['sqrt', [9], 3],
    ['sqrt', [-1], null],
    ['ln', [1], 0],
    ['ln', [0], null],
    ['hourOfDay', [Date.UTC(2024, 1, 29, 23, 59)], 23],
    ['hourOfDay', [0], 0],
    ['dayOfWeek', [0], 4],
    ['dayOfWeek', [Date.UTC(2024, 5, 2)], 7],
    ['dayOfWeek', [Date.UTC(2024, 5, 3) - 1], 7],
    ['dayOfWeek', [Date.UTC(2024, 5, 3)], 1],
  ])('%s of %j is %j', (name, args, expected) => {
    expect(call(name, ...args)).toBe(expected);
  });

  test('of truth values is that of SQL', () => {
    const values: Value[] = [1, 0, null];
    const table = values.map((left) => values.map((right) => [call('and', left, right), call('or', left, right)]));
    expect(table).toEqual([
      [
        [1, 1],
        [0, 1],
        [null, 1],
      ],
      [
        [0, 1],
        [0, 0],
        [0, null],
      ],
      [
        [null, 1],
        [0, null],
        [null, null],
      ],
    ]);
  });

  test('knows how far it is from Amsterdam to New York, and around the world', () => {
    expect(call('distanceKm', 52.37, 4.9, 40.71, -74.01)).toBeCloseTo(5863, -1);
    expect(call('distanceKm', 0, 0, 0, 180)).toBeCloseTo(Math.PI * 6371.0088, 6);
    expect(call('distanceKm', 12.5, 99, 12.5, 99)).toBe(0);
    expect(call('distanceKm', 12.5, null, 12.5, 99)).toBe(null);
  });

  test('is never NaN and never infinite, whatever it is given', () => {
    const names = Object.keys(rowFunctions).filter((name): name is RowFunctionName => name in rowFunctions);
    const value = fc.oneof(fc.double(), fc.integer(), fc.constant(null), fc.constant('text'));
    let numbers = 0;
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.array(value, { minLength: 4, maxLength: 4 }), (name, args) => {
        const finite = args.map((arg) => (typeof arg === 'number' && !Number.isFinite(arg) ? 1 : arg));
        const result = call(name, ...finite);
        if (typeof result !== 'number') return;
        numbers += 1;
        expect(Number.isFinite(result)).toBe(true);
      }),
      { numRuns: 2000 },
    );
    expect(numbers).toBeGreaterThan(300);
  });
});
