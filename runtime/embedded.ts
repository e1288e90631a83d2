import { join } from 'node:path';
import { type Disk, realDisk } from '../adapters/files/disk.ts';
import { acquireOwner, type Owner } from '../adapters/files/owner-lock.ts';
import { loadCheckpoint, saveCheckpoint } from '../adapters/files/checkpoint-store.ts';
import { openKeyIndex, writeKeyIndex } from '../adapters/files/key-index.ts';
import type { LakeCut } from '../adapters/files/lake-cut.ts';
import { openLake, type Lake } from '../adapters/files/lake.ts';
import type { Processes } from '../adapters/files/process-liveness.ts';
import { openSegmentLog, type SegmentLog } from '../adapters/files/segment-log.ts';
import { arrive, compact, createState, packState, step, unpackState } from '../core/pipeline.ts';
import type { PackedState, Weir, WeirState } from '../core/pipeline.ts';
import type { Decision } from '../core/score/decision.ts';
import type { Counts, Effects } from '../core/sinks/effects.ts';
import { hashPlan } from '../core/features/plan.ts';
import { refusedByKeyOf } from '../core/features/refused-keys.ts';
import { ledgerTotals } from '../core/sinks/ledger-totals.ts';
import { lakeRows, lakeTables, type LakeTables } from '../core/sinks/tables.ts';
import { runChanged } from './manifest.ts';
import { openKnownIds, type KnownIds } from './known-ids.ts';
import { openJournal, type Journal } from './journal.ts';
import type { BatchReport, Incoming, Recovery, Scoring, ScoringTotals } from './scoring.ts';

export type EmbeddedOptions = {
  readonly dir: string;
  readonly weir: Weir;
  /** Records of one step, and of one fsync of the decision journal. */
  readonly batchRecordsMax?: number;
  /** Lake files and checkpoints are cut at multiples of this many offsets. */
  readonly cutRecords?: number;
  /** Our clock, milliseconds UTC: what `ingestTimeMs` is taken from. */
  readonly clockMs?: () => number;
  readonly disk?: Disk;
  readonly processes?: Processes;
};

/** What a checkpoint holds beside its offset. */
export type Saved = {
  /** The hash of the plan that the state is of. */
  readonly definition: string;
  readonly state: PackedState;
  readonly counts: Counts;
};

/**
 * The embedded runtime over the readable core: a segment log, the core, and file sinks in one directory, owned by one
 * process.
 *
 *     log/          every record, before anything is done with it
 *     journal/      the decisions since the last cut: kept first, adopted after a crash
 *     lake/         decisions, features, ledger, late, dead_letters as Parquet, cut at fixed offsets
 *     keys/         every accepted id
 *     checkpoints/  state and offset, swapped in last
 *
 * A crash anywhere resumes from the last checkpoint: files of later cuts are removed and written again.
 */
export class Embedded implements Scoring {
  readonly recovery: Recovery;
  readonly counts: Counts;
  readonly #state: WeirState;
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #weir: Weir;
  readonly #batchRecordsMax: number;
  readonly #cutRecords: number;
  readonly #clockMs: () => number;
  readonly #owner: Owner;
  readonly #log: SegmentLog;
  readonly #lake: Lake;
  readonly #journal: Journal;
  readonly #ids: KnownIds;
  readonly #tables: LakeTables;
  #cutStartOffset: number;
  #nextOffset: number;
  #cut: LakeCut;

