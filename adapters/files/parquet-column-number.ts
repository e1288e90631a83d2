import type { ColumnData } from '../../core/sinks/column-data.ts';
import { appendBytes, type ByteList, createByteList, reserveBytes, usedBytes } from './parquet-bytes.ts';
import { type ColumnBuffer, isOfType, type NamedColumn, wrongValue } from './parquet-column.ts';
import { appendDeltas, deltaRangeMax } from './parquet-delta.ts';
import { findDistinct } from './parquet-distinct.ts';
import { appendLevels } from './parquet-levels.ts';
import { type ColumnPages, encodings } from './parquet-page.ts';
import { appendRuns, bitWidthOf } from './parquet-runs.ts';

/** Numbers on their way into a row group; NaN is null, and a truth value is 0 or 1. */
type NumberBuffer = { readonly column: NamedColumn; values: Float64Array<ArrayBuffer>; count: number };

/** An empty buffer of a column of numbers, times or truth values. */
export function createNumberColumn(column: NamedColumn): ColumnBuffer {
  const buffer: NumberBuffer = { column, values: new Float64Array(256), count: 0 };
  return {
    append: (data, rows, from, to) => append(buffer, data, rows, from, to),
    encode: () => encode(buffer),
    clear: () => {
      buffer.count = 0;
    },
    ...(column.type === 'double' && { doubles: () => buffer.values.subarray(0, buffer.count) }),
  };
}

// Pieces may be short, so these take plain arguments.
function append(buffer: NumberBuffer, data: ColumnData, rows: Int32Array, from: number, to: number): void {
  reserve(buffer, to - from);
  switch (data.kind) {
    case 'numbers':
      appendNumbers(buffer, data, rows, from, to);
      break;
    case 'constant':
      buffer.values.fill(numberOf(buffer, data.value), buffer.count, buffer.count + to - from);
      break;
    case 'values':
      for (let i = from, at = buffer.count; i < to; i++, at++) {
        const row = rows[i] ?? 0;
        buffer.values[at] = numberOf(buffer, data.values[row], row);
      }
      break;
    default:
      throw new TypeError(`${buffer.column.table}.${buffer.column.name}: got ${data.kind}, expected numbers`);
  }
  buffer.count += to - from;
}

function appendNumbers(
  buffer: NumberBuffer,
  { values, start, stride, nullValue = Number.NaN }: Extract<ColumnData, { kind: 'numbers' }>,
  rows: Int32Array,
  from: number,
  to: number,
): void {
  const target = buffer.values;
  const at = buffer.count - from;
  if (buffer.column.type === 'double') {
    for (let i = from; i < to; i++) target[at + i] = values[start + (rows[i] ?? 0) * stride] ?? Number.NaN;
    return;
  }
  for (let i = from; i < to; i++) {
    const value = values[start + (rows[i] ?? 0) * stride] ?? Number.NaN;
    target[at + i] = value === nullValue || !Number.isFinite(value) ? Number.NaN : value;
  }
}

function numberOf({ column }: NumberBuffer, value: unknown, row?: number): number {
  if (value === null || value === undefined) {
    if (column.nullable) return Number.NaN;
    throw wrongValue(column, null, row);
  }
  if (!isOfType(column.type, value)) throw wrongValue(column, value, row);
  return Number(value);
}

function reserve(buffer: NumberBuffer, more: number): void {
  const needed = buffer.count + more;
  if (needed <= buffer.values.length) return;
  const values = new Float64Array(Math.max(needed, buffer.values.length * 2));
  values.set(buffer.values.subarray(0, buffer.count));
  buffer.values = values;
}

const page = createByteList(1 << 16);
let levels = new Uint8Array(0);
let dense = new Float64Array(0);

