import { type ColumnSpace, createColumnSpace, measureLayout } from '../decode/column-space.ts';
import {
  addPage,
  createPageBook,
  createPages,
  type Pages,
  type PageSegment,
  touch,
  touchRange,
  type Within,
} from '../engine/pages.ts';
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
  readonly pages: Pages;
  /** Slots that were ever taken, and the first of a chain of free ones (-1 for none). */
  slotCount: number;
  freeSlot: number;
  /** The slot from which the next sweep goes on. */
  sweepAt: number;
};

/** What a checkpoint holds of the state beside its segments. */
export type BaselinesRest = Pick<ColumnarBaselines, 'slotCount' | 'freeSlot' | 'sweepAt'>;

/** 1,024 slots. A mean and its count stand at `place of the slot x featureCount + feature`. */
export type BaselineSegment = {
  /** The account of a slot; of a free one, -2 less the next free slot. */
  readonly account: Int32Array;
  /** The event time of the account's latest payment. */
  readonly latestMs: Float64Array;
  readonly means: Float64Array;
  /** How many payments a mean has seen, to 50. */
  readonly counts: Uint8Array;
  readonly page: PageSegment;
};

/** A state without accounts, or the one of a checkpoint; see `createBaselines`. */
export function createColumnarBaselines(
  options: BaselineOptions,
  { book, rest }: Within<BaselinesRest> = { book: createPageBook() },
): ColumnarBaselines {
  const { featureCount, allowedLatenessMs, idleMsMax = baselineIdleMsMax } = options;
  const pages = createPages(
    book,
    measureLayout((space) => layOutSlots(space, featureCount)),
  );
  const segments = pages.segments.flatMap((page) => (page === undefined ? [] : [segmentOver(page, featureCount)]));
  const { slotCount, freeSlot, sweepAt } = rest ?? { slotCount: 0, freeSlot: -1, sweepAt: 0 };
  const counters = { slotCount, freeSlot, sweepAt };
  const state = { featureCount, idleMsMax, allowedLatenessMs, slotPages: [], segments, pages, ...counters };
  for (let slot = 0; slot < slotCount; slot += 1) {
    const account = segments[slot >>> segmentBits]!.account[slot & segmentMask]!;
    if (account >= 0) setSlot(state, account, slot);
  }
  return state;
}

/** What a checkpoint holds of the state beside its segments. */
export function restOfBaselines({ slotCount, freeSlot, sweepAt }: ColumnarBaselines): BaselinesRest {
  return { slotCount, freeSlot, sweepAt };
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
  const segment = state.segments[slot >>> segmentBits]!;
  const { latestMs, means, counts } = segment;
  const inSegment = slot & segmentMask;
  touchSlot(segment, inSegment, state.featureCount);
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

/**
 * Looks through the next slots, drops the accounts that no payment can read any more, and returns how many. Changes no
 * result.
 */
export function sweepColumnarBaselines(
  state: ColumnarBaselines,
  { watermarkMs, slots }: { readonly watermarkMs: number; readonly slots: number },
): number {
  let dropped = 0;
  for (let step = 0; step < Math.min(slots, state.slotCount); step += 1) {
    const slot = state.sweepAt >= state.slotCount ? 0 : state.sweepAt;
    state.sweepAt = slot + 1;
    const segment = state.segments[slot >>> segmentBits]!;
    const account = segment.account[slot & segmentMask]!;
    if (account < 0 || !isIdle(state, slot, watermarkMs - state.allowedLatenessMs)) continue;
    touch(segment.page, segment.account.byteOffset + (slot & segmentMask) * 4);
    state.slotPages[account >>> pageBits]![account & pageMask] = 0;
    segment.account[slot & segmentMask] = -2 - state.freeSlot;
    state.freeSlot = slot;
    dropped += 1;
  }
  return dropped;
}

const segmentBits = 10;
const segmentSlots = 2 ** segmentBits;
const segmentMask = segmentSlots - 1;
const pageBits = 16;
const pageMask = 2 ** pageBits - 1;

function slotOf({ slotPages }: ColumnarBaselines, account: number): number {
  const page = slotPages[account >>> pageBits];
  return page === undefined ? -1 : page[account & pageMask]! - 1;
}

function setSlot({ slotPages }: Pick<ColumnarBaselines, 'slotPages'>, account: number, slot: number): void {
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
  const segment = state.segments[slot >>> segmentBits]!;
  const { account: accounts, latestMs, means, counts } = segment;
  const inSegment = slot & segmentMask;
  touchSlot(segment, inSegment, state.featureCount);
  touch(segment.page, accounts.byteOffset + inSegment * 4);
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
  if (state.slotCount === state.segments.length * segmentSlots) {
    state.segments.push(segmentOver(addPage(state.pages), state.featureCount));
  }
  return state.slotCount++;
}

function layOutSlots(space: ColumnSpace, featureCount: number): Omit<BaselineSegment, 'page'> {
  return {
    account: space.int32(segmentSlots),
    latestMs: space.float64(segmentSlots),
    means: space.float64(segmentSlots * featureCount),
    counts: space.uint8(segmentSlots * featureCount),
  };
}

function segmentOver(page: PageSegment, featureCount: number): BaselineSegment {
  return { ...layOutSlots(createColumnSpace(page.buffer), featureCount), page };
}

/** Before a payment is taken into a slot: all of it but its account. */
function touchSlot({ page, latestMs, means, counts }: BaselineSegment, slot: number, featureCount: number): void {
  touch(page, latestMs.byteOffset + slot * 8);
  const mean = means.byteOffset + slot * featureCount * 8;
  touchRange(page, mean, mean + featureCount * 8);
  const count = counts.byteOffset + slot * featureCount;
  touchRange(page, count, count + featureCount);
}
