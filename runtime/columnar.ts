import { join } from 'node:path';
import { type Disk, realDisk } from '../adapters/files/disk.ts';
import type { Processes } from '../adapters/files/process-liveness.ts';
import type { FrontEffects } from '../core/columnar-pipeline.ts';
import type { Interner } from '../core/decode/interner.ts';
import type { ReadView } from '../core/features/columnar-foreign.ts';
import type { Assembled, WeirFiles } from './assemble.ts';
import { BackShell, type Tells, type Told } from './back-shell.ts';
import { type BatchSlot, openSlot, slotBytes } from './batch-slot.ts';
import { openOutput, type OpenedOutput } from './columnar-opening.ts';
import { type ColumnarWeir, columnarWeirOf } from './columnar-weir.ts';
import { CutKeeper } from './cut-keeper.ts';
import { type FrontShell, openFrontShell } from './front-shell.ts';
import { type LakeThread, startLakeThread } from './lake-thread.ts';
import { createLakeWriter, type LakeWriter } from './lake-writer.ts';
import { createOpenCut, type OpenCut } from './open-cut.ts';
import { stateBytesMaxDefault } from './state-limit.ts';
import type { HalfName, PartSink } from './state-part.ts';
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
  /** Awaited before a cut that ends at an offset of the log is kept, where decisions are made public behind `take`. */
  readonly beforeCut?: ((endOffset: number) => Promise<void>) | undefined;
  /** Where views of the definition's foreign keys are read. */
  readonly readView?: ReadView;
  /** Bytes that the state of each half may take. */
  readonly stateBytesMax?: number;
  /** What was assembled, by its files: then a thread of its own assembles it too, encodes the lake and keeps the cuts. */
  readonly lakeThread?: WeirFiles;
  readonly disk?: Disk;
  readonly processes?: Processes;
};

/** Records of a batch and of a cut unless told otherwise. */
export const columnarDefaults = { batchRecordsMax: 4096, cutRecords: 500_000 } as const;

/**
 * The embedded runtime over columns, in one thread, and one for the lake where somebody waits for decisions. Records and
 * their decisions are made durable together, by `process`. Its directory is as `Embedded` says.
 */
export class Columnar implements Scoring {
  readonly recovery: Recovery;
  readonly #output: OpenedOutput;
  readonly #front: FrontShell;
  readonly #back: BackShell;
  readonly #keeper: Pick<CutKeeper, 'close'> | null;
  readonly #slot: BatchSlot;
  readonly #cut: OpenCut;
  readonly #clockMs: () => number;
  readonly #batchRecordsMax: number;
  readonly #onDurable: ColumnarOptions['onDurable'];
  readonly #beforeCut: ColumnarOptions['beforeCut'];

