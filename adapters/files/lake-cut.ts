import { join } from 'node:path';
import type { TableRow, TableSchema } from '../../core/sinks/table-schema.ts';
import { createTableBuffer, type TableBuffer } from './parquet-table.ts';

/** Rows on their way into the lake, in columns from the start: no row object outlives its arrival. */
export type LakeRows = {
  /** By the folder below the lake's directory. */
  readonly buffers: Map<string, TableBuffer>;
};

const dayMs = 86_400_000;

/** Starts to collect the rows of a cut. */
export function collectRows(): LakeRows {
  return { buffers: new Map() };
}

/**
 * Adds rows of a table, each to the folder of its day, UTC; a table without a partition column has one folder. Throws a
 * `TypeError` for a row whose partition column is no time.
 */
export function addRows({ buffers }: LakeRows, schema: TableSchema, rows: Iterable<TableRow>): void {
  for (const row of rows) {
    const folder = folderOf(schema, row);
    let buffer = buffers.get(folder);
    if (buffer === undefined) {
      buffer = createTableBuffer(schema);
      buffers.set(folder, buffer);
    }
    buffer.push(row);
  }
}

function folderOf({ name, partitionBy }: TableSchema, row: TableRow): string {
  if (partitionBy === undefined) return name;
  const timeMs = row[partitionBy];
  if (typeof timeMs !== 'number') throw new TypeError(`${name}.${partitionBy}: got ${typeof timeMs}, expected ms UTC`);
  return join(name, `event_date=${dateOf(Math.floor(timeMs / dayMs))}`);
}

let lastDay = Number.NaN;
let lastDate = '';

/** The date of a day since the epoch; rows mostly come day by day. */
function dateOf(day: number): string {
  if (day !== lastDay) {
    lastDate = new Date(day * dayMs).toISOString().slice(0, -14);
    lastDay = day;
  }
  return lastDate;
}
