import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addToSketch,
  bucketOf,
  bucketScale,
  createSketch,
  mergeSketches,
  readQuantile,
} from '../../core/engine/dd-sketch.ts';
import {
  addFloat,
  addSquareOf,
  createFloatSum,
  roundFloatSum,
  varianceOfFloats,
} from '../../core/engine/exact-float-sum.ts';
import {
  addToBuckets,
  bucketKey,
  bucketsOf,
  mergeBuckets,
  valuesAtRanks,
} from '../../core/telemetry/columnar-buckets.ts';
import { addPane, createPaneStore, removePane, rowOfPane, segmentOfPane } from '../../core/telemetry/columnar-panes.ts';
import { addToSums, mergeSums, sumsOf } from '../../core/telemetry/columnar-sums.ts';

const anyNumber = fc.double({ noNaN: true, noDefaultInfinity: true });
const measured = fc.integer({ min: -50_000, max: 250_000 }).map((thousandths) => thousandths / 1000);
const scale = bucketScale(0.01);

describe('a pane in columns', () => {
  test('has the exact sums of its values and those merged into it, whatever they are', () => {
    let wide = 0;
    let plain = 0;
    const lists = fc.oneof(fc.array(measured, { maxLength: 60 }), fc.array(anyNumber, { maxLength: 60 }));
    fc.assert(
      fc.property(lists, lists, (left, right) => {
        const store = createPaneStore();
        const slots = [left, right].map((values, sensor) => {
          const slot = addPane(store, sensor, 0, 0);
          for (const value of values) {
            addToSums(store, slot, segmentOfPane(store, slot).numbers, rowOfPane(slot), value);
          }
          return slot;
        });
        mergeSums(store, slots[1]!, slots[0]!);
        const sums = sumsOf(store, slots[0]!);
        const [sum, squares] = [createFloatSum(), createFloatSum()];
        for (const value of [...left, ...right]) {
          addFloat(sum, value);
          addSquareOf(squares, value);
        }
        const count = left.length + right.length;
        expect(roundFloatSum(sums.sum)).toBe(roundFloatSum(sum));
        expect(roundFloatSum(sums.squares)).toBe(roundFloatSum(squares));
        if (count > 0) expect(varianceOfFloats({ count, ...sums })).toBe(varianceOfFloats({ count, sum, squares }));
        if (store.wide.size > 0) wide++;
        else plain++;
      }),
      { numRuns: 600 },
    );
    expect([wide > 50, plain > 50]).toEqual([true, true]);
  });

  test('has the quantiles of a sketch of its values and those merged into it', () => {
    let joined = 0;
    const lists = fc.oneof(fc.array(measured, { maxLength: 200 }), fc.array(anyNumber, { maxLength: 200 }));
    fc.assert(
      fc.property(lists, lists, (left, right) => {
        const store = createPaneStore();
        const whole = createSketch();
        const places = [left, right].map((values, sensor) => {
          const slot = addPane(store, sensor, 0, 0);
          const { words } = segmentOfPane(store, slot);
          const sketch = createSketch();
          for (const value of values) {
            addToBuckets(store.buckets, words, rowOfPane(slot), keyOf(value), 1);
            addToSketch(sketch, value, scale);
          }
          mergeSketches(whole, sketch);
          return { words, row: rowOfPane(slot), slot };
        });
        const [target, source] = places;
        mergeBuckets(store.buckets, source!, target!);
        const buckets = bucketsOf(store.buckets, target!.words, target!.row);
        if (buckets.length / 2 > whole.positive.size + whole.negative.size + 1) joined++;
        for (const quantile of whole.count > 2 ? [0.3, 0.5, 0.95] : []) {
          const rank = Math.floor(quantile * (whole.count - 1));
          if (rank === 0 || rank === whole.count - 1) continue;
          const found = new Float64Array(1);
          valuesAtRanks(buckets, [rank], scale, found);
          expect(Math.min(Math.max(found[0]!, whole.min), whole.max)).toBe(readQuantile(whole, quantile, scale));
        }
        for (const { slot } of places) removePane(store, slot);
        expect(store.size).toBe(0);
      }),
      { numRuns: 300 },
    );
    expect(joined).toBeGreaterThan(20);
  });
});

function keyOf(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude < 2 ** -1022) return bucketKey.zero;
  const key = bucketOf(magnitude, scale) + bucketKey.base;
  return value > 0 ? key : -key;
}
