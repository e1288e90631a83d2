import type { ColumnData } from '../../core/sinks/column-data.ts';
import type { ColumnType, TableColumn } from '../../core/sinks/table-schema.ts';
import type { ColumnPages } from './parquet-page.ts';

/** The values of one column on their way into a row group. */
export type ColumnBuffer = {
  /**
   * Adds the values of the rows `rows[from, to)`. Throws a `TypeError` for a value that is not of the column's type,
   * without quoting it. Plain arguments: it runs for short pieces too.
   */
  readonly append: (data: ColumnData, rows: Int32Array, from: number, to: number) => void;
  /** All values as pages, valid until the pages of any other column. */
  readonly encode: () => ColumnPages;
  /** Forgets all values. */
  readonly clear: () => void;
  /** The numbers so far, where the column holds doubles. */
  readonly doubles?: () => Float64Array;
};

/** A column with the table that it is of, for messages. */
export type NamedColumn = TableColumn & { readonly table: string };

/** Says which value is not of its column's type. */
export function wrongValue({ table, name, type }: NamedColumn, value: unknown, row?: number): TypeError {
  return new TypeError(
    `${table}.${name}${row === undefined ? '' : `, row ${row}`}: got ${describe(value)}, expected ${type}`,
  );
}

/** Whether a value other than null may stand in a column of a type. */
export function isOfType(type: ColumnType, value: unknown): boolean {
  switch (type) {
    case 'text':
      return typeof value === 'string';
    case 'json':
      return typeof value !== 'function' && typeof value !== 'bigint';
    case 'bytes':
      return value instanceof Uint8Array;
    case 'boolean':
      return typeof value === 'boolean';
    case 'double':
      return typeof value === 'number' && !Number.isNaN(value);
    case 'int32':
      return typeof value === 'number' && (value | 0) === value;
    case 'int64':
    case 'timestamp':
      return Number.isSafeInteger(value);
  }
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  return typeof value === 'number' ? 'a number that is not' : `a ${typeof value}`;
}
