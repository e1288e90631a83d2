/** How a column is stored. `timestamp` is milliseconds UTC; `int64` is a safe integer; `json` is a value that JSON can say. */
export type ColumnType = 'text' | 'int64' | 'int32' | 'double' | 'boolean' | 'timestamp' | 'json' | 'bytes';

export type TableColumn = {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** The texts of the column hardly repeat, so a dictionary of them would only cost. */
  readonly isUnique?: boolean;
};

/** The shape of one table of the lake. */
export type TableSchema = {
  readonly name: string;
  readonly columns: readonly TableColumn[];
  /** The column of milliseconds UTC whose day names the folder of a row; without it the table has a single folder. */
  readonly partitionBy?: string;
};

/** One row, keyed by column name; an absent key is a null. */
export type TableRow = { readonly [columnName: string]: unknown };

/** A type, with `?` for a column that may be null and `!` for one whose texts hardly repeat. */
type Shorthand = ColumnType | `${ColumnType}?` | `${ColumnType}!`;

/** Columns by name, in that order. */
export function tableColumns(shorthands: Readonly<Record<string, Shorthand>>): TableColumn[] {
  return Object.entries(shorthands).map(([name, shorthand]) => {
    const type = shorthand.replace(/[?!]$/, '') as ColumnType;
    return { name, type, nullable: shorthand.endsWith('?'), isUnique: shorthand.endsWith('!') };
  });
}
