import { appendVarint, appendZigzag, type ByteList, reserveBytes } from './parquet-bytes.ts';

const blockValues = 128;
const miniblocks = 4;
const miniblockValues = blockValues / miniblocks;

/** The farthest that two values of a column may be apart to be written as differences, by the width of the integers. */
export const deltaRangeMax = { 32: 2 ** 31 - 1, 64: 2 ** 44 } as const;

const differences = new Float64Array(blockValues);

/**
 * Appends integers as differences of neighbours, packed in as few bits as each 32 of them need; see
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/#DELTAENC. No two may be farther apart than
 * `deltaRangeMax`.
 */
export function appendDeltas(list: ByteList, values: Float64Array | Int32Array, count: number): void {
  appendVarint(list, blockValues);
  appendVarint(list, miniblocks);
  appendVarint(list, count);
  appendZigzag(list, values[0] ?? 0);
  for (let start = 1; start < count; start += blockValues) appendBlock(list, values, start, count);
}

function appendBlock(list: ByteList, values: Float64Array | Int32Array, start: number, count: number): void {
  const length = Math.min(blockValues, count - start);
  let least = Infinity;
  let last = values[start - 1] ?? 0;
  for (let i = 0; i < length; i++) {
    const value = values[start + i] ?? 0;
    const difference = value - last;
    differences[i] = difference;
    if (difference < least) least = difference;
    last = value;
  }
  differences.fill(least, length);
  appendZigzag(list, least);
  const used = Math.ceil(length / miniblockValues);
  const widthsAt = list.length;
  reserveBytes(list, miniblocks + blockValues * 8);
  list.bytes.fill(0, widthsAt, widthsAt + miniblocks);
  list.length += miniblocks;
  for (let miniblock = 0; miniblock < used; miniblock++) {
    const width = widthOf(miniblock * miniblockValues, least);
    list.bytes[widthsAt + miniblock] = width;
    if (width > 24) packWide(list, miniblock * miniblockValues, least, width);
    else if (width > 0) packNarrow(list, miniblock * miniblockValues, least, width);
  }
}

function widthOf(start: number, least: number): number {
  let largest = 0;
  for (let i = start; i < start + miniblockValues; i++) {
    const excess = (differences[i] ?? 0) - least;
    if (excess > largest) largest = excess;
  }
  if (largest < 2 ** 32) return 32 - Math.clz32(largest);
  return 64 - Math.clz32(Math.floor(largest / 2 ** 32));
}

function packNarrow(list: ByteList, start: number, least: number, width: number): void {
  const { bytes } = list;
  let at = list.length;
  let bits = 0;
  let rest = 0;
  for (let i = start; i < start + miniblockValues; i++) {
    rest |= ((differences[i] ?? 0) - least) << bits;
    bits += width;
    while (bits >= 8) {
      bytes[at++] = rest & 255;
      rest >>>= 8;
      bits -= 8;
    }
  }
  list.length = at;
}

/** With a double for the bits that are left: up to 45 of a value and 7 of the one before it. */
function packWide(list: ByteList, start: number, least: number, width: number): void {
  const { bytes } = list;
  let at = list.length;
  let bits = 0;
  let rest = 0;
  for (let i = start; i < start + miniblockValues; i++) {
    rest += ((differences[i] ?? 0) - least) * 2 ** bits;
    bits += width;
    while (bits >= 8) {
      bytes[at++] = rest % 256;
      rest = Math.floor(rest / 256);
      bits -= 8;
    }
  }
  list.length = at;
}
