import { hash } from 'node:crypto';

/** Bytes that are hashed in place: text is written from the beginning and then hashed up to its length. */
export type HashSpace = {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** How many bytes at the beginning stay as they are. */
  readonly headBytes: number;
  /** The first bytes, by their number, so that the usual lengths need no new view. */
  readonly slices: (Uint8Array | undefined)[];
};

/** Where 32-bit words go: those at `[at, at + count)`. */
export type WordTarget = { readonly words: Uint32Array; readonly at: number; readonly count: number };

/** Room for a head and at most so many bytes behind it, and for what writing four bytes at a time writes too much. */
export function createHashSpace(sizeBytes: number, head: Uint8Array = new Uint8Array(0)): HashSpace {
  const bytes = new Uint8Array(head.length + sizeBytes + 8);
  bytes.set(head);
  const slices: (Uint8Array | undefined)[] = Array.from({ length: slicesMax }, () => undefined);
  return { bytes, view: new DataView(bytes.buffer), headBytes: head.length, slices };
}

const slicesMax = 1024;

/** Copies the bytes `[start, end)` to a place in the space and returns where the copy ends. May read 3 bytes more. */
export function copyBytes(space: HashSpace, at: number, source: DataView, start: number, end: number): number {
  const { view } = space;
  let place = at;
  for (let index = start; index < end; index += 4) {
    view.setInt32(place, source.getInt32(index, true), true);
    place += 4;
  }
  return at + end - start;
}

/**
 * Hashes the first `length` bytes of the space with SHA-256 into `words[at, at + count)`, most significant bits first.
 * Positional, since it is called two or three times an event.
 */
export function hashSpace(space: HashSpace, length: number, words: Uint32Array, at: number, count: number): void {
  const slice = length < slicesMax ? (space.slices[length] ??= space.bytes.subarray(0, length)) : undefined;
  const text = hash('sha256', slice ?? space.bytes.subarray(0, length), 'binary');
  for (let index = 0; index < count; index += 1) {
    const place = index * 4;
    words[at + index] =
      (text.charCodeAt(place) << 24) |
      (text.charCodeAt(place + 1) << 16) |
      (text.charCodeAt(place + 2) << 8) |
      text.charCodeAt(place + 3);
  }
}

/** Writes a hash of hexadecimal characters as words, as many as the target takes. */
export function writeHexWords(hex: string, { words, at, count }: WordTarget): void {
  for (let index = 0; index < count; index += 1) {
    let word = 0;
    for (let place = index * 8; place < index * 8 + 8; place += 1) word = (word << 4) | digitOf(hex.charCodeAt(place));
    words[at + index] = word;
  }
}

/** The value of a lower-case hexadecimal digit, by its character code. */
function digitOf(code: number): number {
  return code < 0x61 ? code - 0x30 : code - 0x57;
}

/** The hexadecimal characters of `words[at, at + count)`. */
export function hexOfWords({ words, at, count }: WordTarget): string {
  let hex = '';
  for (let index = at; index < at + count; index += 1) {
    const word = words[index] ?? 0;
    hex += hexOfHalf[word >>> 16]! + hexOfHalf[word & 0xffff]!;
  }
  return hex;
}

/** The four characters of each number below 2^16. */
const hexOfHalf = Array.from({ length: 2 ** 16 }, (_, half) => half.toString(16).padStart(4, '0'));
