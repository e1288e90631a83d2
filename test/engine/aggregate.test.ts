import { describe, expect, test } from 'vitest';
import { type AggregateKind, foldAggregate, type Value } from '../../core/engine/aggregate.ts';

/** Values a second apart, from time 0; asked at 10 seconds. */
function fold(kind: AggregateKind, ...values: Value[]): Value {
  return foldAggregate(
    kind,
    values.map((value, index) => ({ eventTimeMs: index * 1000, value })),
    10_000,
  );
}

describe('an aggregate over its samples', () => {
  test.each<[AggregateKind, Value[], Value]>([
    ['count', [5, 5, 7], 3],
    ['countDistinct', [5, 5, 7, 'a'], 3],
    ['sum', [5, 5, 7], 17],
    ['avg', [5, 6], 5.5],
    ['min', [5, -3, 7], -3],
    ['max', [5, -3, 7], 7],
    ['stddev', [2, 4, 4, 4, 5, 5, 7, 9], 2],
    ['stddev', [0.5, 1.5], 0.5],
    ['median', [9, 1, 5], 5],
    ['median', [9, 1, 5, 2], 3.5],
    ['first', ['a', 'b'], 'a'],
    ['last', ['a', 'b'], 'b'],
    ['sinceFirstMs', [1, 1, 1], 10_000],
    ['sinceLastMs', [1, 1, 1], 8000],
  ])('%s of %j is %j', (kind, values, expected) => {
    expect(fold(kind, ...values)).toBe(expected);
  });

  test.each<[AggregateKind, Value]>([
    ['count', 0],
    ['countDistinct', 0],
    ['sum', 0],
    ['avg', null],
    ['min', null],
    ['max', null],
    ['stddev', null],
    ['median', null],
    ['first', null],
    ['last', null],
    ['sinceFirstMs', null],
    ['sinceLastMs', null],
  ])('%s of nothing is %j', (kind, expected) => {
    expect(fold(kind)).toBe(expected);
  });
});
