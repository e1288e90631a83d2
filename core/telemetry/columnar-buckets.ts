import { bucketsMax, bucketValue, type BucketScale } from '../engine/dd-sketch.ts';
import { paneWord } from './pane-columns.ts';

/**
 * The buckets of all panes' sketches: pairs of a key and a count, sorted by key, in blocks of 4, 8, 16 and so on pairs. A
 * pane's words say where its block is. What a pane holds equals a `DdSketch` of the same numbers.
 */
export type BucketPool = {
  /** Two integers a pair; a block never spans two segments. */
  readonly segments: Int32Array[];
  /** Pairs that were ever in use. */
  used: number;
  /** By size of block, the first that is free; -1 when there is none. A free block's first key is the next one's place. */
  readonly free: Int32Array;
};

const segmentBits = 16;
const pairMask = 2 ** segmentBits - 1;
const blockPairsMin = 4;
const classes = 12;

/** A pool without blocks. */
export function createBucketPool(): BucketPool {
  return { segments: [], used: 0, free: new Int32Array(classes).fill(-1) };
}

/**
 * Keys of buckets are in the order of the numbers: those below 0 from the largest magnitude, 0 and what is nearest to it,
 * those above.
 */
export const bucketKey = { base: 2 ** 17, zero: 0 } as const;

/** Counts up a bucket of the pane at `words[row]`. Positional, since it is called for every reading. */
export function addToBuckets(pool: BucketPool, words: Int32Array, row: number, key: number, count: number): void {
  const used = words[row + paneWord.bucketCount]!;
  const at = words[row + paneWord.bucketsAt]!;
  if (used > 0) {
    const pairs = pool.segments[at >>> segmentBits]!;
    const base = (at & pairMask) * 2;
    const hint = words[row + paneWord.bucketHint]!;
    if (hint < used && pairs[base + hint * 2] === key) {
      pairs[base + hint * 2 + 1]! += count;
      return;
    }
    const index = placeOf(pairs, base, used, key);
    words[row + paneWord.bucketHint] = index;
    if (index < used && pairs[base + index * 2] === key) {
      pairs[base + index * 2 + 1]! += count;
      return;
    }
    insert(pool, words, row, index, key, count);
  } else insert(pool, words, row, 0, key, count);
}

/** Adds all buckets of one pane to those of another. */
export function mergeBuckets(
  pool: BucketPool,
  source: { readonly words: Int32Array; readonly row: number },
  target: { readonly words: Int32Array; readonly row: number },
): void {
  const used = source.words[source.row + paneWord.bucketCount]!;
  const at = source.words[source.row + paneWord.bucketsAt]!;
  if (used === 0) return;
  const pairs = pool.segments[at >>> segmentBits]!;
  const base = (at & pairMask) * 2;
  for (let index = base; index < base + used * 2; index += 2) {
    addToBuckets(pool, target.words, target.row, pairs[index]!, pairs[index + 1]!);
  }
}

/** A pane's buckets, two integers a pair: a view that must not be written to. */
export function bucketsOf(pool: BucketPool, words: Int32Array, row: number): Int32Array {
  const used = words[row + paneWord.bucketCount]!;
  const at = words[row + paneWord.bucketsAt]!;
  if (used === 0) return noBuckets;
  const base = (at & pairMask) * 2;
  return pool.segments[at >>> segmentBits]!.subarray(base, base + used * 2);
}

const noBuckets = new Int32Array(0);

/** Gives a pane without buckets those that `bucketsOf` gave. */
export function setBuckets(pool: BucketPool, words: Int32Array, row: number, buckets: Int32Array): void {
  const count = buckets.length / 2;
  if (count === 0) return;
  let size = 0;
  while (blockPairsMin << size < count) size++;
  const at = takeBlock(pool, size);
  pool.segments[at >>> segmentBits]!.set(buckets, (at & pairMask) * 2);
  words[row + paneWord.bucketsAt] = at;
  words[row + paneWord.bucketCount] = count;
  words[row + paneWord.bucketClass] = size;
}

/** Gives a pane's block back. */
export function freeBuckets(pool: BucketPool, words: Int32Array, row: number): void {
  const at = words[row + paneWord.bucketsAt]!;
  if (at < 0) return;
  giveBack(pool, at, words[row + paneWord.bucketClass]!);
  words[row + paneWord.bucketsAt] = -1;
  words[row + paneWord.bucketCount] = 0;
}

/**
 * The numbers at ranks, as `readQuantile` finds them, not yet held between smallest and largest. Ranks rise; `values` gets a
 * number for each.
 */
