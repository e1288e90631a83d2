/** A line without its line end. */
export type SourceLine = {
  readonly bytes: Uint8Array;
  /** Why the bytes are not a whole line; null for a good one. */
  readonly damage: 'tooLong' | 'badQuote' | null;
};

/** No line may be longer; of a longer one the first bytes are kept, so that no line fills the memory. */
export const lineSizeBytesMax = 1024 * 1024;
export const keptSizeBytesMax = 64 * 1024;

/** Where a line ends: `csv` lets a quoted field (RFC 4180) run over line ends, `none` does not. */
export type Quoting = 'none' | 'csv';

/**
 * The lines of a byte stream in batches, blank ones left out, ended by a line feed with or without a carriage return.
 * A quote that does not close at the end of a field, within the size of a line, damages only the line on which it opens:
 * reading goes on at the next one. Memory is bounded by one chunk and one line.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  quoting: Quoting,
): AsyncGenerator<readonly SourceLine[]> {
  const findEnd = quoting === 'csv' ? findCsvEnd : findLineFeed;
  let rest: Buffer = Buffer.alloc(0);
  let isSkipping = false;
  for await (const chunk of chunks) {
    let fresh: Uint8Array = chunk;
    if (isSkipping) {
      const end = chunk.indexOf(lineFeed);
      if (end < 0) continue;
      fresh = chunk.subarray(end + 1);
      isSkipping = false;
    }
    const taken = takeLines(Buffer.concat([rest, fresh]), findEnd);
    if (taken.lines.length > 0) yield taken.lines;
    rest = taken.rest;
    isSkipping = taken.isCut;
  }
  if (rest.length > 0) yield takeAll(Buffer.concat([rest, Buffer.from([lineFeed])]), findEnd);
}

/** The end of the line that begins at `start`, `unfinished` when more bytes may bring it, or `malformed`. */
type FindEnd = (bytes: Buffer, start: number) => number;

type Taken = { readonly lines: readonly SourceLine[]; readonly rest: Buffer; readonly isCut: boolean };

const unfinished = -1;
const malformed = -2;

const lineFeed = 10;
const carriageReturn = 13;
const quote = 34;
const comma = 44;

/** The lines that end within the bytes; with `isCut` the rest of the last one is still to come and is to be skipped. */
function takeLines(bytes: Buffer, findEnd: FindEnd): Taken {
  const lines: SourceLine[] = [];
  let start = 0;
  while (start < bytes.length) {
    const end = findEnd(bytes, start);
    if (end >= 0 && end - start <= lineSizeBytesMax) {
      addLine(lines, bytes.subarray(start, end), null);
      start = end + 1;
      continue;
    }
    if (end === unfinished && bytes.length - start <= lineSizeBytesMax) break;
    const firstEnd = bytes.indexOf(lineFeed, start);
    if (firstEnd < 0 && bytes.length - start <= lineSizeBytesMax) break;
    const size = (firstEnd < 0 ? bytes.length : firstEnd) - start;
    addLine(lines, bytes.subarray(start, start + size), size > lineSizeBytesMax ? 'tooLong' : 'badQuote');
    if (firstEnd < 0) return { lines, rest: Buffer.alloc(0), isCut: true };
    start = firstEnd + 1;
  }
  return { lines, rest: Buffer.from(bytes.subarray(start)), isCut: false };
}

/** The lines of the last bytes of an input, which end with a line feed: a quote still open there is not closed at all. */
function takeAll(bytes: Buffer, findEnd: FindEnd): readonly SourceLine[] {
  const lines: SourceLine[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const taken = takeLines(rest, findEnd);
    for (const line of taken.lines) lines.push(line);
    const openEnd = taken.rest.indexOf(lineFeed);
    if (openEnd >= 0) addLine(lines, taken.rest.subarray(0, openEnd), 'badQuote');
    rest = taken.rest.subarray(openEnd + 1);
    if (openEnd < 0) break;
  }
  return lines;
}

function addLine(lines: SourceLine[], bytes: Buffer, damage: SourceLine['damage']): void {
  const hasReturn = bytes[bytes.length - 1] === carriageReturn;
  const line = hasReturn ? bytes.subarray(0, -1) : bytes;
  if (line.length === 0) return;
  if (damage !== 'tooLong') lines.push({ bytes: line, damage });
  else lines.push({ bytes: Buffer.from(line.subarray(0, keptSizeBytesMax)), damage });
}

function findLineFeed(bytes: Buffer, start: number): number {
  return bytes.indexOf(lineFeed, start);
}

/** The first line feed outside quotes: a quote opens at the beginning of a field only, and a doubled one does not close. */
function findCsvEnd(bytes: Buffer, start: number): number {
  let index = start;
  for (let isFieldStart = true; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (byte === lineFeed) return index;
    if (byte === quote && isFieldStart) {
      index = findClosingQuote(bytes, index + 1);
      if (index < 0) return unfinished;
      const after = bytes[index + 1];
      if (after !== undefined && after !== comma && after !== lineFeed && after !== carriageReturn) return malformed;
    }
    isFieldStart = byte === comma;
  }
  return unfinished;
}

/** The position of the quote that closes, -1 when it is still to come. */
function findClosingQuote(bytes: Buffer, start: number): number {
  let index = bytes.indexOf(quote, start);
  while (index >= 0 && bytes[index + 1] === quote) index = bytes.indexOf(quote, index + 2);
  return index;
}
