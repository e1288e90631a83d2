import type { TableKeys } from './change-event.ts';
import type { UnmappableHeader } from './unmappable-header.ts';

/** How the rows of a table (CSV, Parquet, or JSON lines) become events. A mapping is pure: the same row, the same events. */
export type Mapping = {
  readonly name: string;
  readonly version: number;
  /** Where a row's events are meant to go, also for a row that has none because it cannot be mapped. */
  readonly topic: string;
  /** The columns that a source must have. A Parquet row has these only; rows of other sources have all of theirs. */
  readonly columns: readonly string[];
  /** Of changes of a database, where the records do not name the columns of a table's key. */
  readonly keys?: TableKeys;
  /**
   * The events of one row. Values are text in CSV; in Parquet numbers (whole ones beyond 2^53 bigint), timestamps in
   * milliseconds UTC, text, true or false; null where there is none; of a database's changes each row is a `RowVersion`,
   * and a change of a key makes two. Rows count from 0, without the header and blank
   * lines. What it throws makes that row unmappable.
   */
  map(row: SourceRow, rowNumber: number): MappedRow;
};

/** The values of one row by column. */
export type SourceRow = Readonly<Record<string, unknown>>;

/** What came of a row. */
export type MappedRow =
  | {
      readonly kind: 'mapped';
      /** Go on at the row's place, in this order. */
      readonly events: readonly MappedEvent[];
      /** Wait until the rows have reached their event time, and then go before what has the same time. */
      readonly deferred: readonly MappedEvent[];
    }
  | { readonly kind: 'unmappable'; readonly error: MappingError };

/** An event for a topic; `eventTimeMs` is the event's own. */
export type MappedEvent = {
  readonly topic: string;
  readonly eventTimeMs: number;
  readonly event: Readonly<Record<string, unknown>>;
};

/** Why a row has no event: one sentence, and the issues column by column. Values that may be card data are not quoted. */
export type MappingError = Pick<UnmappableHeader, 'message' | 'issues'>;
