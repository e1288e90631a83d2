import { appendVarint, type ByteList, reserveBytes } from './parquet-bytes.ts';

/** A shorter run costs less among the packed values than apart. */
const runValuesMin = 32;

/**
 * Appends small integers as Parquet's hybrid of run lengths and packed bits, at most 24 bits wide; see
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
 */
export function appendRuns(list: ByteList, run: { values: ArrayLike<number>; count: number; bitWidth: number }): void {
  const { values, count, bitWidth } = run;
  let packedStart = 0;
  let at = 0;
  while (at < count) {
    const end = endOfRun(values, at, count);
    if (end - at < runValuesMin && !(at === 0 && end === count)) {
      // Packed values come in groups of eight.
      at = Math.min(at + 8, count);
      continue;
    }
    appendPacked(list, values, packedStart, at, bitWidth);
    appendRun(list, end - at, values[at] ?? 0, bitWidth);
    at = end;
    packedStart = at;
  }
  appendPacked(list, values, packedStart, count, bitWidth);
}

/** Appends one value, repeated. */
export function appendRun(list: ByteList, count: number, value: number, bitWidth: number): void {
  appendVarint(list, count * 2);
  reserveBytes(list, 4);
  for (let bits = 0; bits < bitWidth; bits += 8) list.bytes[list.length++] = (value >>> bits) & 255;
}

/** The bits that a number up to this one needs, at least 1. */
export function bitWidthOf(valueMax: number): number {
  return Math.max(1, 32 - Math.clz32(valueMax));
}

// The values of a column come one by one, so these take plain arguments.
function endOfRun(values: ArrayLike<number>, start: number, count: number): number {
  const value = values[start];
  let end = start + 1;
  while (end < count && values[end] === value) end++;
  return end;
}

function appendPacked(list: ByteList, values: ArrayLike<number>, start: number, end: number, bitWidth: number): void {
  if (start === end) return;
  const groups = Math.ceil((end - start) / 8);
  appendVarint(list, groups * 2 + 1);
  reserveBytes(list, groups * bitWidth);
  const { bytes } = list;
  let at = list.length;
  let bits = 0;
  let rest = 0;
  for (let i = start; i < end; i++) {
    rest |= (values[i] ?? 0) << bits;
    bits += bitWidth;
    while (bits >= 8) {
      bytes[at++] = rest & 255;
      rest >>>= 8;
      bits -= 8;
    }
  }
  list.length += groups * bitWidth;
  if (bits > 0) bytes[at++] = rest & 255;
  bytes.fill(0, at, list.length);
}
