import {
  type CopiedSlots,
  type Copies,
  copyRun,
  createCopies,
  type PageShape,
  slotBits,
  slotBytes,
} from './page-copies.ts';

/**
 * The memory that checkpoints hold: regions of segments that never move, and for each segment a mark for every slot of
 * it. Whoever writes says so first (`touch`), so that a cut costs what was written since the one before, and what a cut
 * holds is copied in slices while the state goes on: a slot that is written before its turn is copied at once.
 *
 *      mark 0                  as the last cut that was copied has it
 *      mark `book.epoch`       written since the newest cut began
 *      the other of 1 and 2    belongs to the newest cut, and is to be copied yet
 *
 * Plain data. Regions are numbered in the order in which the structures of a state are made, the same in every run.
 */
export type PageBook = {
  epoch: number;
  readonly regions: Pages[];
  /** What the regions of a restored state begin with. */
  readonly images: readonly PageImage[];
  readonly copies: Copies;
  /** Slots that bear the mark of the epoch. */
  markedSlots: number;
  /** The newest cut holds slots that were not looked at yet. */
  isCopying: boolean;
  /** Where the next slice of the newest cut begins. */
  readonly next: { region: number; segment: number; slot: number };
};

/** One structure's memory: segments of one size, numbered from the first one ever. Some give up their oldest ones. */
export type Pages = {
  readonly book: PageBook;
  readonly region: number;
  readonly segmentBytes: number;
  readonly segments: (PageSegment | undefined)[];
  /** The number of the first segment that is held. */
  first: number;
  readonly spare: PageSegment[];
};

export type PageSegment = {
  readonly book: PageBook;
  readonly region: number;
  number: number;
  readonly buffer: ArrayBuffer;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** One a slot, and the same bytes four at a time. */
  readonly marks: Uint8Array;
  readonly markWords: Int32Array;
};

/** A region as it was at a cut. */
export type PageImage = {
  readonly segmentBytes: number;
  readonly first: number;
  readonly segments: readonly (Int32Array<ArrayBuffer> | undefined)[];
};

/** Where a structure's memory lies, and what a checkpoint held of it beside its segments; nothing for a new one. */
export type Within<Rest> = { readonly book: PageBook; readonly rest?: Rest | undefined };

/** Segments of a ring that are kept to be used again. */
const spareMax = 8;

/** A book for a new state, or for one that begins with what a checkpoint held. */
export function createPageBook(images: readonly PageImage[] = []): PageBook {
  return {
    epoch: 1,
    regions: [],
    images,
    copies: createCopies(),
    markedSlots: 0,
    isCopying: false,
    next: { region: 0, segment: 0, slot: 0 },
  };
}

/** The next region of a book, with the segments of its image. Throws when the image is of another shape. */
export function createPages(book: PageBook, bytes: number): Pages {
  const region = book.regions.length;
  const segmentBytes = Math.ceil(bytes / slotBytes) * slotBytes;
  const image = book.images[region] ?? { segmentBytes, first: 0, segments: [] };
  if (image.segmentBytes !== segmentBytes) {
    throw new RangeError(`got segments of ${image.segmentBytes} bytes in region ${region}, expected ${segmentBytes}`);
  }
  const { first } = image;
  const pages: Pages = { book, region, segmentBytes, segments: [], first, spare: [] };
  image.segments.forEach((words, at) => {
    if (words !== undefined) pages.segments[at] = segmentOver(pages, words.buffer, first + at);
  });
  book.regions.push(pages);
  return pages;
}

/** Adds the segment behind the last one, or with a number of its own in a region that gives none up. All zeros. */
export function addPage(pages: Pages, number = pages.first + pages.segments.length): PageSegment {
  const spare = pages.spare.pop();
  spare?.words.fill(0);
  const segment = spare ?? segmentOver(pages, new ArrayBuffer(pages.segmentBytes), number);
  segment.number = number;
  pages.segments[number - pages.first] = segment;
  return segment;
}

/** Gives up the oldest segments; what the newest cut holds of them is copied first. */
export function dropPages(pages: Pages, count: number): void {
  for (const segment of pages.segments.splice(0, count)) {
    if (segment === undefined) continue;
    copySegment(segment, { slot: 0, budget: Number.POSITIVE_INFINITY });
    for (const mark of segment.marks) if (mark !== 0) pages.book.markedSlots--;
    segment.marks.fill(0);
    if (pages.spare.length < spareMax) pages.spare.push(segment);
  }
  pages.first += count;
}

/** Must be called before a byte of a segment is written. It runs several times an event. */
export function touch(segment: PageSegment, byte: number): void {
  const slot = byte >> slotBits;
  if (segment.marks[slot] !== segment.book.epoch) markSlot(segment, slot);
}

/** Must be called before bytes `[start, end)` of a segment are written. */
export function touchRange(segment: PageSegment, start: number, end: number): void {
  const { marks, book } = segment;
  const last = (end - 1) >> slotBits;
  for (let slot = start >> slotBits; slot <= last; slot++) {
    if (marks[slot] !== book.epoch) markSlot(segment, slot);
  }
}

