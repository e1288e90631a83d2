/**
 * An event's bytes with their place in the log. Offsets are the order of one partition; the embedded segment log is a
 * single partition, so there they are one total order over all topics.
 */
export type LogRecord = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** When the log took the record, milliseconds UTC. */
  readonly ingestTimeMs: number;
  readonly bytes: Uint8Array;
};

/** The topic of control records: inputs of the engine's own, so that a replay sees the same ones. */
export const controlTopic = 'weir.control.v1';
