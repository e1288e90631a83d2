import type { FeatureSkew } from '../core/features/skew.ts';
import type { Decision } from '../core/score/decision.ts';
import type { Counts } from '../core/sinks/effects.ts';
import type { LedgerTotals } from '../core/sinks/ledger-totals.ts';

/** A record for the log, with its place in the source. */
export type Incoming = { readonly topic: string; readonly bytes: Uint8Array; readonly sourcePosition: number };

/** A record whose source says when it was taken; without it our clock does. */
export type TimedIncoming = Incoming & { readonly ingestTimeMs?: number };

/** What opening an output directory found and mended. */
export type Recovery = {
  readonly checkpointOffset: number;
  readonly logEndOffset: number;
  readonly repairedBytes: number;
  readonly recordedDecisions: number;
  readonly damagedCheckpoints: readonly { readonly file: string; readonly why: string }[];
};

/** What one batch came to, told once its decisions are durable. */
export type BatchReport = {
  readonly records: number;
  /** The offset after the batch's last record. */
  readonly nextOffset: number;
  /** All decisions of the batch, or its declines alone, as the runtime was opened to tell. */
  readonly decisions: readonly Decision[];
};

/** Sums over everything that was taken so far. */
export type ScoringTotals = {
  /** -Infinity before the first event, Infinity after the end of the input. */
  readonly watermarkMs: number;
  readonly ledger: LedgerTotals;
  readonly skew: FeatureSkew;
  /** By key field, the events that full keys did not take. */
  readonly refusedByKey: ReadonlyMap<string, number>;
};

/** The same of the windows alone. */
export type WindowTotals = Omit<ScoringTotals, 'ledger'>;

/** A pipeline over one output directory, whichever engine runs it and in however many threads. */
export type Scoring = {
  readonly recovery: Recovery;
  readonly counts: Counts;
  /** Where the source was read up to; null when nothing was. */
  readonly lastSourcePosition: number | null;
  /** The offset after the last record whose decision is durable. */
  readonly nextOffset: number;
  /** Records in the log that are not taken yet. */
  readonly lagRecords: number;
  readonly totals: () => ScoringTotals;
  /** Keeps records for good, before anything is done with them. */
  readonly append: (incoming: readonly Incoming[]) => Promise<void>;
  /** Takes records of the log until at most `lagRecordsMax` are left, or the signal stops it between two batches. */
  readonly process: (options: {
    readonly lagRecordsMax: number;
    readonly onBatch?: ((report: BatchReport) => void) | undefined;
    readonly signal?: AbortSignal | undefined;
  }) => Promise<void>;
  /** Writes what is open as a cut, then the checkpoint. */
  readonly commit: () => Promise<void>;
  /** Lets the directory go. What was not committed is in the log and the journal, and is taken up by the next run. */
  readonly close: () => Promise<void>;
};
