import type { Interner } from '../decode/interner.ts';
import type { SettledColumns } from '../features/columnar-settled.ts';
import type { Scoring } from '../score/decide.ts';
import type { ColumnData } from './column-data.ts';
import type { LedgerColumns } from './columnar-ledger-entries.ts';
import { createDecisionTable, type DecidedColumns } from './columnar-tables-decisions.ts';
import { createFeatureTable } from './columnar-tables-features.ts';
import { createLedgerTable } from './columnar-tables-ledger.ts';

/** Rows of a table as columns in its schema's order, valid until the next ones of the same table. */
export type TableColumns = {
  readonly columns: readonly ColumnData[];
  /** The numbers of the rows, in order; `rows[0, rowCount)`. */
  readonly rows: Int32Array;
  readonly rowCount: number;
};

/** What a batch in columns is in the lake, table by table: the same rows as `lakeRows` gives of its twin's objects. */
export type ColumnarTables = {
  /** A row an authorization. */
  readonly decisions: (batch: DecidedColumns) => TableColumns;
  /** A row each. */
  readonly features: (settled: SettledColumns) => TableColumns;
  /** A row an entry. */
  readonly ledger: (entries: LedgerColumns) => TableColumns;
};

/** Makes the mapping of one scoring. Code, not state. */
export function createColumnarTables(options: {
  readonly scoring: Scoring;
  readonly interner: Interner;
  readonly partition: number;
}): ColumnarTables {
  const { interner } = options;
  return {
    decisions: createDecisionTable(options),
    features: createFeatureTable(interner),
    ledger: createLedgerTable(interner),
  };
}
