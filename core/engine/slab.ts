import {
  addPage,
  createPageBook,
  createPages,
  type Pages,
  type PageSegment,
  touchRange,
  type Within,
} from './pages.ts';

/**
 * Entries of keyed windows in blocks: an entry is a few 8-byte words, a block the entries of one key (or a chunk of
 * them) side by side, a segment many blocks. Growing adds a segment and moves nothing.
 *
 *      word 0        word 1                          word 2 and on
 *      event time    offset (i32), first text (i32)  label time, numbers, more texts
 *
 * Positions count entries through all segments.
 */
export type Slab = {
  readonly strideWords: number;
  /** Entries that a block of each size class holds, rising; the last is the largest block there is. */
  readonly capacities: readonly number[];
  readonly pages: Pages;
  readonly segments: PagedSlabSegment[];
  /** The first free block of each size class, linked through the blocks; -1 when there is none. */
  readonly free: Int32Array;
  /** Entries of the last segment that blocks take. */
  used: number;
};

/** Two views of one buffer. */
export type SlabSegment = { readonly f64: Float64Array; readonly i32: Int32Array };

type PagedSlabSegment = SlabSegment & { readonly page: PageSegment };

/** What a checkpoint holds of a slab beside its segments. */
export type SlabRest = { readonly free: Int32Array; readonly used: number };

const segmentBits = 14;
const segmentEntries = 2 ** segmentBits;

/** Where an entry's offset stands among its 32-bit words. */
export const offsetWord = 2;

/** Where an entry's label time stands among its 64-bit words, where the key has labels. */
export const labelWord = 2;

/** A slab whose largest block holds `blockEntries` entries. */
export function createSlab(
  strideWords: number,
  blockEntries: number,
  { book, rest }: Within<SlabRest> = { book: createPageBook() },
): Slab {
  if (blockEntries > segmentEntries) throw new RangeError(`got blocks of ${blockEntries}, expected ${segmentEntries}`);
  const capacities = capacitiesUpTo(blockEntries);
  const pages = createPages(book, segmentEntries * strideWords * 8);
  const segments = pages.segments.flatMap((page) => (page === undefined ? [] : [segmentOver(page)]));
  const free = rest?.free.slice() ?? new Int32Array(capacities.length).fill(-1);
  return { strideWords, capacities, pages, segments, free, used: rest?.used ?? 0 };
}

/** What a checkpoint holds of a slab beside its segments. */
export function restOfSlab({ free, used }: Slab): SlabRest {
  return { free: free.slice(), used };
}

/** Must be called before entries are written, but for those that were just placed. */
export function touchEntries(slab: Slab, position: number, count: number): void {
  const start = localOf(position) * slab.strideWords * 8;
  touchRange(segmentAt(slab, position).page, start, start + count * slab.strideWords * 8);
}

/** The segment that holds a position. */
export function segmentAt(slab: Slab, position: number): PagedSlabSegment {
  return slab.segments[position >> segmentBits]!;
}

/** The entry's number in its segment. */
export function localOf(position: number): number {
  return position & (segmentEntries - 1);
}

/** Takes a block of a size class and gives the position of its first entry. What it holds is left over. */
export function allocateBlock(slab: Slab, sizeClass: number): number {
  const position = slab.free[sizeClass]!;
  if (position >= 0) {
    slab.free[sizeClass] = segmentAt(slab, position).i32[localOf(position) * slab.strideWords * 2]!;
    return position;
  }
  const entries = slab.capacities[sizeClass]!;
  if (slab.segments.length === 0 || slab.used + entries > segmentEntries) addSegment(slab);
  slab.used += entries;
  return ((slab.segments.length - 1) << segmentBits) + slab.used - entries;
}

/** Gives a block back. */
export function freeBlock(slab: Slab, position: number, sizeClass: number): void {
  touchEntries(slab, position, 1);
  segmentAt(slab, position).i32[localOf(position) * slab.strideWords * 2] = slab.free[sizeClass]!;
  slab.free[sizeClass] = position;
}

/** Copies entries to another block, or within one. */
export function copyEntries(
  slab: Slab,
  entries: { readonly from: number; readonly to: number; readonly count: number },
): void {
  const { strideWords } = slab;
  if (entries.count > 0) touchEntries(slab, entries.to, entries.count);
  const source = segmentAt(slab, entries.from).f64;
  const target = segmentAt(slab, entries.to).f64;
  const from = localOf(entries.from) * strideWords;
  const to = localOf(entries.to) * strideWords;
  const words = entries.count * strideWords;
  if (words > 64) {
    if (source === target) target.copyWithin(to, from, from + words);
    else target.set(source.subarray(from, from + words), to);
  } else if (from < to) for (let word = words - 1; word >= 0; word--) target[to + word] = source[from + word]!;
  else for (let word = 0; word < words; word++) target[to + word] = source[from + word]!;
}

/** The size class of the smallest blocks of a slab with so large ones that hold `entries`; the largest class otherwise. */
export function sizeClassOf(blockEntries: number, entries: number): number {
  const capacities = capacitiesUpTo(blockEntries);
  const sizeClass = capacities.findIndex((capacity) => capacity >= entries);
  return sizeClass < 0 ? capacities.length - 1 : sizeClass;
}

/** 1, 2, 3, 4, 6, 8, 12 and so on: steps of about 1.4, so that blocks are five sixths full. */
function capacitiesUpTo(blockEntries: number): number[] {
  const capacities: number[] = [];
  for (let power = 1; power < blockEntries; power *= 2) {
    capacities.push(power);
    if (power >= 2 && power * 1.5 < blockEntries) capacities.push(power * 1.5);
  }
  return [...capacities, blockEntries];
}

/** What is left of the last segment becomes free blocks. */
function addSegment(slab: Slab): void {
  const { segments, capacities } = slab;
  for (let left = segmentEntries - slab.used; segments.length > 0 && left > 0;) {
    const sizeClass = capacities.findLastIndex((capacity) => capacity <= left);
    freeBlock(slab, segments.length * segmentEntries - left, sizeClass);
    left -= capacities[sizeClass]!;
  }
  segments.push(segmentOver(addPage(slab.pages)));
  slab.used = 0;
}

function segmentOver(page: PageSegment): PagedSlabSegment {
  return { f64: new Float64Array(page.buffer), i32: page.words, page };
}
