/** The values of a row, or of a part of it, by column. A number that a double cannot hold is its text. */
export type ColumnValues = Readonly<Record<string, unknown>>;

/** A change of one row of a database, whoever captured it. */
export type ChangeEvent = {
  readonly schema: string | null;
  readonly table: string;
  /** `snapshot`: an initial read saw the row, which may be older. */
  readonly operation: 'snapshot' | 'insert' | 'update' | 'delete';
  /** The key's values as the change names them; null where the envelope does not say what the key is. */
  readonly key: ColumnValues | null;
  /** What is known of the row before: often the key alone, and that only where it changed. */
  readonly before: ColumnValues | null;
  /** The row from then on; null for a deletion. */
  readonly after: ColumnValues | null;
  /** Columns that did not change and whose value the log does not have, so that they are missing in `after`. */
  readonly unchanged: readonly string[];
  /** When the transaction was committed; of a snapshot, when it was read. */
  readonly commitTimeMs: number;
  /** Where the log of the database has it: as text it sorts in the order of the log. A part of the change's name. */
  readonly position: string;
  readonly transaction: string | null;
};

/**
 * What a change makes of one key of its table: from its commit on this is what the row says, or there is none. A change of
 * the key makes two. It is what a mapping gets as its row.
 */
export type RowVersion = {
  readonly kind: 'upsert' | 'delete';
  readonly schema: string | null;
  readonly table: string;
  readonly isSnapshot: boolean;
  /** The same each time that the change is delivered; unique among the versions of a key. */
  readonly changeId: string;
  readonly commitTimeMs: number;
  /** Orders versions of a key that have the same commit time. */
  readonly position: string;
  readonly transaction: string | null;
  readonly key: ColumnValues;
  /** The row; of a deletion the key. Reading a column whose value the log does not have throws. */
  readonly values: ColumnValues;
  readonly unchanged: readonly string[];
};

/** The columns that name a row, by table: `merchant`, or `registry.merchant` where schemas have tables of the same name. */
export type TableKeys = Readonly<Record<string, readonly string[]>>;