function encode({ column, values, count }: NumberBuffer): ColumnPages {
  const nullCount = countNulls(values, count);
  if (nullCount > 0 && !column.nullable) throw wrongValue(column, null);
  page.length = 0;
  if (nullCount > 0) separateNulls(values, count);
  const present = nullCount > 0 ? dense : values;
  appendLevels(page, { nullable: column.nullable, levels: nullCount > 0 ? levels : null, count });
  const encoded = encodeValues(column, present, count - nullCount);
  return { bounds: null, dictionary: null, ...encoded, data: usedBytes(page), valueCount: count, nullCount };
}

function countNulls(values: Float64Array, count: number): number {
  let nulls = 0;
  for (let i = 0; i < count; i++) if (Number.isNaN(values[i])) nulls++;
  return nulls;
}

function separateNulls(values: Float64Array, count: number): void {
  if (levels.length < count) {
    levels = new Uint8Array(count);
    dense = new Float64Array(count);
  }
  let present = 0;
  for (let i = 0; i < count; i++) {
    const value = values[i] ?? 0;
    const isPresent = !Number.isNaN(value);
    levels[i] = isPresent ? 1 : 0;
    dense[present] = value;
    if (isPresent) present++;
  }
}

type Encoded = Pick<ColumnPages, 'encoding'> & Partial<Pick<ColumnPages, 'dictionary' | 'bounds'>>;

function encodeValues({ type }: NamedColumn, values: Float64Array<ArrayBuffer>, count: number): Encoded {
  if (count === 0) return { encoding: encodings.plain };
  if (type === 'boolean') return encodeBits(values, count);
  if (type === 'double') return encodeDoubles(values, count);
  return encodeIntegers(values, count, type === 'int32' ? 32 : 64);
}

function encodeBits(values: Float64Array, count: number): Encoded {
  reserveBytes(page, (count + 7) >>> 3);
  for (let i = 0; i < count; i += 8) {
    let bits = 0;
    for (let bit = 0; bit < 8 && i + bit < count; bit++) bits |= (values[i + bit] ?? 0) << bit;
    page.bytes[page.length++] = bits;
  }
  return { encoding: encodings.plain };
}

function encodeDoubles(values: Float64Array<ArrayBuffer>, count: number): Encoded {
  const distinct = findDistinct(values, count);
  if (distinct === null) {
    appendBytes(page, new Uint8Array(values.buffer, values.byteOffset, count * 8));
    return { encoding: encodings.plain };
  }
  const bitWidth = bitWidthOf(distinct.count - 1);
  reserveBytes(page, 1);
  page.bytes[page.length++] = bitWidth;
  appendRuns(page, { values: distinct.indexes, count, bitWidth });
  return { encoding: encodings.dictionary, dictionary: { bytes: distinct.bytes, count: distinct.count } };
}

function encodeIntegers(values: Float64Array, count: number, bits: 32 | 64): Encoded {
  let least = Infinity;
  let greatest = -Infinity;
  for (let i = 0; i < count; i++) {
    const value = values[i] ?? 0;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  const bounds = { least: integerBytes(least, bits), greatest: integerBytes(greatest, bits) };
  const start = page.length;
  if (greatest - least <= deltaRangeMax[bits]) {
    appendDeltas(page, values, count);
    if (page.length - start < (count * bits) / 8 || count < 16) return { encoding: encodings.deltaPacked, bounds };
    page.length = start;
  }
  for (let i = 0; i < count; i++) appendInteger(page, values[i] ?? 0, bits);
  return { encoding: encodings.plain, bounds };
}

function integerBytes(value: number, bits: 32 | 64): Uint8Array {
  const list = createByteList(8);
  appendInteger(list, value, bits);
  return usedBytes(list);
}

/** Two's complement, the lowest byte first. */
function appendInteger(list: ByteList, value: number, bits: 32 | 64): void {
  reserveBytes(list, 8);
  let rest = value;
  for (let i = 0; i < bits; i += 8) {
    const byte = rest - Math.floor(rest / 256) * 256;
    list.bytes[list.length++] = byte;
    rest = Math.floor(rest / 256);
  }
}
