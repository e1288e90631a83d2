import type { HotNode } from './hot-key-tile.ts';
import { visitRange } from './hot-key-range.ts';
import type { Slab } from './slab.ts';

/** How often each value occurs in the entries with `sinceMs < eventTimeMs <= untilMs`; it moves to either side. */
export type DistinctCursor = { sinceMs: number; untilMs: number; readonly counts: ValueCounts };

/** Counts by value in many small tables, so that growing moves a small part of them at a time. */
export type ValueCounts = { readonly shards: (CountShard | undefined)[]; distinct: number };

/** Open addressing; a key of NaN marks an empty slot. A value that is gone keeps its slot until the shard grows. */
type CountShard = { keys: Float64Array; counts: Int32Array; used: number };

/** Reads the values of entries `[from, until)` of a segment into `values` and says how many. */
export type ReadValues = (f64: Float64Array, i32: Int32Array, from: number, until: number) => number;

/** What a cursor reads: the values of the key's entries. */
export type DistinctSource = {
  readonly slab: Slab;
  readonly root: HotNode;
  readonly read: ReadValues;
  readonly values: { readonly f64: Float64Array };
};

const shardBits = 6;
const slotsMin = 8;

/** A cursor that stands at the end of time and holds nothing. */
export function createDistinct(): DistinctCursor {
  return { sinceMs: 0, untilMs: 0, counts: createCounts() };
}

/** Moves the cursor to another window: each entry that enters or leaves costs O(1). */
export function moveDistinct(cursor: DistinctCursor, source: DistinctSource, sinceMs: number, untilMs: number): void {
  if (sinceMs >= cursor.untilMs || untilMs <= cursor.sinceMs) {
    cursor.counts.shards.fill(undefined);
    cursor.counts.distinct = 0;
    countRange(cursor, source, { sinceMs, untilMs, by: 1 });
  } else {
    if (untilMs > cursor.untilMs) countRange(cursor, source, { sinceMs: cursor.untilMs, untilMs, by: 1 });
    if (sinceMs < cursor.sinceMs) countRange(cursor, source, { sinceMs, untilMs: cursor.sinceMs, by: 1 });
    if (untilMs < cursor.untilMs) countRange(cursor, source, { sinceMs: untilMs, untilMs: cursor.untilMs, by: -1 });
    if (sinceMs > cursor.sinceMs) countRange(cursor, source, { sinceMs: cursor.sinceMs, untilMs: sinceMs, by: -1 });
  }
  cursor.sinceMs = sinceMs;
  cursor.untilMs = untilMs;
}

/** Counts a value once more (`by` 1) or once less (`by` -1). */
export function countValue(counts: ValueCounts, value: number, by: 1 | -1): void {
  const hash = hashOf(value);
  const number = hash >>> (32 - shardBits);
  const shard = (counts.shards[number] ??= createShard(slotsMin));
  let slot = slotOf(shard, value, hash);
  if (shard.keys[slot] !== value) {
    if ((shard.used + 1) * 4 > shard.keys.length * 3) {
      growShard(shard);
      slot = slotOf(shard, value, hash);
    }
    shard.keys[slot] = value;
    shard.used++;
  }
  const count = shard.counts[slot]! + by;
  shard.counts[slot] = count;
  if (by === 1 ? count === 1 : count === 0) counts.distinct += by;
}

/** How often a value occurs. */
export function countOf(counts: ValueCounts, value: number): number {
  const hash = hashOf(value);
  const shard = counts.shards[hash >>> (32 - shardBits)];
  return shard === undefined ? 0 : shard.counts[slotOf(shard, value, hash)]!;
}

function createCounts(): ValueCounts {
  return { shards: Array.from({ length: 2 ** shardBits }, () => undefined), distinct: 0 };
}

function countRange(
  cursor: DistinctCursor,
  source: DistinctSource,
  range: { readonly sinceMs: number; readonly untilMs: number; readonly by: 1 | -1 },
): void {
  const { slab, root, read, values } = source;
  const { sinceMs, untilMs, by } = range;
  visitRange(slab, root, { sinceMs, untilMs, order: 'newestFirst' }, (f64, i32, from, until) => {
    const count = read(f64, i32, from, until);
    for (let index = 0; index < count; index++) countValue(cursor.counts, values.f64[index]!, by);
    return true;
  });
}

function createShard(slots: number): CountShard {
  return { keys: new Float64Array(slots).fill(Number.NaN), counts: new Int32Array(slots), used: 0 };
}

/** Ids and whole numbers spread by their low bits, fractions by those that the multiplication brings up. */
function hashOf(value: number): number {
  const mixed = Math.imul(value ^ (value * 16_384), 0x9e37_79b1);
  return Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca6b);
}

/** The slot of a value, or the empty one where it would go. */
function slotOf({ keys }: CountShard, value: number, hash: number): number {
  const mask = keys.length - 1;
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const key = keys[slot]!;
    if (key === value || key !== key) return slot;
  }
}

/** Makes room by leaving out values that are gone, and by doubling where that is not enough. */
function growShard(shard: CountShard): void {
  let live = 0;
  for (const count of shard.counts) if (count !== 0) live++;
  const grown = createShard(
    Math.max(slotsMin, live * 2 > shard.keys.length ? shard.keys.length * 2 : shard.keys.length),
  );
  for (let slot = 0; slot < shard.keys.length; slot++) {
    if (shard.counts[slot] === 0) continue;
    const value = shard.keys[slot]!;
    const to = slotOf(grown, value, hashOf(value));
    grown.keys[to] = value;
    grown.counts[to] = shard.counts[slot]!;
  }
  shard.keys = grown.keys;
  shard.counts = grown.counts;
  shard.used = live;
}
