import type { ExactFloatSum } from '../engine/exact-float-sum.ts';
import { paneNumber, paneWidth, paneWord } from './pane-columns.ts';
import { type BucketPool, createBucketPool, freeBuckets } from './columnar-buckets.ts';

/** The lengths of the panes of each tier, by its number. A tier's length is a multiple of the one before. */
export const tierLengthsMs = [60_000, 3_600_000, 86_400_000] as const;

/**
 * The panes that are in memory, in segments that never move: what a pane of one sensor and tier has of its readings. A
 * pane is a slot; a slot's row of a segment holds the columns of `paneNumber` and `paneWord`.
 */
export type PaneStore = {
  readonly segments: PaneSegment[];
  /** Slots that were ever in use; those below that are free form a list. */
  used: number;
  /** The first free slot, -1 when there is none. */
  free: number;
  size: number;
  /** Slots by `paneKey`, in parts so that none of them grows long. */
  readonly slots: readonly Map<number, number>[];
  readonly buckets: BucketPool;
  /** The sums of panes whose values are beyond three or four doubles, by slot: rare. */
  readonly wide: Map<number, WideSums>;
};

export type PaneSegment = { readonly numbers: Float64Array; readonly words: Int32Array };

/** The exact sum and the exact sum of squares of a pane, as objects. */
export type WideSums = { readonly sum: ExactFloatSum; readonly squares: ExactFloatSum };

const segmentBits = 12;
const slotMask = 2 ** segmentBits - 1;
const partBits = 6;

/** A store without panes. */
export function createPaneStore(): PaneStore {
  return {
    segments: [],
    used: 0,
    free: -1,
    size: 0,
    slots: Array.from({ length: 2 ** partBits }, () => new Map<number, number>()),
    buckets: createBucketPool(),
    wide: new Map(),
  };
}

/** The segment that holds a slot. */
export function segmentOfPane(store: PaneStore, slot: number): PaneSegment {
  return store.segments[slot >>> segmentBits]!;
}

/** Where a slot's columns begin in its segment. */
export function rowOfPane(slot: number): number {
  return (slot & slotMask) * paneWidth;
}

/**
 * The one number of a pane: sensors are below 2^20, tiers below 4, and minutes of the epoch below 2^31 (times before 1970
 * count from the other end), so it is a whole number below 2^53.
 */
export function paneKey(sensor: number, tier: number, startMs: number): number {
  return (sensor * 4 + tier) * minutesMax + (Math.floor(startMs / tierLengthsMs[0]) + minutesMax / 2);
}

const minutesMax = 2 ** 31;

/** The slot of a pane, -1 when it is not in memory. */
export function findPane(store: PaneStore, sensor: number, tier: number, startMs: number): number {
  return partOf(store, sensor).get(paneKey(sensor, tier, startMs)) ?? -1;
}

/** Makes a pane without readings and gives its slot. */
export function addPane(store: PaneStore, sensor: number, tier: number, startMs: number): number {
  const slot = takeSlot(store);
  const { numbers, words } = segmentOfPane(store, slot);
  const row = rowOfPane(slot);
  numbers.fill(0, row, row + paneWidth);
  words.fill(0, row, row + paneWidth);
  numbers[row + paneNumber.startMs] = startMs;
  numbers[row + paneNumber.min] = Number.POSITIVE_INFINITY;
  numbers[row + paneNumber.max] = Number.NEGATIVE_INFINITY;
  numbers[row + paneNumber.lastTimeMs] = Number.NEGATIVE_INFINITY;
  words[row + paneWord.sensor] = sensor;
  words[row + paneWord.tier] = tier;
  words[row + paneWord.bucketsAt] = -1;
  words[row + paneWord.next] = -1;
  partOf(store, sensor).set(paneKey(sensor, tier, startMs), slot);
  return slot;
}

/** Forgets a pane. */
export function removePane(store: PaneStore, slot: number): void {
  const { numbers, words } = segmentOfPane(store, slot);
  const row = rowOfPane(slot);
  const sensor = words[row + paneWord.sensor]!;
  partOf(store, sensor).delete(paneKey(sensor, words[row + paneWord.tier]!, numbers[row + paneNumber.startMs]!));
  freeBuckets(store.buckets, words, row);
  store.wide.delete(slot);
  words[row + paneWord.sensor] = -1;
  words[row + paneWord.next] = store.free;
  store.free = slot;
  store.size--;
}

function takeSlot(store: PaneStore): number {
  store.size++;
  const { free } = store;
  if (free >= 0) {
    store.free = segmentOfPane(store, free).words[rowOfPane(free) + paneWord.next]!;
    return free;
  }
  const slot = store.used++;
  if (slot >>> segmentBits === store.segments.length) {
    const length = 2 ** segmentBits * paneWidth;
    store.segments.push({ numbers: new Float64Array(length), words: new Int32Array(length) });
  }
  return slot;
}

function partOf(store: PaneStore, sensor: number): Map<number, number> {
  return store.slots[sensor & (2 ** partBits - 1)]!;
}
