import { join } from 'node:path';
import type { ColumnData } from '../../core/sinks/column-data.ts';
import type { TableRow, TableSchema } from '../../core/sinks/table-schema.ts';
import type { Disk } from './disk.ts';
import { addToPart, createPart, flushPart, type LakePart, waitingRowsOf } from './lake-part.ts';
import { rowGroupRows } from './parquet-row-group.ts';
import { columnsOfRows, rowNumbers } from './parquet-rows.ts';

/**
 * A table of a cut. The same rows give the same files, whichever way and in whatever portions they come. All of these
 * throw `DISK_FULL`, and a `TypeError` for a value that is not of its column's type.
 */
export type LakeTable = {
  /** Adds the rows `[fromRow, toRow)` of columns in the schema's order. Nothing of the columns is kept. */
  readonly append: (columns: readonly ColumnData[], fromRow: number, toRow: number) => void;
  /** As `append`, of the rows that `rows[0, rowCount)` names, in that order. */
  readonly appendSelected: (columns: readonly ColumnData[], rows: Int32Array, rowCount: number) => void;
  /** Adds rows that are objects. */
  readonly appendRows: (rows: readonly TableRow[]) => void;
};

/** A table of a cut and its files, one a day, in order of their first rows. */
export type OpenTable = { readonly writer: LakeTable; readonly parts: ReadonlyMap<number, LakePart> };

type TableParts = {
  readonly disk: Disk;
  readonly dir: string;
  readonly startOffset: number;
  readonly epoch: number;
  readonly schema: TableSchema;
  readonly parts: Map<number, LakePart>;
  /** Rows that wait for a full row group, over all parts. */
  waitingRows: number;
  lastDay: number;
  lastPart: LakePart | null;
};

const dayMs = 86_400_000;

/** When so many rows of all days wait for a full row group, the day with the most of them is written. */
const waitingRowsMax = rowGroupRows * 4;

/** Opens a table of the cut that begins at an offset. */
export function openTable(options: {
  disk: Disk;
  dir: string;
  startOffset: number;
  epoch: number;
  schema: TableSchema;
}): OpenTable {
  const { schema } = options;
  const table: TableParts = { ...options, parts: new Map(), waitingRows: 0, lastDay: Number.NaN, lastPart: null };
  const writer: LakeTable = {
    append: (columns, fromRow, toRow) => append(table, columns, rowNumbers(toRow), fromRow, toRow),
    appendSelected: (columns, rows, rowCount) => append(table, columns, rows, 0, rowCount),
    appendRows: (rows) => append(table, columnsOfRows(schema, rows), rowNumbers(rows.length), 0, rows.length),
  };
  return { writer, parts: table.parts };
}

// Plain arguments from here on: they run for short pieces too.
function append(table: TableParts, columns: readonly ColumnData[], rows: Int32Array, from: number, to: number): void {
  if (from === to) return;
  if (table.schema.partitionBy === undefined) return addToPart(partOf(table, 0), columns, rows, from, to);
  const timeAt = table.schema.columns.findIndex(({ name }) => name === table.schema.partitionBy);
  const times = columns[timeAt];
  for (let start = from; start < to;) {
    const startMs = timeOf(table, times, rows[start] ?? 0);
    const day = Math.floor(startMs / dayMs);
    const endMax = Math.min(to, start + waitingRowsMax - table.waitingRows);
    let end = start + 1;
    while (end < endMax && Math.floor(timeOf(table, times, rows[end] ?? 0) / dayMs) === day) end++;
    addToDay(table, partOf(table, day), columns, rows, start, end);
    start = end;
  }
}

function timeOf({ schema }: TableParts, data: ColumnData | undefined, row: number): number {
  let value: unknown = null;
  if (data?.kind === 'numbers') value = data.values[data.start + row * data.stride];
  else if (data?.kind === 'values') value = data.values[row];
  else if (data?.kind === 'constant') ({ value } = data);
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new TypeError(`${schema.name}.${schema.partitionBy}, row ${row}: got ${typeof value}, expected ms UTC`);
}

function partOf(table: TableParts, day: number): LakePart {
  if (day === table.lastDay && table.lastPart !== null) return table.lastPart;
  let part = table.parts.get(day);
  if (part === undefined) {
    const { disk, dir, startOffset, epoch, schema } = table;
    const folder = schema.partitionBy === undefined ? schema.name : join(schema.name, `event_date=${dateOf(day)}`);
    part = createPart({ disk, dir: join(dir, folder), startOffset, epoch, schema });
    table.parts.set(day, part);
  }
  table.lastDay = day;
  table.lastPart = part;
  return part;
}

function dateOf(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, -14);
}

function addToDay(
  table: TableParts,
  part: LakePart,
  columns: readonly ColumnData[],
  rows: Int32Array,
  from: number,
  to: number,
): void {
  const waited = waitingRowsOf(part);
  addToPart(part, columns, rows, from, to);
  table.waitingRows += waitingRowsOf(part) - waited;
  if (table.waitingRows < waitingRowsMax) return;
  const fullest = fullestPart(table);
  table.waitingRows -= waitingRowsOf(fullest);
  flushPart(fullest);
}

function fullestPart({ parts }: TableParts): LakePart {
  return [...parts.values()].reduce((fullest, part) => (waitingRowsOf(part) > waitingRowsOf(fullest) ? part : fullest));
}
