import type { MessagePort } from 'node:worker_threads';
import type { Counts } from '../core/sinks/effects.ts';
import type { LedgerTotals } from '../core/sinks/ledger-totals.ts';
import type { Rare } from '../core/steps/columnar-front.ts';
import type { WeirFiles } from './assemble.ts';
import type { PartLists } from './cut-keeper.ts';
import type { BatchReport, WindowTotals } from './scoring.ts';
import type { LoadedHalf } from './state-part.ts';
import type { FailureMessage } from './thread-failure.ts';

/** What both threads are started with. */
export type CrewData = {
  readonly dir: string;
  readonly files: WeirFiles;
  readonly watermarkPer: 'input' | 'topic';
  readonly fromOffset: number;
  readonly batchRecordsMax: number;
  readonly cutRecords: number;
  readonly stateBytesMax: number;
  /** Below it checksums of the log are verified. */
  readonly verifyBelowOffset: number;
  readonly epoch: number;
  /** The memory of batches under way; a slot belongs to whom it was sent last, at first to the front. */
  readonly slots: readonly SharedArrayBuffer[];
  /** Between the two threads. */
  readonly port: MessagePort;
  /** To the keeper, for the front; to the front, for the keeper. */
  readonly keeperPort: MessagePort;
  /** Of the checkpoint: the thread's half, for both with the texts, and the parts of both; null begins anew. */
  readonly loaded: LoadedHalf | null;
  readonly parts: PartLists;
  readonly counts: Counts;
};

/** To the front, from the one who appends to the log. */
export type ToFront =
  /** The log holds, durably, the records before this offset. */
  | { readonly kind: 'appended'; readonly endOffset: number }
  /** Take what the log holds, then end the cut there. */
  | { readonly kind: 'commit' };

/** From the front to the back. A batch comes in one slot, or in several when it settled more rows than a slot holds. */
export type Handed = {
  readonly kind: 'batch';
  readonly slot: number;
  readonly settledRows: number;
  readonly settledTextBytes: number;
  /** Texts that are new since the last batch. */
  readonly texts: Uint8Array | null;
  readonly rare: Rare;
  readonly endOffset: number;
  /** False while more settled rows of the batch follow. */
  readonly isWhole: boolean;
};
/** The front has begun its part of a cut that ends here; an empty cut changes nothing: it is answered as the one before. */
export type ToBack = Handed | { readonly kind: 'cut'; readonly isEmpty: boolean };

/** From the back to the front. */
export type FromBack =
  | { readonly kind: 'free'; readonly slot: number }
  | { readonly kind: 'committed'; readonly offset: number };

/** From either thread to the one who started it. */
export type ToMain =
  | { readonly kind: 'ready' }
  | { readonly kind: 'frontTotals'; readonly totals: WindowTotals }
  | { readonly kind: 'backTotals'; readonly ledger: LedgerTotals }
  | { readonly kind: 'report'; readonly report: BatchReport; readonly counts: Counts }
  | { readonly kind: 'committed'; readonly offset: number }
  | { readonly kind: 'failed'; readonly error: FailureMessage };
