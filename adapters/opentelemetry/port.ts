/** A batch of records, as a trace names it. */
export type TracedBatch = {
  readonly topic: string;
  readonly partition: number;
  readonly group: string;
  readonly records: readonly {
    readonly offset: number;
    readonly headers: readonly (readonly [name: string, value: Uint8Array])[];
  }[];
};

/** Where the time of some batches goes, told to whoever collects traces. */
export type Traces = {
  /** Takes a batch in a span of its own, if it is one of those that are recorded. */
  readonly batch: <T>(batch: TracedBatch, take: () => Promise<T>) => Promise<T>;
  /** Runs a part of the batch that is being taken, in a span within its span. */
  readonly stage: <T>(name: string, run: () => Promise<T>) => Promise<T>;
  /** With what the batch that is being taken writes its records: the context of its span, or nothing. */
  readonly headers: () => readonly (readonly [name: string, value: Uint8Array])[];
  /** Sends what has not been sent. */
  readonly close: () => Promise<void>;
};

/** Nobody collects traces. */
export const noTraces: Traces = {
  batch: (_batch, take) => take(),
  stage: (_name, run) => run(),
  headers: () => [],
  close: async () => undefined,
};
