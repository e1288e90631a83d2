import type { TextPlace } from '../../core/decode/interner.ts';
import type { ColumnData } from '../../core/sinks/column-data.ts';
import { appendBytes, type ByteList, createByteList, reserveBytes, usedBytes } from './parquet-bytes.ts';
import { type ColumnBuffer, isOfType, type NamedColumn, wrongValue } from './parquet-column.ts';
import { appendDeltas } from './parquet-delta.ts';
import { appendLevels } from './parquet-levels.ts';
import { type ColumnPages, encodings } from './parquet-page.ts';

/** Texts that hardly repeat, or bytes, on their way into a row group, one after the other; a length of -1 is null. */
type BytesBuffer = { readonly column: NamedColumn; readonly bytes: ByteList; lengths: Int32Array; count: number };

/** An empty buffer of a column of bytes or of texts that hardly repeat. */
export function createBytesColumn(column: NamedColumn): ColumnBuffer {
  const buffer: BytesBuffer = { column, bytes: createByteList(), lengths: new Int32Array(256), count: 0 };
  return {
    append: (data, rows, from, to) => append(buffer, data, rows, from, to),
    encode: () => encode(buffer),
    clear: () => {
      buffer.bytes.length = 0;
      buffer.count = 0;
    },
  };
}

// Pieces may be short, so these take plain arguments.
function append(buffer: BytesBuffer, data: ColumnData, rows: Int32Array, from: number, to: number): void {
  reserve(buffer, to - from);
  if (data.kind === 'spans') return appendSpans(buffer, data, rows, from, to);
  for (let i = from; i < to; i++) {
    const start = buffer.bytes.length;
    const isPresent = appendValue(buffer, data, rows[i] ?? 0);
    buffer.lengths[buffer.count++] = isPresent ? buffer.bytes.length - start : -1;
  }
}

function appendSpans(
  buffer: BytesBuffer,
  { bytes, starts, ends }: Extract<ColumnData, { kind: 'spans' }>,
  rows: Int32Array,
  from: number,
  to: number,
): void {
  const { lengths, bytes: list } = buffer;
  for (let i = from; i < to; i++) {
    const row = rows[i] ?? 0;
    const start = starts[row] ?? 0;
    const length = (ends[row] ?? 0) - start;
    reserveBytes(list, length);
    const target = list.bytes;
    const at = list.length;
    for (let j = 0; j < length; j++) target[at + j] = bytes[start + j] ?? 0;
    list.length = at + length;
    lengths[buffer.count++] = length;
  }
}

const place: TextPlace = { bytes: new Uint8Array(0), start: 0, end: 0, scope: Number.NaN };

/** Whether there was a value. */
function appendValue({ column, bytes }: BytesBuffer, data: ColumnData, row: number): boolean {
  switch (data.kind) {
    case 'hex':
      appendHex(bytes, data, row);
      return true;
    case 'ids': {
      const id = data.ids[data.start + row * data.stride] ?? -1;
      const isPresent = id >= 0 && data.textOf(id, place);
      if (isPresent) appendBytes(bytes, place.bytes, place.start, place.end);
      return isPresent;
    }
    case 'constant':
      return appendAny(bytes, column, data.value);
    case 'values':
      return appendAny(bytes, column, data.values[row], row);
    default:
      throw new TypeError(`${column.table}.${column.name}: got ${data.kind}, expected texts or bytes`);
  }
}

const digits = Buffer.from('0123456789abcdef');

function appendHex(list: ByteList, data: Extract<ColumnData, { kind: 'hex' }>, row: number): void {
  const { words, wordsPerRow, endings } = data;
  reserveBytes(list, wordsPerRow * 8);
  const { bytes } = list;
  let at = list.length;
  const end = (row + 1) * wordsPerRow;
  for (let i = end - wordsPerRow; i < end; i++) {
    const word = words[i] ?? 0;
    bytes[at] = digits[word >>> 28] ?? 0;
    bytes[at + 1] = digits[(word >>> 24) & 15] ?? 0;
    bytes[at + 2] = digits[(word >>> 20) & 15] ?? 0;
    bytes[at + 3] = digits[(word >>> 16) & 15] ?? 0;
    bytes[at + 4] = digits[(word >>> 12) & 15] ?? 0;
    bytes[at + 5] = digits[(word >>> 8) & 15] ?? 0;
    bytes[at + 6] = digits[(word >>> 4) & 15] ?? 0;
    bytes[at + 7] = digits[word & 15] ?? 0;
    at += 8;
  }
  list.length = at;
  if (endings !== undefined && endings.textOf(endings.ids[row] ?? -1, place)) {
    appendBytes(list, place.bytes, place.start, place.end);
  }
}

function appendAny(list: ByteList, column: NamedColumn, value: unknown, row?: number): boolean {
  if (value === null || value === undefined) {
    if (column.nullable) return false;
    throw wrongValue(column, null, row);
  }
  if (!isOfType(column.type, value)) throw wrongValue(column, value, row);
  if (value instanceof Uint8Array) appendBytes(list, value);
  else
    appendBytes(list, Buffer.from(typeof value === 'string' && column.type !== 'json' ? value : JSON.stringify(value)));
  return true;
}

function reserve(buffer: BytesBuffer, more: number): void {
  const needed = buffer.count + more;
  if (needed <= buffer.lengths.length) return;
  const lengths = new Int32Array(Math.max(needed, buffer.lengths.length * 2));
  lengths.set(buffer.lengths.subarray(0, buffer.count));
  buffer.lengths = lengths;
}

const page = createByteList(1 << 16);
let levels = new Uint8Array(0);
let dense = new Int32Array(0);

function encode({ column, bytes, lengths, count }: BytesBuffer): ColumnPages {
  const present = separateNulls(lengths, count);
  const nullCount = count - present;
  if (nullCount > 0 && !column.nullable) throw wrongValue(column, null);
  page.length = 0;
  appendLevels(page, { nullable: column.nullable, levels: nullCount > 0 ? levels : null, count });
  const facts = { valueCount: count, nullCount, bounds: null, dictionary: null };
  if (present === 0) return { ...facts, data: usedBytes(page), encoding: encodings.plain };
  appendDeltas(page, dense, present);
  appendBytes(page, usedBytes(bytes));
  return { ...facts, data: usedBytes(page), encoding: encodings.deltaLength };
}

function separateNulls(lengths: Int32Array, count: number): number {
  if (levels.length < count) {
    levels = new Uint8Array(count);
    dense = new Int32Array(count);
  }
  let present = 0;
  for (let i = 0; i < count; i++) {
    const length = lengths[i] ?? -1;
    dense[present] = length;
    if (length >= 0) present++;
    levels[i] = length >= 0 ? 1 : 0;
  }
  return present;
}
