import {
  addPage,
  createPageBook,
  createPages,
  type Pages,
  type PageSegment,
  touchRange,
  type Within,
} from '../engine/pages.ts';

/**
 * The holds as records of 64 bytes in segments that never move: what is done to a hold long after it was made reads one
 * line of cache. A hold is named by its number.
 */
export type HoldSlab = { readonly segments: HoldSegment[]; readonly pages: Pages; end: number; firstFree: number };

/** What a checkpoint holds of the holds beside their segments. */
export type HoldsRest = Pick<HoldSlab, 'end' | 'firstFree'>;

/** Two views of the same bytes: 8 numbers or 16 words a hold. */
export type HoldSegment = {
  readonly numbers: Float64Array;
  readonly words: Uint32Array;
  /** The next hold of a list plus 1, while the hold is in one; no checkpoint holds it. */
  readonly next: Uint32Array;
  readonly page: PageSegment;
};

/** Numbers of a hold, counted from its first number. */
export const holdNumber = { expiryTimeMs: 0, offset: 1, remainingMinor: 2 } as const;

/** Words of a hold, counted from its first word; the first six are its numbers. Texts are interned ids. */
export const holdWord = {
  tenant: 6,
  account: 7,
  merchant: 8,
  currency: 9,
  /** The first 128 bits of the hash of the authorization's idempotency key, in four words. */
  idHash: 10,
  /** The cell of the authorization's id, and its length in bytes. */
  idCell: 14,
  idBytes: 15,
} as const;

/** Set in `idBytes` while the hold is open. */
export const openBit = 0x8000_0000;

export const holdNumbers = 8;
export const holdWords = 16;

const segmentBits = 12;
const segmentHolds = 2 ** segmentBits;
const slotMask = segmentHolds - 1;

/** No holds, or those of a checkpoint. */
export function createHoldSlab({ book, rest }: Within<HoldsRest> = { book: createPageBook() }): HoldSlab {
  const pages = createPages(book, segmentHolds * holdWords * 4);
  const segments = pages.segments.flatMap((page) => (page === undefined ? [] : [segmentOver(page)]));
  return { segments, pages, end: rest?.end ?? 0, firstFree: rest?.firstFree ?? 0 };
}

/** What a checkpoint holds of the holds beside their segments. */
export function restOfHolds({ end, firstFree }: HoldSlab): HoldsRest {
  return { end, firstFree };
}

/** A byte for each hold below `end`: 1 where its record was given back. */
export function freeHolds(slab: HoldSlab): Uint8Array {
  const isFree = new Uint8Array(slab.end);
  for (let named = slab.firstFree; named > 0;) {
    isFree[named - 1] = 1;
    named = holdSegment(slab, named - 1).words[slotOf(named - 1) * holdWords]!;
  }
  return isFree;
}

/** Must be called before the record of a hold is written. */
export function touchHold(slab: HoldSlab, hold: number): void {
  const start = slotOf(hold) * holdWords * 4;
  touchRange(holdSegment(slab, hold).page, start, start + holdWords * 4);
}

/** The number of a hold whose record is to be written; `touchHold` comes before that. */
export function takeHold(slab: HoldSlab): number {
  if (slab.firstFree > 0) {
    const hold = slab.firstFree - 1;
    slab.firstFree = holdSegment(slab, hold).words[slotOf(hold) * holdWords]!;
    return hold;
  }
  if (slab.end === slab.segments.length * segmentHolds) {
    slab.segments.push(segmentOver(addPage(slab.pages)));
  }
  return slab.end++;
}

/** Gives a record back. */
export function freeHold(slab: HoldSlab, hold: number): void {
  touchHold(slab, hold);
  holdSegment(slab, hold).words[slotOf(hold) * holdWords] = slab.firstFree;
  slab.firstFree = hold + 1;
}

/** The segment that a hold's record lies in. */
export function holdSegment(slab: HoldSlab, hold: number): HoldSegment {
  return slab.segments[hold >>> segmentBits]!;
}

/** Which record of its segment a hold is. */
export function slotOf(hold: number): number {
  return hold & slotMask;
}

function segmentOver(page: PageSegment): HoldSegment {
  const { buffer } = page;
  return {
    numbers: new Float64Array(buffer),
    words: new Uint32Array(buffer),
    next: new Uint32Array(segmentHolds),
    page,
  };
}
