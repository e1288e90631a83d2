import type { TextPlace } from '../../core/decode/interner.ts';
import type { ColumnData, TextOfId } from '../../core/sinks/column-data.ts';
import { createByteList, reserveBytes, usedBytes } from './parquet-bytes.ts';
import { type ColumnBuffer, isOfType, type NamedColumn, wrongValue } from './parquet-column.ts';
import { clearIds, createIdCache, type IdCache, keepId, slotOfId } from './parquet-id-cache.ts';
import { appendLevels } from './parquet-levels.ts';
import { type ColumnPages, encodings } from './parquet-page.ts';
import { appendRuns, bitWidthOf } from './parquet-runs.ts';
import { addText, clearTexts, createTextTable, numberOfText, type TextTable } from './parquet-text-table.ts';

/** Texts that repeat on their way into a row group: the number of each in the group's own table, -1 for null. */
type TextBuffer = {
  readonly column: NamedColumn;
  readonly table: TextTable;
  readonly byId: IdCache;
  readonly byText: Map<string, number>;
  /** What all texts so far are of (`TextPlace`); NaN where they are of several, or of none that is known. */
  scope: number;
  numbers: Int32Array;
  count: number;
};

/** An empty buffer of a column of texts that repeat. */
export function createTextColumn(column: NamedColumn): ColumnBuffer {
  const numbers = new Int32Array(256);
  const buffer: TextBuffer = {
    column,
    table: createTextTable(),
    byId: createIdCache(),
    byText: new Map(),
    scope: Number.NaN,
    numbers,
    count: 0,
  };
  return {
    append: (data, rows, from, to) => append(buffer, data, rows, from, to),
    encode: () => encode(buffer),
    clear: () => clear(buffer),
  };
}

function clear(buffer: TextBuffer): void {
  clearTexts(buffer.table);
  clearIds(buffer.byId, null);
  buffer.byText.clear();
  buffer.count = 0;
}

// Pieces may be short, so these take plain arguments.
function append(buffer: TextBuffer, data: ColumnData, rows: Int32Array, from: number, to: number): void {
  reserve(buffer, to - from);
  const { table, numbers } = buffer;
  const at = buffer.count - from;
  if (data.kind !== 'ids') buffer.scope = Number.NaN;
  switch (data.kind) {
    case 'ids':
      appendIds(buffer, data, rows, from, to);
      break;
    case 'spans':
      for (let i = from; i < to; i++) {
        const row = rows[i] ?? 0;
        numbers[at + i] = numberOfText(table, data.bytes, data.starts[row] ?? 0, data.ends[row] ?? 0);
      }
      break;
    case 'constant':
      numbers.fill(numberOfValue(buffer, data.value), buffer.count, buffer.count + to - from);
      break;
    case 'values':
      for (let i = from; i < to; i++) {
        const row = rows[i] ?? 0;
        numbers[at + i] = numberOfValue(buffer, data.values[row], row);
      }
      break;
    default:
      throw new TypeError(`${buffer.column.table}.${buffer.column.name}: got ${data.kind}, expected texts that repeat`);
  }
  buffer.count += to - from;
}

function appendIds(
  buffer: TextBuffer,
  { ids, start, stride, textOf }: Extract<ColumnData, { kind: 'ids' }>,
  rows: Int32Array,
  from: number,
  to: number,
): void {
  const { byId, numbers } = buffer;
  if (byId.source !== textOf) {
    clearIds(byId, textOf);
    buffer.scope = Number.NaN;
  }
  const at = buffer.count - from;
  let lastId = -1;
  let number = -1;
  for (let i = from; i < to; i++) {
    const id = ids[start + (rows[i] ?? 0) * stride] ?? -1;
    // The same text often comes many times in a row.
    if (id !== lastId) number = id < 0 ? -1 : numberOfId(buffer, id, textOf);
    lastId = id;
    numbers[at + i] = number;
  }
}

const place: TextPlace = { bytes: new Uint8Array(0), start: 0, end: 0, scope: Number.NaN };

function numberOfId(buffer: TextBuffer, id: number, textOf: TextOfId): number {
  const { byId } = buffer;
  const slot = slotOfId(byId, id);
  if (byId.slots[slot] !== 0) return byId.slots[slot + 1] ?? -1;
  const number = textOf(id, place) ? numberOfPlace(buffer) : -1;
  keepId(byId, slot, id, number);
  return number;
}

/** The number of the text at `place`. A new id in the scope of all before it has a new text, so nothing is compared. */
function numberOfPlace(buffer: TextBuffer): number {
  const { table } = buffer;
  const { bytes, start, end, scope } = place;
  if (table.count === 0) buffer.scope = scope;
  if (scope === buffer.scope) return addText(table, bytes, start, end);
  buffer.scope = Number.NaN;
  return numberOfText(table, bytes, start, end);
}

function numberOfValue({ column, table, byText }: TextBuffer, value: unknown, row?: number): number {
  if (value === null || value === undefined) {
    if (column.nullable) return -1;
    throw wrongValue(column, null, row);
  }
  if (!isOfType(column.type, value)) throw wrongValue(column, value, row);
  const text = typeof value === 'string' && column.type !== 'json' ? value : JSON.stringify(value);
  const known = byText.get(text);
  if (known !== undefined) return known;
  const bytes = Buffer.from(text);
  const number = numberOfText(table, bytes, 0, bytes.length);
  byText.set(text, number);
  return number;
}

function reserve(buffer: TextBuffer, more: number): void {
  const needed = buffer.count + more;
  if (needed <= buffer.numbers.length) return;
  const numbers = new Int32Array(Math.max(needed, buffer.numbers.length * 2));
  numbers.set(buffer.numbers.subarray(0, buffer.count));
  buffer.numbers = numbers;
}

const page = createByteList(1 << 16);
let levels = new Uint8Array(0);
let dense = new Int32Array(0);

function encode({ column, table, numbers, count }: TextBuffer): ColumnPages {
  const nullCount = separateNulls(numbers, count);
  if (nullCount > 0 && !column.nullable) throw wrongValue(column, null);
  page.length = 0;
  appendLevels(page, { nullable: column.nullable, levels: nullCount > 0 ? levels : null, count });
  const facts = { valueCount: count, nullCount, bounds: null };
  if (nullCount === count) return { ...facts, dictionary: null, data: usedBytes(page), encoding: encodings.plain };
  const bitWidth = bitWidthOf(table.count - 1);
  reserveBytes(page, 1);
  page.bytes[page.length++] = bitWidth;
  const values = nullCount > 0 ? dense : numbers;
  appendRuns(page, { values, count: count - nullCount, bitWidth });
  const dictionary = { bytes: usedBytes(table.page), count: table.count };
  return { ...facts, dictionary, data: usedBytes(page), encoding: encodings.dictionary };
}

function separateNulls(numbers: Int32Array, count: number): number {
  if (levels.length < count) {
    levels = new Uint8Array(count);
    dense = new Int32Array(count);
  }
  let present = 0;
  for (let i = 0; i < count; i++) {
    const number = numbers[i] ?? -1;
    dense[present] = number;
    if (number >= 0) present++;
    levels[i] = number >= 0 ? 1 : 0;
  }
  return count - present;
}