export function valuesAtRanks(
  buckets: Int32Array,
  ranks: readonly number[],
  scale: BucketScale,
  values: Float64Array,
): void {
  const last = buckets.length - 2;
  const lowestAbove = buckets[last]! - bucketsMax + 1;
  const lowestBelow = buckets[0]! + bucketsMax - 1;
  let seen = 0;
  let index = -2;
  for (let place = 0; place < ranks.length; place++) {
    while (seen <= ranks[place]! && index < last) {
      index += 2;
      seen += buckets[index + 1]!;
    }
    values[place] = numberOfKey(buckets[index]!, lowestAbove, lowestBelow, scale);
  }
}

/** Buckets too far from the highest one of their sign are joined to the lowest that is kept. */
function numberOfKey(key: number, lowestAbove: number, lowestBelow: number, scale: BucketScale): number {
  if (key === bucketKey.zero) return 0;
  if (key > 0) return bucketValue(Math.max(key, lowestAbove) - bucketKey.base, scale);
  return -bucketValue(-Math.min(key, lowestBelow) - bucketKey.base, scale);
}

/** The index of the first key that is not below the one wanted. */
function placeOf(pairs: Int32Array, base: number, used: number, key: number): number {
  let low = 0;
  let high = used;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (pairs[base + middle * 2]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(pool: BucketPool, words: Int32Array, row: number, index: number, key: number, count: number): void {
  const used = words[row + paneWord.bucketCount]!;
  if (used === blockPairsMin << (classes - 1)) {
    joinFar(pool, words, row);
    addToBuckets(pool, words, row, key, count);
    return;
  }
  makeRoom(pool, words, row, used);
  const at = words[row + paneWord.bucketsAt]!;
  const pairs = pool.segments[at >>> segmentBits]!;
  const base = (at & pairMask) * 2;
  const place = base + index * 2;
  for (let from = base + used * 2 - 1; from >= place; from--) pairs[from + 2] = pairs[from]!;
  pairs[place] = key;
  pairs[place + 1] = count;
  words[row + paneWord.bucketCount] = used + 1;
}

/** Joins the buckets that are too far from the highest of their sign: at most 2 * `bucketsMax` + 1 are left. */
function joinFar(pool: BucketPool, words: Int32Array, row: number): void {
  const pairs = bucketsOf(pool, words, row);
  const last = pairs.length - 2;
  const lowestAbove = pairs[last]! - bucketsMax + 1;
  const lowestBelow = pairs[0]! + bucketsMax - 1;
  let kept = -2;
  for (let index = 0; index <= last; index += 2) {
    const own = pairs[index]!;
    const count = pairs[index + 1]!;
    let key = own;
    if (own > 0) key = Math.max(own, lowestAbove);
    else if (own < 0) key = Math.min(own, lowestBelow);
    if (kept >= 0 && pairs[kept] === key) pairs[kept + 1]! += count;
    else {
      kept += 2;
      pairs[kept] = key;
      pairs[kept + 1] = count;
    }
  }
  words[row + paneWord.bucketCount] = kept / 2 + 1;
}

/** Moves a full block to one of twice its size. */
function makeRoom(pool: BucketPool, words: Int32Array, row: number, used: number): void {
  const at = words[row + paneWord.bucketsAt]!;
  const size = words[row + paneWord.bucketClass]!;
  if (at >= 0 && used < blockPairsMin << size) return;
  const larger = at < 0 ? 0 : size + 1;
  const moved = takeBlock(pool, larger);
  if (at >= 0) {
    const base = (at & pairMask) * 2;
    const pairs = pool.segments[at >>> segmentBits]!.subarray(base, base + used * 2);
    pool.segments[moved >>> segmentBits]!.set(pairs, (moved & pairMask) * 2);
    giveBack(pool, at, size);
  }
  words[row + paneWord.bucketsAt] = moved;
  words[row + paneWord.bucketClass] = larger;
}

function takeBlock(pool: BucketPool, size: number): number {
  const free = pool.free[size] ?? -1;
  if (free >= 0) {
    pool.free[size] = pool.segments[free >>> segmentBits]![(free & pairMask) * 2]!;
    return free;
  }
  const pairs = blockPairsMin << size;
  if ((pool.used & pairMask) + pairs > pairMask + 1) pool.used = (pool.used | pairMask) + 1;
  const at = pool.used;
  pool.used += pairs;
  if (at >>> segmentBits === pool.segments.length) pool.segments.push(new Int32Array(2 ** segmentBits * 2));
  return at;
}

function giveBack(pool: BucketPool, at: number, size: number): void {
  pool.segments[at >>> segmentBits]![(at & pairMask) * 2] = pool.free[size]!;
  pool.free[size] = at;
}