  constructor(options: ColumnarOptions) {
    const { dir, assembled, clockMs = Date.now, tells = 'declines', disk = realDisk } = options;
    const { batchRecordsMax, cutRecords } = { ...columnarDefaults, ...options };
    const { stateBytesMax = stateBytesMaxDefault } = options;
    const weir = columnarWeirOf(assembled);
    this.#clockMs = clockMs;
    this.#onDurable = options.onDurable;
    this.#beforeCut = options.beforeCut;
    this.#output = openOutput(dir, { ...options, definition: weir.definitionHash });
    const { log, fromOffset, halves, counts, recorded, owner } = this.#output;
    this.recovery = this.#output.recovery;
    this.#batchRecordsMax = batchRecordsMax;
    const { sinkOf, openLake, keeper } = keepCuts({ ...options, weir, output: this.#output });
    this.#keeper = keeper;
    this.#front = openFrontShell({
      logDir: join(dir, 'log'),
      keysDir: join(dir, 'keys'),
      weir,
      loaded: halves?.front ?? null,
      epoch: owner.epoch,
      sink: sinkOf('front'),
      fromOffset,
      verifyBelowOffset: log.endOffset,
      cutRecords,
      batchRecordsMax,
      recorded,
      readView: options.readView,
      stateBytesMax,
      disk,
    });
    const { interner } = this.#front;
    this.#back = new BackShell({
      dir,
      weir,
      interner,
      loaded: halves?.back ?? null,
      counts,
      fromOffset,
      batchRecordsMax,
      cutRecords,
      partition: options.partition,
      recorded,
      owner,
      lake: openLake(interner, (endOffset) => this.#makeKeepable(endOffset)),
      sink: sinkOf('back'),
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
  }

  async process({ lagRecordsMax, onBatch, signal }: Parameters<Scoring['process']>[0]): Promise<void> {
    while (this.lagRecords > lagRecordsMax && signal?.aborted !== true) {
      const decided = this.#decide();
      if (decided === null) return;
      await this.sync();
      await this.#onDurable?.(decided.batch);
      await this.#goOnWithCut(decided);
      onBatch?.(decided.batch);
    }
  }

  /** Decides the next records of the log; null when there are none. Nothing of it is durable before the next `sync`. */
  async take(): Promise<DurableBatch | null> {
    const decided = this.#decide();
    if (decided === null) return null;
    await this.#goOnWithCut(decided);
    return decided.batch;
  }

  /** Makes the records that were appended and the decisions that were made until now durable, without holding up others. */
  async sync(): Promise<void> {
    await Promise.all([this.#output.log.syncSoon(), this.#back.syncSoon()]);
  }

  async commit(): Promise<void> {
    await this.sync();
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
    await this.#back.close();
    this.#keeper?.close();
    this.#output.log.close();
    this.#output.owner.release();
  }

  #decide(): DecidedBatch | null {
    const before = this.nextOffset;
    const taken = this.#front.take(this.#output.log.endOffset, this.#slot);
    if (taken === null) return null;
    const { settled, rare, routed, views, endOffset, endsCut } = taken;
    const told = this.#back.take({ slot: this.#slot, settled, rare, endOffset });
    const records = endOffset - before;
    const { reads } = this.#slot;
    return { batch: { ...told, records, nextOffset: endOffset, routed, views, reads }, endsCut };
  }

  async #makeKeepable(endOffset: number): Promise<void> {
    await Promise.all([this.sync(), this.#beforeCut?.(endOffset)]);
  }

  async #goOnWithCut({ batch, endsCut }: DecidedBatch): Promise<void> {
    if (endsCut) await this.#cut.begin();
    else await this.#cut.goOn(batch.records / this.#batchRecordsMax);
  }
}

type DecidedBatch = { readonly batch: DurableBatch; readonly endsCut: boolean };

type MakeKeepable = (endOffset: number) => Promise<void>;

type KeepsCuts = {
  readonly sinkOf: (half: HalfName) => PartSink;
  readonly openLake: (interner: Interner, makeKeepable: MakeKeepable) => LakeWriter;
  readonly keeper: Pick<CutKeeper, 'close'> | null;
};

/** What writes the lake and keeps the cuts: this thread, or one of its own. */
function keepCuts(
  options: ColumnarOptions & { readonly weir: ColumnarWeir; readonly output: OpenedOutput },
): KeepsCuts {
  const { dir, weir, output, lakeThread, disk = realDisk, partition = 0 } = options;
  const { owner, parts, fromOffset } = output;
  const definition = weir.definitionHash;
  const common = { dir, weir, partition, fromOffset };
  if (lakeThread === undefined) {
    const keeper = new CutKeeper({ dir, owner, parts, definition, disk });
    const keep = keeper.keep.bind(keeper);
    const openLake: KeepsCuts['openLake'] = (interner, makeKeepable) =>
      keepableFirst(createLakeWriter({ ...common, interner, owner, keep, disk }), makeKeepable);
    return { sinkOf: (half) => keeper.sinkOf(half), openLake, keeper };
  }
  const { watermarkPer } = weir.options;
  const thread: LakeThread = startLakeThread({
    ...common,
    epoch: owner.epoch,
    parts,
    definition,
    files: lakeThread,
    watermarkPer,
  });
  const { sinkOf } = thread;
  return {
    sinkOf,
    openLake: (interner, makeKeepable) => keepableFirst(thread.openLake(interner), makeKeepable),
    keeper: null,
  };
}

/** A cut is kept of what is durable alone, and public. */
function keepableFirst(lake: LakeWriter, makeKeepable: MakeKeepable): LakeWriter {
  return {
    ...lake,
    endCut: (cut) => {
      const durable = makeKeepable(cut.endOffset);
      durable.catch(() => undefined);
      return lake.endCut(cut, durable);
    },
  };
}

function createSlot({ options }: ColumnarWeir, rowsMax: number): BatchSlot {
  const { layout, plan, foreign = [] } = options;
  const shape = { layout, featureCount: plan.features.length, rowsMax, foreignCount: foreign.length };
  return openSlot(new ArrayBuffer(slotBytes(shape)), shape);
}

/** A batch whose decisions are durable, before anything makes them the past. */
export type DurableBatch = BatchReport &
  Pick<Told, 'values' | 'answers' | 'deadLetters'> &
  Pick<FrontEffects, 'routed' | 'views'> &
  Pick<BatchSlot, 'reads'>;
