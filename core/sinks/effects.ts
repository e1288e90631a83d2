import type { Refusal } from '../decode/refusal.ts';
import type { FeatureRow } from '../features/settle.ts';
import type { EventHead } from '../features/state.ts';
import type { Decision } from '../score/decision.ts';
import type { ChainBlock } from './chain-block.ts';
import type { LedgerEntry } from './ledger-entry.ts';

/** A record that could not be taken, whole, with the reason. */
export type DeadLetter = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly ingestTimeMs: number;
  readonly refusal: Refusal;
  /** The original bytes. */
  readonly bytes: Uint8Array;
};

/** An event that came too late for the state, or waited in vain for the one that it refers to, whole. */
export type LateEvent = {
  readonly topic: string;
  readonly offset: number;
  readonly reason: 'tooLate' | 'unknownAuthorization';
  readonly event: EventHead;
  /** How far behind the watermark; null for an event that waited in vain. */
  readonly lateByMs: number | null;
  /** Null once the bounded input has ended. */
  readonly watermarkMs: number | null;
};

/** The id of an accepted event, for the ledger's own memory, which lasts for ever. */
export type AcceptedKey = { readonly idHash: string; readonly bodyHash: string; readonly offset: number };

/** What happened, by name: `records`, `duplicates`, `late`, `deadLetters.notJson`, `decisions.approve`. */
export type Counts = Map<string, number>;

/** All that a batch asks of the sinks, in log order. Replaying the batch gives the same effects again. */
export type Effects = {
  readonly decisions: Decision[];
  readonly ledgerEntries: LedgerEntry[];
  /** The blocks of the ledger's chain that the entries filled. */
  readonly chainBlocks: ChainBlock[];
  readonly featureRows: FeatureRow[];
  readonly lateEvents: LateEvent[];
  readonly deadLetters: DeadLetter[];
  readonly acceptedKeys: AcceptedKey[];
  readonly counts: Counts;
};

export function createEffects(): Effects {
  return {
    decisions: [],
    ledgerEntries: [],
    chainBlocks: [],
    featureRows: [],
    lateEvents: [],
    deadLetters: [],
    acceptedKeys: [],
    counts: new Map(),
  };
}

/** Adds to a count. */
export function countUp(counts: Counts, name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}
