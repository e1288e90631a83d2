/** An accepted event as an operator of a flow sees it. */
export type FlowEvent = {
  readonly topic: string;
  readonly tenantId: string;
  readonly eventTimeMs: number;
  readonly ingestTimeMs: number;
  readonly partition: number;
  readonly offset: number;
  /** The field that partitions the topic, and the event's id: with the tenant they name the event for ever. */
  readonly topicKey: string;
  readonly eventId: string;
  /** Too-late events never reach an operator. */
  readonly lateness: 'onTime' | 'late';
  /** The event's fields, as its contract names them. */
  readonly event: Readonly<Record<string, unknown>>;
};

/** A row that an operator emits: `key` names it, the highest revision of a key counts. */
export type FlowRow = {
  /** The output's name in the definition. */
  readonly output: string;
  readonly tenantId: string;
  /** Unique within the output and tenant; canonical text. */
  readonly key: string;
  readonly revision: number;
  /** A retraction takes the row back: it was swallowed by another. */
  readonly isRetraction: boolean;
  /** Plain values by column name: null where there is none. */
  readonly values: Readonly<Record<string, string | number | boolean | null>>;
};

/** A column of an output's rows beside their key. `timeMs` is milliseconds UTC; every column may be null. */
export type FlowColumn = { readonly name: string; readonly kind: 'number' | 'text' | 'boolean' | 'timeMs' };

/** `stateLimit`: the operator is full and left the event out whole; it goes to the late sink with that reason. */
export type TakeOutcome = 'taken' | 'stateLimit';

/**
 * A stateful operator over one key group: pure code around a state of plain data. `take` is called for each accepted event
 * of its topics in log order; `passTime` after each record that the group took or that moved the watermark, with the
 * watermark of the state; `endBatch` once a batch. Rows do not depend on where batches end, but for revisions in between,
 * of which the last one a batch is enough.
 */
export type Operator<State> = {
  readonly output: string;
  readonly topics: readonly string[];
  /** The columns of the rows' values, in order. */
  readonly columns: readonly FlowColumn[];
  readonly create: () => State;
  readonly take: (state: State, event: FlowEvent, watermarkMs: number, emit: (row: FlowRow) => void) => TakeOutcome;
  readonly passTime: (state: State, watermarkMs: number, emit: (row: FlowRow) => void) => void;
  readonly endBatch: (state: State, emit: (row: FlowRow) => void) => void;
};
