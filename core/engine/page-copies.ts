import type { PageImage, PageSegment } from './pages.ts';

/** Copies of slots on their way out of the state: full arrays, the one that is being filled, and those to be used again. */
export type Copies = {
  readonly full: CopiedSlots[];
  words: Int32Array<ArrayBuffer>;
  usedWords: number;
  readonly spare: Int32Array<ArrayBuffer>[];
};

/**
 * Slots of a cut, one run behind the other: two words of head, then the slots' bytes.
 *
 *      word 0   slots of the run (12 bits) | first slot (20 bits)
 *      word 1   region (6 bits) | number of the segment (26 bits)
 */
export type CopiedSlots = { readonly words: Int32Array<ArrayBuffer>; readonly usedWords: number };

/** What regions look like at a cut: enough to lay out their images before any slot is known. */
export type PageShape = { readonly segmentBytes: number; readonly first: number; readonly numbers: readonly number[] };

/** The bytes that are copied when any of them was written, as a power of two. */
export const slotBits = 7;
export const slotBytes = 2 ** slotBits;
const slotWords = slotBytes >> 2;

const arrayWords = 2 ** 18;
const headWords = 2;
const runMax = 2 ** 12 - 1;
const slotField = 20;
const segmentField = 26;

/** No copies. */
export function createCopies(): Copies {
  return { full: [], words: new Int32Array(0), usedWords: 0, spare: [] };
}

/** Copies slots of a segment as they are. */
export function copyRun(
  copies: Copies,
  segment: Pick<PageSegment, 'words' | 'region' | 'number'>,
  run: { readonly slot: number; readonly slots: number },
): void {
  let { slot } = run;
  for (let left = run.slots; left > 0;) {
    const room = Math.floor((copies.words.length - copies.usedWords - headWords) / slotWords);
    if (room <= 0) {
      nextArray(copies);
      continue;
    }
    const count = Math.min(left, room, runMax);
    const { words } = copies;
    let to = copies.usedWords;
    words[to++] = (count << slotField) | slot;
    words[to++] = (segment.region << segmentField) | segment.number;
    const from = slot * slotWords;
    const until = from + count * slotWords;
    if (count > 4) words.set(segment.words.subarray(from, until), to);
    else for (let at = from; at < until; at++) words[to++] = segment.words[at]!;
    copies.usedWords += headWords + count * slotWords;
    slot += count;
    left -= count;
  }
}

/** Arrays that are kept to be used again. */
const spareMax = 4;

/** Gives back an array whose copies were written; one whose memory went to another thread is none any more. */
export function giveBackArray({ spare }: Copies, words: Int32Array<ArrayBuffer>): void {
  if (words.length === arrayWords && spare.length < spareMax) spare.push(words);
}

/** Empty images for regions of these shapes. */
export function createImages(shapes: readonly PageShape[]): PageImage[] {
  return shapes.map(({ segmentBytes, first, numbers }) => {
    const segments: Int32Array<ArrayBuffer>[] = [];
    for (const number of numbers) segments[number - first] = new Int32Array(segmentBytes >> 2);
    return { segmentBytes, first, segments };
  });
}

/** Writes copied slots into images; those of segments that were given up since are left out. Throws on damage. */
export function applyCopies(images: readonly PageImage[], { words, usedWords }: CopiedSlots): void {
  let at = 0;
  while (at < usedWords) {
    const head = words[at]!;
    const count = head >>> slotField;
    const place = words[at + 1]!;
    const from = at + headWords;
    at = from + count * slotWords;
    const image = images[place >>> segmentField];
    if (count === 0 || at > usedWords || image === undefined) throw new RangeError(`got no run of slots at ${from}`);
    const target = image.segments[(place & (2 ** segmentField - 1)) - image.first];
    if (target === undefined) continue;
    const start = (head & (2 ** slotField - 1)) * slotWords;
    if (count > 4) target.set(words.subarray(from, at), start);
    else for (let word = from; word < at; word++) target[start + word - from] = words[word]!;
  }
}

function nextArray(copies: Copies): void {
  if (copies.usedWords > 0) copies.full.push({ words: copies.words, usedWords: copies.usedWords });
  copies.words = copies.spare.pop() ?? new Int32Array(arrayWords);
  copies.usedWords = 0;
}
