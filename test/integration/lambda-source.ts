/** The records of one shard or partition, shaped as Lambda gives them. */
export type SourceLog = {
  readonly records: readonly unknown[];
  /** The payload of an invocation with some of them. */
  readonly payloadOf: (records: readonly unknown[]) => unknown;
  /** What a partial response names a record by, as text. */
  readonly identifierOf: (record: unknown) => string;
};
