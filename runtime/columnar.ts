import { join } from 'node:path';
import type { Assembled } from './assemble.ts';
import { BackShell } from './back-shell.ts';
import { type BatchSlot, openSlot, slotBytes } from './batch-slot.ts';
import { openOutput, type OpenedOutput } from './columnar-opening.ts';
import { type ColumnarWeir, columnarWeirOf } from './columnar-weir.ts';
import { keepCut } from './cut-keeper.ts';
import { type FrontShell, openFrontShell } from './front-shell.ts';
import type { BatchReport, Incoming, Recovery, Scoring, ScoringTotals } from './scoring.ts';

export type ColumnarOptions = {
  readonly dir: string;
  readonly assembled: Assembled;
  /** Records of one batch, and of one fsync of the journal. */
  readonly batchRecordsMax?: number;
  /** Lake files and checkpoints are cut at multiples of this many offsets. */
  readonly cutRecords?: number;
  /** Our clock, milliseconds UTC: what `ingestTimeMs` is taken from. */
  readonly clockMs?: () => number;
  /** Which decisions the reports of batches hold. */
  readonly tells?: 'declines' | 'all';
};

/** Records of a batch and of a cut unless told otherwise. */
export const columnarDefaults = { batchRecordsMax: 4096, cutRecords: 500_000 } as const;

/** The embedded runtime over columns, in one thread. Its directory is as `Embedded` says. */
export class Columnar implements Scoring {
  readonly recovery: Recovery;
  readonly #output: OpenedOutput;
  readonly #front: FrontShell;
  readonly #back: BackShell;
  readonly #slot: BatchSlot;
  readonly #clockMs: () => number;

  constructor({ dir, assembled, clockMs = Date.now, tells = 'declines', ...limits }: ColumnarOptions) {
    const { batchRecordsMax, cutRecords } = { ...columnarDefaults, ...limits };
    const weir = columnarWeirOf(assembled);
    this.#clockMs = clockMs;
    this.#output = openOutput(dir);
    const { log, fromOffset, checkpoint, recorded, owner } = this.#output;
    this.recovery = this.#output.recovery;
    this.#front = openFrontShell({
      logDir: join(dir, 'log'),
      keysDir: join(dir, 'keys'),
      weir,
      packed: checkpoint?.front ?? null,
      fromOffset,
      verifyBelowOffset: log.endOffset,
      cutRecords,
      batchRecordsMax,
      recorded,
    });
    this.#back = new BackShell({
      dir,
      weir,
      interner: this.#front.interner,
      packed: checkpoint?.back ?? null,
      counts: checkpoint?.counts ?? new Map(),
      fromOffset,
      batchRecordsMax,
      recorded,
      owner,
      keep: async (cut) => keepCut(cut),
      tells,
    });
    this.#slot = createSlot(weir, batchRecordsMax);
  }

  get counts(): Scoring['counts'] {
    return this.#back.counts;
  }

  get lastSourcePosition(): number | null {
    return this.#output.log.lastSourcePosition;
  }

  get nextOffset(): number {
    return this.#back.nextOffset;
  }

  get lagRecords(): number {
    return this.#output.log.endOffset - this.nextOffset;
  }

  totals(): ScoringTotals {
    return { ...this.#front.totals(), ledger: this.#back.ledgerTotals() };
  }

  async append(incoming: readonly Incoming[]): Promise<void> {
    if (incoming.length === 0) return;
    const { log } = this.#output;
    const ingestTimeMs = this.#clockMs();
    log.append(incoming.map((record) => ({ ...record, ingestTimeMs })));
    log.sync();
  }

  async process({ lagRecordsMax, onBatch, signal }: Parameters<Scoring['process']>[0]): Promise<void> {
    while (this.lagRecords > lagRecordsMax && signal?.aborted !== true) {
      const report = await this.#takeBatch();
      if (report === null) return;
      onBatch?.(report);
    }
  }

  async commit(): Promise<void> {
    const kept = await this.#back.endCut(this.#front.pack());
    if (kept !== null) this.#front.noteCommitted(kept);
  }

  async close(): Promise<void> {
    this.#front.close();
    this.#back.close();
    this.#output.log.close();
    this.#output.owner.release();
  }

  /** Takes one batch and makes its decisions durable; writes the cut when the batch ends one. */
  async #takeBatch(): Promise<BatchReport | null> {
    const before = this.nextOffset;
    const taken = this.#front.take(this.#output.log.endOffset, this.#slot);
    if (taken === null) return null;
    const { settled, rare, endOffset, endsCut } = taken;
    const decisions = this.#back.take({ slot: this.#slot, settled, rare, endOffset });
    this.#back.sync();
    if (endsCut) await this.commit();
    return { records: endOffset - before, nextOffset: endOffset, decisions };
  }
}

function createSlot({ options }: ColumnarWeir, rowsMax: number): BatchSlot {
  const shape = { layout: options.layout, featureCount: options.plan.features.length, rowsMax };
  return openSlot(new ArrayBuffer(slotBytes(shape)), shape);
}
