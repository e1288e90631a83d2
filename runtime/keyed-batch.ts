import type { EventArrival } from '../core/steps/arrival.ts';
import type { Claim, KeptState, KeyedPort, PartitionProgress, SourcePosition } from '../core/steps/keyed-port.ts';
import type { KeyedState } from '../core/steps/keyed-state.ts';
import type { KeyedEffects } from '../core/keyed-pipeline.ts';
import type { Counts, Effects } from '../core/sinks/effects.ts';
import type { KeptBy } from '../core/sinks/kept-event.ts';
import type { Weir } from '../core/steps/state.ts';

/** A record of a source partition, in its order. */
export type PartitionRecord = {
  readonly contract: string;
  /** What chose its partition; empty without one. */
  readonly key: string;
  readonly position: SourcePosition;
  /** Of a source that counts its records; null where we count them. */
  readonly offset: number | null;
  readonly ingestTimeMs: number;
  readonly bytes: Uint8Array;
};

export type KeyedRuntime = { readonly weir: Weir; readonly by: KeptBy; readonly port: KeyedPort };

/** Records of one partition. */
export type PartitionBatch = {
  readonly source: string;
  readonly partition: number;
  readonly records: readonly PartitionRecord[];
};

/** What came of them: all are committed, or those before `failedAt` are. */
export type PartitionOutcome = {
  readonly failedAt: number | null;
  readonly error: unknown;
  readonly counts: Counts;
};

/** What a batch did, before any of it is kept. */
export type Taken = {
  readonly claim: Claim;
  readonly batch: PartitionBatch;
  /** By key, its state and what its records asked for, in their order. */
  readonly keys: ReadonlyMap<string, TakenKey>;
  /** Refused records, by their place in the batch. */
  readonly refused: readonly { readonly at: number; readonly effects: Effects }[];
  /** Progress after each record. */
  readonly progress: readonly PartitionProgress[];
};

export type TakenKey = {
  readonly keyed: KeyedState;
  readonly before: KeptState | null;
  readonly records: {
    readonly at: number;
    readonly arrival: EventArrival;
    readonly effects: KeyedEffects;
    readonly isKept: boolean;
  }[];
};
