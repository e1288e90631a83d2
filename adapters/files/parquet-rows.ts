import type { ColumnData } from '../../core/sinks/column-data.ts';
import type { TableRow, TableSchema } from '../../core/sinks/table-schema.ts';

/** The columns of some rows in the schema's order; an absent key is a null. */
export function columnsOfRows({ columns }: TableSchema, rows: readonly TableRow[]): ColumnData[] {
  return columns.map(({ name }) => ({ kind: 'values', values: rows.map((row) => row[name] ?? null) }));
}

let numbers = new Int32Array(0);

/** The row numbers from 0, at least as many as asked for. */
export function rowNumbers(count: number): Int32Array {
  if (numbers.length < count) numbers = Int32Array.from({ length: Math.max(count, 4096) }, (_, row) => row);
  return numbers;
}
