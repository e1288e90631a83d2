import { describe, expect, test } from 'vitest';
import { createDistinct, countOf, moveDistinct } from '../../core/engine/hot-key-distinct.ts';
import { addRange, findEntry, visitRange } from '../../core/engine/hot-key-range.ts';
import { createHotKey, evictBlocks, noteEntry, placeEntry, type HotKey } from '../../core/engine/hot-key.ts';
import { createTile, noSelf, type TilePlan } from '../../core/engine/hot-key-tile.ts';
import { allocateBlock, createSlab, localOf, offsetWord, segmentAt, type Slab } from '../../core/engine/slab.ts';
import { openStream, wholeBelow } from '../../simulate/random.ts';

type Entry = { readonly timeMs: number; readonly offset: number; readonly value: number };

/** Tiles of count, sum, least and most of the value, which is word 2. */
function tilePlan(): TilePlan {
  return {
    slots: 4,
    sumSlots: 2,
    minEnd: 3,
    excludesSelf: false,
    fanout: 4,
    sizeClass: 3,
    entry: new Float64Array(4),
    path: { nodes: [], children: [], length: 0 },
    accumulate: (f64, _i32, from, until, _self, _labelsUntilMs, tile) => {
      for (let entry = from; entry < until; entry++) {
        const value = f64[entry * 3 + 2] ?? 0;
        tile.set([tile[0]! + 1, tile[1]! + value, Math.min(tile[2]!, value), Math.max(tile[3]!, value)]);
      }
    },
  };
}

/** A tree of as many entries, some of them out of order, with the same entries as a list. */
function grow(entries: number): { slab: Slab; plan: TilePlan; hot: HotKey; all: Entry[] } {
  const slab = createSlab(3, 4);
  const plan = tilePlan();
  const block = allocateBlock(slab, 3);
  segmentAt(slab, block).f64.set([0, 0, 5], localOf(block) * 3);
  const hot = createHotKey(slab, plan, { position: block, count: 1, cursors: 0 });
  const all: Entry[] = [{ timeMs: 0, offset: 0, value: 5 }];
  const random = openStream({ seed: entries, name: 'hot key' });
  for (let offset = 1; offset < entries; offset++) {
    const entry = { timeMs: Math.max(0, offset - wholeBelow(random, 30)), offset, value: wholeBelow(random, 50) };
    const position = placeEntry(slab, plan, hot, entry);
    segmentAt(slab, position).f64[localOf(position) * 3 + 2] = entry.value;
    noteEntry(slab, plan, position);
    all.push(entry);
  }
  return {
    slab,
    plan,
    hot,
    all: all.toSorted((left, right) => left.timeMs - right.timeMs || left.offset - right.offset),
  };
}

function tileOf(entries: readonly Entry[]): number[] {
  const values = entries.map(({ value }) => value);
  const sum = values.reduce((total, value) => total + value, 0);
  return [values.length, sum, Math.min(...values), Math.max(...values)];
}

describe('the tree of a busy key', () => {
  test.each([1, 2, 20, 700])('of %d entries gives them back in order of time and offset', (count) => {
    const { slab, hot, all } = grow(count);
    const offsets: number[] = [];
    visitRange(slab, hot.root, { sinceMs: -1, untilMs: Infinity, order: 'oldestFirst' }, (_f64, i32, from, until) => {
      for (let entry = from; entry < until; entry++) offsets.push(i32[entry * 6 + offsetWord] ?? -1);
      return true;
    });
    expect(offsets).toEqual(all.map(({ offset }) => offset));
    expect(hot.entries).toBe(count);
  });

  test('says of any range what its entries say, also after old blocks have gone', () => {
    const { slab, plan, hot, all } = grow(700);
    const random = openStream({ seed: 3, name: 'ranges' });
    for (let step = 0; step < 400; step++) {
      if (step === 200) evictBlocks(slab, plan, hot, 350);
      const sinceMs = step < 200 ? wholeBelow(random, 700) : 350 + wholeBelow(random, 300);
      const untilMs = sinceMs + wholeBelow(random, 400);
      const tile = createTile(plan);
      const isOpenEnded = untilMs >= hot.newestMs;
      addRange(slab, plan, hot.root, { sinceMs, untilMs, self: noSelf, labelsUntilMs: 0, isOpenEnded }, tile);
      expect([...tile]).toEqual(tileOf(all.filter(({ timeMs }) => timeMs > sinceMs && timeMs <= untilMs)));
    }
    expect(hot.entries).toBeLessThan(400);
    expect(hot.entries).toBeGreaterThanOrEqual(all.filter(({ timeMs }) => timeMs > 350).length);
  });

  test('finds every entry, and none that is not there', () => {
    const { slab, plan, hot, all } = grow(300);
    for (const { timeMs, offset } of all) {
      const position = findEntry(slab, plan, hot.root, { timeMs, offset, depth: 0 });
      expect(segmentAt(slab, position).i32[localOf(position) * 6 + offsetWord]).toBe(offset);
    }
    expect(findEntry(slab, plan, hot.root, { timeMs: 10, offset: 999, depth: 0 })).toBe(-1);
  });
});

describe('a running count of different values', () => {
  test('says of any window what its entries say, wherever it moves', () => {
    const { slab, hot, all } = grow(700);
    const values = { f64: new Float64Array(64) };
    const read = (f64: Float64Array, _i32: Int32Array, from: number, until: number): number => {
      for (let entry = from; entry < until; entry++) values.f64[entry - from] = f64[entry * 3 + 2] ?? 0;
      return until - from;
    };
    const cursor = createDistinct();
    const random = openStream({ seed: 4, name: 'windows' });
    for (let step = 0; step < 300; step++) {
      const sinceMs = wholeBelow(random, 700);
      const untilMs = sinceMs + 1 + wholeBelow(random, 300);
      moveDistinct(cursor, { slab, root: hot.root, read, values }, sinceMs, untilMs);
      const inside = all.filter(({ timeMs }) => timeMs > sinceMs && timeMs <= untilMs).map(({ value }) => value);
      expect(cursor.counts.distinct).toBe(new Set(inside).size);
      expect(countOf(cursor.counts, 7)).toBe(inside.filter((value) => value === 7).length);
    }
  });
});
