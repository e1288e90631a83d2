import type { Arrival, EventArrival } from './arrival.ts';
import type { Admission } from '../engine/admission.ts';
import type { Decision } from '../score/decision.ts';
import type { Effects } from '../sinks/effects.ts';

/** What one step takes in. All of it is data, so that a replay of the same batch gives the same effects. */
export type Batch = {
  readonly arrivals: readonly Arrival[];
  /** Of the ids in `lookupsOf`: the body hash, or a prefix of it, of those that were accepted before this batch. */
  readonly known: ReadonlyMap<string, string>;
  /** Decisions that were kept before a crash, by offset: adopted, never made again. */
  readonly recorded: ReadonlyMap<number, Decision>;
};

/** An event of a batch, and where its effects go. */
export type Taken = { readonly arrival: EventArrival; readonly batch: Batch; readonly effects: Effects };

/** How an accepted event stands to the watermark. */
export type Lateness = Extract<Admission, { readonly kind: 'onTime' | 'late' | 'tooLate' }>;
/** An event that was accepted. */
export type Accepted = Taken & { readonly admission: Lateness };

/** A watermark for a record or a row: null before the first event and after the end of a bounded input. */
export function finiteOrNull(valueMs: number): number | null {
  return Number.isFinite(valueMs) ? valueMs : null;
}