  constructor(options: EmbeddedOptions) {
    const { dir, weir, batchRecordsMax = 1000, cutRecords = 100_000, clockMs = Date.now, disk = realDisk } = options;
    this.#disk = disk;
    this.#dir = dir;
    this.#weir = weir;
    this.#batchRecordsMax = batchRecordsMax;
    this.#cutRecords = cutRecords;
    this.#clockMs = clockMs;
    this.#owner = acquireOwner(dir, options);
    this.#log = openSegmentLog({ dir: join(dir, 'log'), disk });
    const { checkpoint, skipped } = loadCheckpoint({ dir: join(dir, 'checkpoints'), disk });
    this.#nextOffset = checkpoint?.offset ?? 0;
    this.#cutStartOffset = this.#nextOffset;
    // The value is what this class saved, behind a checksum.
    const saved = checkpoint?.value as Saved | undefined;
    if (saved !== undefined && saved.definition !== hashPlan(weir.features.plan)) {
      this.#log.close();
      this.#owner.release();
      throw runChanged(dir, ['its checkpoint was written by another definition']);
    }
    this.#state = saved === undefined ? createState(weir) : unpackState(saved.state);
    this.counts = saved?.counts ?? new Map();
    this.#lake = openLake({ dir: join(dir, 'lake'), disk, epoch: this.#owner.epoch });
    this.#lake.removeFrom(this.#nextOffset);
    this.#cut = this.#lake.openCut(this.#nextOffset);
    const index = openKeyIndex(join(dir, 'keys'), disk);
    index.removeFrom(this.#nextOffset);
    this.#ids = openKnownIds(index);
    this.#journal = openJournal(join(dir, 'journal'), this.#nextOffset, disk);
    this.#tables = lakeTables(weir.features.plan);
    this.recovery = {
      checkpointOffset: this.#nextOffset,
      logEndOffset: this.#log.endOffset,
      repairedBytes: this.#log.repairedBytes,
      recordedDecisions: this.#journal.recordedCount(),
      damagedCheckpoints: skipped,
    };
  }

  get lastSourcePosition(): number | null {
    return this.#log.lastSourcePosition;
  }

  get lagRecords(): number {
    return this.#log.endOffset - this.#nextOffset;
  }

  get nextOffset(): number {
    return this.#nextOffset;
  }

  totals(): ScoringTotals {
    const { watermarks, ledger, features } = this.#state;
    const refusedByKey = refusedByKeyOf(this.#weir.features.plan, features.gaps);
    return { watermarkMs: watermarks.stateMs, ledger: ledgerTotals(ledger), skew: features.skew, refusedByKey };
  }

  async append(incoming: readonly Incoming[]): Promise<void> {
    if (incoming.length === 0) return;
    this.#owner.assertOwner();
    const ingestTimeMs = this.#clockMs();
    this.#log.append(incoming.map((record) => ({ ...record, ingestTimeMs })));
    this.#log.sync();
  }

  async process({ lagRecordsMax, onBatch, signal }: Parameters<Scoring['process']>[0]): Promise<void> {
    while (this.lagRecords > lagRecordsMax && signal?.aborted !== true) {
      const report = await this.#advance();
      if (report === null) return;
      onBatch?.(report);
    }
  }

  /**
   * Takes the next records of the log, at most one batch, and tells of it once the decisions are durable; null when the
   * log has no more. Writes the cut when the batch ends one.
   */
  async #advance(): Promise<BatchReport | null> {
    const cutEndOffset = this.#cutEndOffset();
    const countMax = Math.min(this.#batchRecordsMax, cutEndOffset - this.#nextOffset);
    const records = this.#log.read({ fromOffset: this.#nextOffset, countMax });
    if (records.length === 0) return null;
    const arrivals = records.map(arrive);
    const recorded: ReadonlyMap<number, Decision> = this.#journal.recorded(this.#nextOffset, records.length);
    const effects = step(this.#weir, this.#state, { arrivals, known: this.#ids.lookUp(arrivals), recorded });
    this.#owner.assertOwner();
    this.#journal.keep(effects.decisions.filter((decision) => !recorded.has(decision.offset)));
    this.#nextOffset += records.length;
    this.#collect(effects);
    if (this.#nextOffset === cutEndOffset) await this.commit();
    return { records: records.length, nextOffset: this.#nextOffset, decisions: effects.decisions };
  }

  /** Sinks first, state and offset last. */
  async commit(): Promise<void> {
    if (this.#nextOffset === this.#cutStartOffset) return;
    const { assertOwner, epoch } = this.#owner;
    assertOwner();
    const disk = this.#disk;
    const cut = { disk, startOffset: this.#cutStartOffset, endOffset: this.#nextOffset };
    await this.#cut.finish(cut.endOffset, assertOwner);
    assertOwner();
    writeKeyIndex({ ...cut, dir: join(this.#dir, 'keys'), entries: this.#ids.pending() });
    compact(this.#weir, this.#state);
    const definition = hashPlan(this.#weir.features.plan);
    const value: Saved = { definition, state: packState(this.#state), counts: this.counts };
    saveCheckpoint({ disk, dir: join(this.#dir, 'checkpoints'), offset: this.#nextOffset, epoch, value });
    this.#journal.clear(this.#nextOffset);
    this.#ids.committed();
    this.#cut = this.#lake.openCut(this.#nextOffset);
    this.#cutStartOffset = this.#nextOffset;
  }

  async close(): Promise<void> {
    this.#cut.abandon();
    this.#log.close();
    this.#journal.close();
    this.#owner.release();
  }

  #cutEndOffset(): number {
    return (Math.floor(this.#cutStartOffset / this.#cutRecords) + 1) * this.#cutRecords;
  }

  #collect(effects: Effects): void {
    this.#ids.add(effects.acceptedKeys);
    for (const [name, count] of effects.counts) this.counts.set(name, (this.counts.get(name) ?? 0) + count);
    for (const [schema, rows] of lakeRows(this.#tables, this.#weir.features.plan, effects)) {
      if (rows.length > 0) this.#cut.table(schema).appendRows(rows);
    }
  }
}
