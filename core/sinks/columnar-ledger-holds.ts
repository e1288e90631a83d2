/**
 * The holds as records of 64 bytes in segments that never move: what is done to a hold long after it was made reads one
 * line of cache. A hold is named by its number.
 */
export type HoldSlab = { readonly segments: HoldSegment[]; end: number; firstFree: number };

/** Two views of the same bytes: 8 numbers or 16 words a hold. */
export type HoldSegment = {
  readonly numbers: Float64Array;
  readonly words: Uint32Array;
  /** The next hold of a list plus 1, while the hold is in one. */
  readonly next: Uint32Array;
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

export function createHoldSlab(): HoldSlab {
  return { segments: [], end: 0, firstFree: 0 };
}

/** The number of a hold whose record may be written. */
export function takeHold(slab: HoldSlab): number {
  if (slab.firstFree > 0) {
    const hold = slab.firstFree - 1;
    slab.firstFree = holdSegment(slab, hold).words[slotOf(hold) * holdWords]!;
    return hold;
  }
  if (slab.end === slab.segments.length * segmentHolds) {
    slab.segments.push(segmentOver(new ArrayBuffer(segmentHolds * holdWords * 4)));
  }
  return slab.end++;
}

/** Gives a record back. */
export function freeHold(slab: HoldSlab, hold: number): void {
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

/** The slab as a checkpoint holds it. The bytes are the slab's own: write them before it goes on. */
export type PackedHolds = { readonly words: readonly Uint32Array[]; readonly end: number; readonly firstFree: number };

/** Packs the slab. */
export function packHolds({ segments, end, firstFree }: HoldSlab): PackedHolds {
  return { words: segments.map(({ words }) => words), end, firstFree };
}

/** The slab again, in memory of its own. */
export function unpackHolds({ words, end, firstFree }: PackedHolds): HoldSlab {
  return { segments: words.map((segment) => segmentOver(segment.slice().buffer)), end, firstFree };
}

function segmentOver(buffer: ArrayBuffer): HoldSegment {
  return {
    numbers: new Float64Array(buffer),
    words: new Uint32Array(buffer),
    next: new Uint32Array(segmentHolds),
  };
}
