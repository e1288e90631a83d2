import { baselineIdleMsMax, type BaselineOptions, baselinePaymentsMax } from './baseline.ts';

/**
 * Every account's normal, as `BaselineState` has it, by the account's interned id. Plain data in typed arrays of a fixed
 * size, so that nothing is moved when accounts are added.
 */
export type ColumnarBaselines = {
  readonly featureCount: number;
  readonly idleMsMax: number;
  readonly allowedLatenessMs: number;
  /** The slot, plus 1, of each account: 65,536 interned ids a page; 0 for an id without a slot. */
  readonly slotPages: Int32Array[];
  readonly segments: BaselineSegment[];
  /** Slots that were ever taken, and the first of a chain of free ones (-1 for none). */
  slotCount: number;
  freeSlot: number;
};

/** 1,024 slots. A mean and its count stand at `place of the slot x featureCount + feature`. */
export type BaselineSegment = {
  /** The account of a slot; of a free one, -2 less the next free slot. */
  readonly account: Int32Array;
  /** The event time of the account's latest payment. */
  readonly latestMs: Float64Array;
  readonly means: Float64Array;
  /** How many payments a mean has seen, to 50. */
  readonly counts: Uint8Array;
};

/** A state without accounts; see `createBaselines`. */
export function createColumnarBaselines(options: BaselineOptions): ColumnarBaselines {
  const { featureCount, allowedLatenessMs, idleMsMax = baselineIdleMsMax } = options;
  return { featureCount, idleMsMax, allowedLatenessMs, slotPages: [], segments: [], slotCount: 0, freeSlot: -1 };
}

/**
 * The slot that a payment reads its account's normal from, or -1 when it has none; see `baselineOf`. Positional, since it
 * is called for every payment.
 */
export function readableSlot(
  state: ColumnarBaselines,
  account: number,
  eventTimeMs: number,
  watermarkMs: number,
): number {
  const slot = slotOf(state, account);
  if (slot === -1) return -1;
  return isIdle(state, slot, Math.max(eventTimeMs, watermarkMs - state.allowedLatenessMs)) ? -1 : slot;
}

/** The normal of a feature in a slot that `readableSlot` gave; NaN when there is none. */
export function normalIn(state: ColumnarBaselines, slot: number, feature: number): number {
  if (slot === -1) return Number.NaN;
  const { means, counts } = state.segments[slot >>> segmentBits]!;
  const place = (slot & segmentMask) * state.featureCount + feature;
  return counts[place]! > 0 ? means[place]! : Number.NaN;
}

/**
 * Takes an accepted payment into its account's normal, its feature vector at `values[at]`; see `updateBaseline`.
 * Positional, since it is called for every payment.
 */
export function updateColumnarBaseline(
  state: ColumnarBaselines,
  account: number,
  eventTimeMs: number,
  values: Float64Array,
  at: number,
): void {
  const slot = slotForPayment(state, account, eventTimeMs);
  const { latestMs, means, counts } = state.segments[slot >>> segmentBits]!;
  const inSegment = slot & segmentMask;
  latestMs[inSegment] = Math.max(latestMs[inSegment]!, eventTimeMs);
  const first = inSegment * state.featureCount;
  for (let feature = 0; feature < state.featureCount; feature += 1) {
    const value = values[at + feature]!;
    if (value !== value) continue;
    const place = first + feature;
    const count = Math.min(counts[place]! + 1, baselinePaymentsMax);
    counts[place] = count;
    means[place]! += (value - means[place]!) / count;
  }
}

/** Drops the accounts that no payment can read any more and returns how many. Takes O(accounts). */
export function evictColumnarBaselines(state: ColumnarBaselines, watermarkMs: number): number {
  let evicted = 0;
  for (let slot = 0; slot < state.slotCount; slot += 1) {
    const segment = state.segments[slot >>> segmentBits]!;
    const account = segment.account[slot & segmentMask]!;
    if (account < 0 || !isIdle(state, slot, watermarkMs - state.allowedLatenessMs)) continue;
    state.slotPages[account >>> pageBits]![account & pageMask] = 0;
    segment.account[slot & segmentMask] = -2 - state.freeSlot;
    state.freeSlot = slot;
    evicted += 1;
  }
  return evicted;
}

/** A state as a checkpoint holds it: without the pages, which the accounts of the segments tell. */
export type PackedBaselines = Omit<ColumnarBaselines, 'slotPages'>;

/** Packs a state between two batches. The segments are the state's own: write them out before the next batch. */
export function packColumnarBaselines(state: ColumnarBaselines): PackedBaselines {
  const { featureCount, idleMsMax, allowedLatenessMs, segments, slotCount, freeSlot } = state;
  return { featureCount, idleMsMax, allowedLatenessMs, segments, slotCount, freeSlot };
}

/** The state again: every result from here on is the same. */
export function unpackColumnarBaselines(packed: PackedBaselines): ColumnarBaselines {
  const state = { ...packed, slotPages: [] };
  for (let slot = 0; slot < state.slotCount; slot += 1) {
    const account = state.segments[slot >>> segmentBits]!.account[slot & segmentMask]!;
    if (account >= 0) setSlot(state, account, slot);
  }
  return state;
}

const segmentBits = 10;
const segmentMask = 2 ** segmentBits - 1;
const pageBits = 16;
const pageMask = 2 ** pageBits - 1;

function slotOf({ slotPages }: ColumnarBaselines, account: number): number {
  const page = slotPages[account >>> pageBits];
  return page === undefined ? -1 : page[account & pageMask]! - 1;
}

function setSlot({ slotPages }: ColumnarBaselines, account: number, slot: number): void {
  while (slotPages.length <= account >>> pageBits) slotPages.push(new Int32Array(2 ** pageBits));
  slotPages[account >>> pageBits]![account & pageMask] = slot + 1;
}

function isIdle({ segments, idleMsMax }: ColumnarBaselines, slot: number, timeMs: number): boolean {
  return timeMs - segments[slot >>> segmentBits]!.latestMs[slot & segmentMask]! > idleMsMax;
}

/** The account's slot, emptied when the account is new or was idle. */
function slotForPayment(state: ColumnarBaselines, account: number, eventTimeMs: number): number {
  const known = slotOf(state, account);
  if (known !== -1 && !isIdle(state, known, eventTimeMs)) return known;
  const slot = known === -1 ? takeSlot(state) : known;
  const { account: accounts, latestMs, means, counts } = state.segments[slot >>> segmentBits]!;
  const inSegment = slot & segmentMask;
  accounts[inSegment] = account;
  latestMs[inSegment] = eventTimeMs;
  means.fill(0, inSegment * state.featureCount, (inSegment + 1) * state.featureCount);
  counts.fill(0, inSegment * state.featureCount, (inSegment + 1) * state.featureCount);
  setSlot(state, account, slot);
  return slot;
}

function takeSlot(state: ColumnarBaselines): number {
  const free = state.freeSlot;
  if (free !== -1) {
    state.freeSlot = -2 - state.segments[free >>> segmentBits]!.account[free & segmentMask]!;
    return free;
  }
  const slots = 2 ** segmentBits;
  if (state.slotCount === state.segments.length * slots) {
    state.segments.push({
      account: new Int32Array(slots),
      latestMs: new Float64Array(slots),
      means: new Float64Array(slots * state.featureCount),
      counts: new Uint8Array(slots * state.featureCount),
    });
  }
  return state.slotCount++;
}
