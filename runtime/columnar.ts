import { join } from 'node:path';
import { type Disk, realDisk } from '../adapters/files/disk.ts';
import type { Processes } from '../adapters/files/process-liveness.ts';
import type { FrontEffects } from '../core/columnar-pipeline.ts';
import type { ReadView } from '../core/features/columnar-foreign.ts';
import type { Assembled } from './assemble.ts';
import { BackShell, type Tells, type Told } from './back-shell.ts';
import { type BatchSlot, openSlot, slotBytes } from './batch-slot.ts';
import { openOutput, type OpenedOutput } from './columnar-opening.ts';
import { type ColumnarWeir, columnarWeirOf } from './columnar-weir.ts';
import { CutKeeper } from './cut-keeper.ts';
import { type FrontShell, openFrontShell } from './front-shell.ts';
import { createOpenCut, type OpenCut } from './open-cut.ts';
import { stateBytesMaxDefault } from './state-limit.ts';
import type { BatchReport, Recovery, Scoring, ScoringTotals, TimedIncoming } from './scoring.ts';

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
  readonly tells?: Tells;
  /** Of the topic, as decisions name it; 0 without it. */
  readonly partition?: number;
  /** Awaited once the decisions of a batch are durable, and before a cut is made of them. */
  readonly onDurable?: (report: DurableBatch) => Promise<void>;
  /** Where views of the definition's foreign keys are read. */
  readonly readView?: ReadView;
  /** Bytes that the state of each half may take. */
  readonly stateBytesMax?: number;
  readonly disk?: Disk;
  readonly processes?: Processes;
};

/** Records of a batch and of a cut unless told otherwise. */
export const columnarDefaults = { batchRecordsMax: 4096, cutRecords: 500_000 } as const;

/** The embedded runtime over columns, in one thread. Its directory is as `Embedded` says. */
export class Columnar implements Scoring {
  readonly recovery: Recovery;
  readonly #output: OpenedOutput;
  readonly #front: FrontShell;
  readonly #back: BackShell;
  readonly #keeper: CutKeeper;
  readonly #slot: BatchSlot;
  readonly #cut: OpenCut;
  readonly #clockMs: () => number;
  readonly #onDurable: ColumnarOptions['onDurable'];

  constructor(options: ColumnarOptions) {
    const { dir, assembled, clockMs = Date.now, tells = 'declines', disk = realDisk } = options;
    const { batchRecordsMax, cutRecords } = { ...columnarDefaults, ...options };
    const { stateBytesMax = stateBytesMaxDefault } = options;
    const weir = columnarWeirOf(assembled);
    this.#clockMs = clockMs;
    this.#onDurable = options.onDurable;
    this.#output = openOutput(dir, { ...options, definition: weir.definitionHash });
    const { log, fromOffset, halves, parts, counts, recorded, owner } = this.#output;
    this.#keeper = new CutKeeper({ dir, owner, parts, definition: weir.definitionHash, disk });
    this.recovery = this.#output.recovery;
    this.#front = openFrontShell({
      logDir: join(dir, 'log'),
      keysDir: join(dir, 'keys'),
      weir,
      loaded: halves?.front ?? null,
      epoch: owner.epoch,
      sink: this.#keeper.sinkOf('front'),
      fromOffset,
      verifyBelowOffset: log.endOffset,
      cutRecords,
      batchRecordsMax,
      recorded,
      readView: options.readView,
      stateBytesMax,
      disk,
    });
    this.#back = new BackShell({
      dir,
      weir,
      interner: this.#front.interner,
      loaded: halves?.back ?? null,
      counts,
      fromOffset,
      batchRecordsMax,
      cutRecords,
      partition: options.partition,
      recorded,
      owner,
      keep: (cut) => this.#keeper.keep(cut),
      sink: this.#keeper.sinkOf('back'),
      tells,
      stateBytesMax,
      disk,
    });
    this.#cut = createOpenCut({ front: this.#front, back: this.#back });
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

  async append(incoming: readonly TimedIncoming[]): Promise<void> {
    if (incoming.length === 0) return;
    const { log, owner } = this.#output;
    owner.assertOwner();
    const ingestTimeMs = this.#clockMs();
    log.append(incoming.map((record) => ({ ingestTimeMs, ...record })));
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
    await this.#cut.begin();
    await this.#cut.end();
  }

  /** Writes a cut that has begun to its end: then no file of the directory changes until the next batch. */
  async rest(): Promise<void> {
    await this.#cut.end();
  }

  /** A cut that has begun is written to its end. */
  async close(): Promise<void> {
    await this.#cut.end().catch(() => undefined);
    this.#front.close();
    this.#back.close();
    this.#keeper.close();
    this.#output.log.close();
    this.#output.owner.release();
  }

  /** Takes one batch and makes its decisions durable; writes the cut when the batch ends one. */
  async #takeBatch(): Promise<BatchReport | null> {
    const before = this.nextOffset;
    const taken = this.#front.take(this.#output.log.endOffset, this.#slot);
    if (taken === null) return null;
    const { settled, rare, routed, views, endOffset, endsCut } = taken;
    const told = this.#back.take({ slot: this.#slot, settled, rare, endOffset });
    this.#back.sync();
    const report = { records: endOffset - before, nextOffset: endOffset, decisions: told.decisions };
    await this.#onDurable?.({
      ...report,
      texts: told.texts,
      deadLetters: told.deadLetters,
      routed,
      views,
      reads: this.#slot.reads,
    });
    if (endsCut) await this.#cut.begin();
    else await this.#cut.goOn();
    return report;
  }
}

function createSlot({ options }: ColumnarWeir, rowsMax: number): BatchSlot {
  const { layout, plan, foreign = [] } = options;
  const shape = { layout, featureCount: plan.features.length, rowsMax, foreignCount: foreign.length };
  return openSlot(new ArrayBuffer(slotBytes(shape)), shape);
} /** A batch whose decisions are durable, before anything makes them the past. */
export type DurableBatch = BatchReport &
  Pick<Told, 'texts' | 'deadLetters'> &
  Pick<FrontEffects, 'routed' | 'views'> &
  Pick<BatchSlot, 'reads'>;