/**
 * Begins a cut: what was written since the one before belongs to it, or with `whole` everything. Gives the slots that it
 * holds. The cut before must have been copied to its end.
 */
export function beginPageCut(book: PageBook, extent: 'changed' | 'whole'): number {
  const { epoch, next } = book;
  if (book.isCopying) throw new Error('got a cut while the one before is being copied, expected that to end first');
  let slots = book.markedSlots;
  if (extent === 'whole') {
    slots = 0;
    for (const { segments } of book.regions) {
      for (const segment of segments) {
        segment?.marks.fill(epoch);
        slots += segment?.marks.length ?? 0;
      }
    }
  }
  book.epoch = 3 - epoch;
  book.markedSlots = 0;
  book.isCopying = true;
  Object.assign(next, { region: 0, segment: 0, slot: 0 });
  return slots;
}

/**
 * Copies the next slots of the newest cut, about as many as told (looking at others counts as a little), until
 * `isCopying` says that all are copied.
 */
export function copyPageSlice(book: PageBook, slots: number): void {
  const { next, regions } = book;
  let budget = slots;
  while (budget > 0 && next.region < regions.length) {
    const { segments, first } = regions[next.region]!;
    const at = Math.max(0, next.segment - first);
    if (at >= segments.length) {
      Object.assign(next, { region: next.region + 1, segment: 0, slot: 0 });
      continue;
    }
    const segment = segments[at];
    const isSame = first + at === next.segment;
    next.segment = first + at;
    next.slot = isSame ? next.slot : 0;
    if (segment !== undefined) {
      const reached = copySegment(segment, { slot: next.slot, budget });
      budget -= reached.slots;
      next.slot = reached.slot;
      if (next.slot < segment.marks.length) continue;
    }
    next.segment++;
    next.slot = 0;
  }
  book.isCopying = next.region < regions.length;
}

/**
 * The copies that were made since the last call, in any order of one cut: each slot is copied once. Without `all` those
 * that fill an array.
 */
export function takeCopies({ copies }: PageBook, extent: 'full' | 'all'): readonly CopiedSlots[] {
  const taken = copies.full.splice(0);
  if (copies.usedWords === 0 || extent === 'full') return taken;
  taken.push({ words: copies.words, usedWords: copies.usedWords });
  copies.words = new Int32Array(0);
  copies.usedWords = 0;
  return taken;
}

/** Bytes of all segments that are held. */
export function pageBytes({ regions }: PageBook): number {
  let bytes = 0;
  for (const { segments, segmentBytes } of regions) {
    for (const segment of segments) bytes += segment === undefined ? 0 : segmentBytes;
  }
  return bytes;
}

/** What the regions look like: what images of them are laid out by. */
export function shapesOf({ regions }: PageBook): PageShape[] {
  return regions.map(({ segmentBytes, first, segments }) => {
    const numbers = segments.flatMap((segment) => (segment === undefined ? [] : [segment.number]));
    return { segmentBytes, first, numbers };
  });
}

function segmentOver({ book, region }: Pages, buffer: ArrayBuffer, number: number): PageSegment {
  const slots = buffer.byteLength / slotBytes;
  const marks = new Uint8Array(Math.ceil(slots / 4) * 4).subarray(0, slots);
  const markWords = new Int32Array(marks.buffer);
  const views = { words: new Int32Array(buffer), bytes: new Uint8Array(buffer) };
  return { book, region, number, buffer, ...views, marks, markWords };
}

function markSlot(segment: PageSegment, slot: number): void {
  const { marks, book } = segment;
  if (marks[slot] !== 0) copyRun(book.copies, segment, { slot, slots: 1 });
  marks[slot] = book.epoch;
  book.markedSlots++;
}

/** Copies what the newest cut holds of a segment, from a slot on; gives where it stopped and what that cost. */
function copySegment(
  segment: PageSegment,
  { slot, budget }: { readonly slot: number; readonly budget: number },
): { readonly slot: number; readonly slots: number } {
  const { marks, markWords, book } = segment;
  const pending = 3 - book.epoch;
  const ofFour = pending * 0x0101_0101;
  let left = budget;
  let at = slot;
  while (at < marks.length && left > 0) {
    if ((at & 3) === 0 && (markWords[at >> 2]! & ofFour) === 0) {
      at += 4;
      left -= lookCost;
      continue;
    }
    if (marks[at] !== pending) {
      at++;
      continue;
    }
    const start = at;
    for (; at < marks.length && marks[at] === pending; at++) marks[at] = 0;
    copyRun(book.copies, segment, { slot: start, slots: at - start });
    left -= at - start;
  }
  return { slot: Math.min(at, marks.length), slots: budget === Number.POSITIVE_INFINITY ? 0 : budget - left };
}

/** Looking at four marks, in copied slots. */
const lookCost = 1 / 32;
