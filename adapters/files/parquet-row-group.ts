import type { ColumnData } from '../../core/sinks/column-data.ts';
import type { TableSchema } from '../../core/sinks/table-schema.ts';
import { type ByteList, createByteList, usedBytes } from './parquet-bytes.ts';
import { createBytesColumn } from './parquet-column-bytes.ts';
import { createNumberColumn } from './parquet-column-number.ts';
import { createTextColumn } from './parquet-column-text.ts';
import type { ColumnBuffer, NamedColumn } from './parquet-column.ts';
import type { RowGroup } from './parquet-footer.ts';
import { appendAgain, appendPages, type ColumnChunk } from './parquet-page.ts';

/**
 * Rows of a row group at most. The cost of a row hardly depends on it, but a group is held whole while it is collected and
 * again, as objects, while it is read.
 */
export const rowGroupRows = 32_768;

/** Rows on their way into a row group, column by column. */
export type RowGroupBuffer = {
  readonly columns: readonly ColumnBuffer[];
  rowCount: number;
  /** The most rows that it ever had, which its arrays have room for. */
  rowCountMax: number;
};

const spareGroups = new WeakMap<TableSchema, RowGroupBuffer[]>();
/** Room for so many rows of a table is kept: the files of a cut that ends are open beside those of the next one. */
const spareRowsMax = rowGroupRows * 8;

/** An empty buffer of a table: one that was given back, or a new one. */
export function takeRowGroup(schema: TableSchema): RowGroupBuffer {
  return spareGroups.get(schema)?.pop() ?? createRowGroup(schema);
}

/** Gives back a buffer that is in use no more: growing one anew for every file would keep the collector busy. */
export function giveBackRowGroup(schema: TableSchema, group: RowGroupBuffer): void {
  clearGroup(group);
  const spare = spareGroups.get(schema) ?? [];
  const spareRows = spare.reduce((rows, { rowCountMax }) => rows + rowCountMax, 0);
  if (spareRows + group.rowCountMax <= spareRowsMax) spare.push(group);
  spareGroups.set(schema, spare);
}

function clearGroup(group: RowGroupBuffer): void {
  group.rowCountMax = Math.max(group.rowCountMax, group.rowCount);
  for (const column of group.columns) column.clear();
  group.rowCount = 0;
}

function createRowGroup(schema: TableSchema): RowGroupBuffer {
  return {
    columns: schema.columns.map((column) => createColumn({ ...column, table: schema.name })),
    rowCount: 0,
    rowCountMax: 0,
  };
}

/**
 * Adds the rows `rows[from, to)` of columns in the schema's order, at most as many as the group has room for. Throws a
 * `TypeError` for a value that is not of its column's type. Plain arguments: it runs for short pieces too.
 */
export function addToGroup(
  group: RowGroupBuffer,
  columns: readonly ColumnData[],
  rows: Int32Array,
  from: number,
  to: number,
): void {
  for (let i = 0; i < group.columns.length; i++) {
    const data = columns[i];
    if (data === undefined) throw new TypeError(`got ${columns.length} columns, expected ${group.columns.length}`);
    group.columns[i]?.append(data, rows, from, to);
  }
  group.rowCount += to - from;
}

const output: ByteList = createByteList(1 << 20);

/** A row group as it stands in a file. */
export type EncodedGroup = { readonly bytes: Uint8Array; readonly group: RowGroup };

/**
 * Encodes the rows as they follow the file's first `fileOffset` bytes, and empties the buffer. The bytes are valid until
 * the next call. Two neighbouring columns of doubles that are the same bit for bit are encoded once.
 */
export function encodeGroup(group: RowGroupBuffer, fileOffset: number): EncodedGroup {
  const chunks = [...encodeColumns(group, fileOffset, output)];
  return endGroup(group, chunks, output);
}

/** As `encodeGroup`, with a pause whenever so many milliseconds have gone by; the bytes are the caller's. */
export async function encodeGroupSlowly(
  group: RowGroupBuffer,
  fileOffset: number,
  { sliceMs, pause }: Pauses,
): Promise<EncodedGroup> {
  const own = createByteList(1 << 16);
  const chunks: ColumnChunk[] = [];
  let startMs = performance.now();
  for (const chunk of encodeColumns(group, fileOffset, own)) {
    chunks.push(chunk);
    if (performance.now() - startMs < sliceMs) continue;
    await pause();
    startMs = performance.now();
  }
  return endGroup(group, chunks, own);
}

/** How work that nobody waits for makes room for work that somebody waits for. */
export type Pauses = { readonly sliceMs: number; readonly pause: () => Promise<void> };

function endGroup(group: RowGroupBuffer, chunks: readonly ColumnChunk[], into: ByteList): EncodedGroup {
  const { rowCount } = group;
  clearGroup(group);
  return { bytes: usedBytes(into), group: { rowCount, chunks } };
}

function* encodeColumns(group: RowGroupBuffer, fileOffset: number, into: ByteList): Generator<ColumnChunk> {
  into.length = 0;
  let last: ColumnChunk | null = null;
  let before: Float64Array | null = null;
  for (const column of group.columns) {
    const doubles = column.doubles?.() ?? null;
    const isSame: boolean = last !== null && doubles !== null && before !== null && areSame(doubles, before);
    last =
      isSame && last !== null ? appendAgain(into, fileOffset, last) : appendPages(into, fileOffset, column.encode());
    yield last;
    before = doubles;
  }
}

/** With a dictionary for texts unless they hardly repeat. */
function createColumn(column: NamedColumn): ColumnBuffer {
  switch (column.type) {
    case 'bytes':
      return createBytesColumn(column);
    case 'text':
    case 'json':
      return column.isUnique ? createBytesColumn(column) : createTextColumn(column);
    default:
      return createNumberColumn(column);
  }
}

function areSame(left: Float64Array, right: Float64Array): boolean {
  const bytesOf = ({ buffer, byteOffset, byteLength }: Float64Array): Buffer =>
    Buffer.from(buffer, byteOffset, byteLength);
  return bytesOf(left).equals(bytesOf(right));
}
