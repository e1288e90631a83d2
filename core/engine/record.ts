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

/**
 * The topic of activations, control records too: from the offset of one on, what it names decides. The state passes over
 * it; who owns the log has laid the state out for what it names before any record after it is taken.
 */
export const activationTopic = 'weir.activation.v1';
