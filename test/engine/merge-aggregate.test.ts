import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Value } from '../../core/engine/aggregate.ts';
import {
  addToPartial,
  createPartial,
  mergePartials,
  readResult,
  type PartialAggregate,
  type PartialSpec,
  type ResultSpec,
} from '../../core/engine/merge-aggregate.ts';

type Sample = { readonly value: Value; readonly isCounted: 0 | 1 | null; readonly timeMs: number };

const numbers = { input: 0, where: 1, accuracy: null };
const cases: readonly (readonly [ResultSpec, PartialSpec])[] = [
  [
    { kind: 'count', partial: 0 },
    { ...numbers, kind: 'count', input: null },
  ],
  [
    { kind: 'count', partial: 0 },
    { ...numbers, kind: 'count' },
  ],
  [
    { kind: 'sum', partial: 0 },
    { ...numbers, kind: 'sum' },
  ],
  [
    { kind: 'avg', partial: 0 },
    { ...numbers, kind: 'sum' },
  ],
  [
    { kind: 'stddev', partial: 0 },
    { ...numbers, kind: 'moments' },
  ],
  [
    { kind: 'min', partial: 0 },
    { ...numbers, kind: 'extremes' },
  ],
  [
    { kind: 'max', partial: 0 },
    { ...numbers, kind: 'extremes' },
  ],
  [
    { kind: 'median', partial: 0 },
    { ...numbers, kind: 'values' },
  ],
  [
    { kind: 'countDistinct', partial: 0 },
    { ...numbers, kind: 'distinct' },
  ],
  [
    { kind: 'countDistinct', partial: 0 },
    { ...numbers, kind: 'approximate', accuracy: 6 },
  ],
  [
    { kind: 'first', partial: 0 },
    { ...numbers, kind: 'ends' },
  ],
  [
    { kind: 'last', partial: 0 },
    { ...numbers, kind: 'ends' },
  ],
  [
    { kind: 'quantile', partial: 0, quantile: 0.9 },
    { ...numbers, kind: 'sketch', accuracy: 0.01 },
  ],
];

const value = fc.oneof(
  fc.constant(null),
  fc.constant(-0),
  fc.integer({ min: -9, max: 9 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const sample = fc.record({
  value,
  isCounted: fc.constantFrom<(0 | 1 | null)[]>(1, 1, 1, 0, null),
  timeMs: fc.integer({ min: 0, max: 9 }),
});
const samples = fc.array(sample, { maxLength: 30 });

describe.each(cases)('%o', (result, spec) => {
  test('gives the same bits in any order and however its partials are merged', () => {
    let compared = 0;
    fc.assert(
      fc.property(samples, samples, samples, (left, middle, right) => {
        const placed = [left, middle, right].map((part, index) =>
          part.map((each, at) => ({ ...each, at: index * 100 + at })),
        );
        const [a = [], b = [], c = []] = placed;
        const whole = read(partialOf(spec, [...a, ...b, ...c]), result);
        // (a + b) + c, a + (b + c), c + (b + a), and each part backwards.
        const leftFirst = merged(merged(partialOf(spec, a), partialOf(spec, b)), partialOf(spec, c));
        const rightFirst = merged(partialOf(spec, a), merged(partialOf(spec, b), partialOf(spec, c)));
        const turned = merged(
          partialOf(spec, c.toReversed()),
          merged(partialOf(spec, b.toReversed()), partialOf(spec, a.toReversed())),
        );
        for (const other of [leftFirst, rightFirst, turned]) expect(read(other, result)).toBe(whole);
        if (whole !== null && whole !== 0) compared += 1;
      }),
    );
    expect(compared).toBeGreaterThan(15);
  });

  test('leaves what is merged into another as it was', () => {
    const source = partialOf(
      spec,
      [1, 2, 2.5].map((number, at) => ({ value: number, isCounted: 1, timeMs: at, at })),
    );
    const before = structuredClone(source);
    merged(partialOf(spec, [{ value: 7, isCounted: 1, timeMs: 3, at: 9 }]), source);
    expect(source).toStrictEqual(before);
  });

  test('of no events, or of nulls alone, is 0 for counts and sums and null for the others', () => {
    const none = ['count', 'sum', 'countDistinct'].includes(result.kind) ? 0 : null;
    expect(read(createPartial(spec), result)).toBe(none);
    const nulls = [0, 1].map((at) => ({ value: null, isCounted: 1, timeMs: 0, at }) as const);
    expect(read(partialOf(spec, nulls), result)).toBe(spec.input === null ? 2 : none);
  });
});

test('first and last are decided by time, then partition, then offset', () => {
  const spec: PartialSpec = { kind: 'ends', input: 0, where: null, accuracy: null };
  const partial = createPartial(spec);
  const places = [
    { eventTimeMs: 5, partition: 1, offset: 0, text: 'c' },
    { eventTimeMs: 5, partition: 0, offset: 9, text: 'b' },
    { eventTimeMs: 5, partition: 0, offset: 8, text: 'a' },
    { eventTimeMs: 5, partition: 1, offset: 1, text: 'd' },
  ];
  for (const { text, ...place } of places) addToPartial(partial, spec, { place, columns: [text] });
  expect([read(partial, { kind: 'first', partial: 0 }), read(partial, { kind: 'last', partial: 0 })]).toEqual([
    'a',
    'd',
  ]);
});

test('-0 is 0, in whatever order they come', () => {
  for (const [result, spec] of cases) {
    const zeros = [-0, 0, -0].map((zero, at) => ({ value: zero, isCounted: 1, timeMs: 0, at }) as const);
    const [forth, back] = [zeros, zeros.toReversed()].map((each) => read(partialOf(spec, each), result));
    expect(forth).toBe(back);
    expect(Object.is(forth, -0)).toBe(false);
  }
});

test('a sum beyond the largest double is null, not an infinity', () => {
  const spec: PartialSpec = { kind: 'sum', input: 0, where: null, accuracy: null };
  const huge = [1e308, 1e308].map((number, at) => ({ value: number, isCounted: 1, timeMs: 0, at }) as const);
  expect(read(partialOf(spec, huge), { kind: 'sum', partial: 0 })).toBeNull();
});

test('partials of two kinds are not merged', () => {
  const target = createPartial({ ...numbers, kind: 'sum' });
  expect(() => mergePartials(target, createPartial({ ...numbers, kind: 'moments' }))).toThrow(
    'got a partial of moments, expected sum',
  );
});

function partialOf(spec: PartialSpec, added: readonly (Sample & { readonly at: number })[]): PartialAggregate {
  const partial = createPartial(spec);
  for (const { value: input, isCounted, timeMs, at } of added) {
    const place = { eventTimeMs: timeMs, partition: at % 2, offset: at };
    addToPartial(partial, spec, { place, columns: [input, isCounted] });
  }
  return partial;
}

function merged(target: PartialAggregate, source: PartialAggregate): PartialAggregate {
  mergePartials(target, source);
  return target;
}

function read(partial: PartialAggregate, result: ResultSpec): Value {
  return readResult([partial], result);
}
