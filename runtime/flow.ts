import { join } from 'node:path';
import { loadCheckpoint, saveCheckpoint } from '../adapters/files/checkpoint-store.ts';
import { type Disk, realDisk } from '../adapters/files/disk.ts';
import { openKeyIndex, writeKeyIndex } from '../adapters/files/key-index.ts';
import type { LakeCut } from '../adapters/files/lake-cut.ts';
import { type Lake, openLake } from '../adapters/files/lake.ts';
import { acquireOwner, type Owner } from '../adapters/files/owner-lock.ts';
import type { Processes } from '../adapters/files/process-liveness.ts';
import { openSegmentLog, type SegmentLog } from '../adapters/files/segment-log.ts';
import { controlTopic } from '../core/engine/record.ts';
import { encodeTick } from '../core/engine/ticks.ts';
import {
  arriveFlow,
  createFlowState,
  type Flow,
  type FlowEffects,
  type FlowState,
  stepFlow,
} from '../core/flow-pipeline.ts';
import type { Counts } from '../core/sinks/effects.ts';
import { flowLakeRows, type FlowTables, flowTables } from '../core/steps/flow-tables.ts';
import { type KnownIds, openKnownIds } from './known-ids.ts';
import type { SourceRunner } from './run-source.ts';
import type { Incoming, Recovery } from './scoring.ts';

export type FlowRunOptions = {
  readonly dir: string;
  readonly flow: Flow;
  /** Records of one step. */
  readonly batchRecordsMax?: number;
  /** Lake files and checkpoints are cut at multiples of this many offsets. */
  readonly cutRecords?: number;
  /** So often, by our clock, a tick goes into the log before the next records; without it inputs never fall idle. */
  readonly tickMs?: number;
  /** Our clock, milliseconds UTC: what `ingestTimeMs` is taken from. */
  readonly clockMs?: () => number;
  readonly disk?: Disk;
  readonly processes?: Processes;
};

/** What a checkpoint holds beside its offset. */
type Saved = { readonly state: FlowState; readonly counts: Counts };

/**
 * The embedded runtime of a flow: a segment log, which is one partition, the pure pipeline, and the lake, in one directory
 * that one process owns.
 *
 *     log/          every record, before anything is done with it
 *     lake/         a table an output, late, dead_letters: Parquet, cut at fixed offsets
 *     keys/         every accepted id
 *     checkpoints/  state and offset, swapped in last
 *
 * Rows follow from the log alone, so nothing but the log is kept between cuts: a crash anywhere resumes from the last
 * checkpoint, and files of later cuts are removed and written again, the same.
 */
export class FlowRun implements SourceRunner {
  readonly recovery: Recovery;
  readonly counts: Counts;
  readonly #options: FlowRunOptions;
  readonly #disk: Disk;
  readonly #clockMs: () => number;
  readonly #state: FlowState;
  readonly #owner: Owner;
  readonly #log: SegmentLog;
  readonly #lake: Lake;
  readonly #ids: KnownIds;
  readonly #tables: FlowTables;
  #cutStartOffset: number;
  #nextOffset: number;
  #cut: LakeCut;
  #lastTickMs: number | null = null;

  constructor(options: FlowRunOptions) {
    const { dir, flow, clockMs = Date.now, disk = realDisk } = options;
    this.#options = options;
    this.#disk = disk;
    this.#clockMs = clockMs;
    this.#owner = acquireOwner(dir, options);
    this.#log = openSegmentLog({ dir: join(dir, 'log'), disk });
    const { checkpoint, skipped } = loadCheckpoint({ dir: join(dir, 'checkpoints'), disk });
    this.#nextOffset = checkpoint?.offset ?? 0;
    this.#cutStartOffset = this.#nextOffset;
    // The value is what this class saved, behind a checksum.
    const saved = checkpoint?.value as Saved | undefined;
    this.#state = saved?.state ?? createFlowState();
    this.counts = saved?.counts ?? new Map();
    this.#lake = openLake({ dir: join(dir, 'lake'), disk, epoch: this.#owner.epoch });
    this.#lake.removeFrom(this.#nextOffset);
    this.#cut = this.#lake.openCut(this.#nextOffset);
    const index = openKeyIndex(join(dir, 'keys'), disk);
    index.removeFrom(this.#nextOffset);
    this.#ids = openKnownIds(index);
    this.#tables = flowTables(flow);
    this.recovery = {
      checkpointOffset: this.#nextOffset,
      logEndOffset: this.#log.endOffset,
      repairedBytes: this.#log.repairedBytes,
      recordedDecisions: 0,
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

  /** Has the end of the input been taken? Then every row is final. */
  get isComplete(): boolean {
    return this.#state.endedPartitions.size >= this.#options.flow.partitions && this.lagRecords === 0;
  }

  async append(incoming: readonly Incoming[]): Promise<void> {
    if (incoming.length === 0) return;
    this.#owner.assertOwner();
    const ingestTimeMs = this.#clockMs();
    this.#appendTick(ingestTimeMs);
    this.#log.append(incoming.map((record) => ({ ...record, ingestTimeMs })));
    this.#log.sync();
  }

  async process({ lagRecordsMax, onBatch, signal }: Parameters<SourceRunner['process']>[0]): Promise<void> {
    while (this.lagRecords > lagRecordsMax && signal?.aborted !== true) {
      const records = await this.#advance();
      if (records === 0) return;
      onBatch?.({ records, nextOffset: this.#nextOffset, decisions: [] });
    }
  }

  /** Sinks first, state and offset last. */
  async commit(): Promise<void> {
    if (this.#nextOffset === this.#cutStartOffset) return;
    const { dir } = this.#options;
    const disk = this.#disk;
    const cut = { disk, startOffset: this.#cutStartOffset, endOffset: this.#nextOffset };
    const { assertOwner, epoch } = this.#owner;
    assertOwner();
    await this.#cut.finish(cut.endOffset, assertOwner);
    assertOwner();
    writeKeyIndex({ ...cut, dir: join(dir, 'keys'), entries: this.#ids.pending() });
    const value: Saved = { state: this.#state, counts: this.counts };
    assertOwner();
    saveCheckpoint({ disk, dir: join(dir, 'checkpoints'), offset: this.#nextOffset, epoch, value });
    this.#ids.committed();
    this.#cut = this.#lake.openCut(this.#nextOffset);
    this.#cutStartOffset = this.#nextOffset;
  }

  async close(): Promise<void> {
    this.#cut.abandon();
    this.#log.close();
    this.#owner.release();
  }

  /** Writes down how late it is, after the records that are there: whoever reads the log again sees it in the same place. */
  #appendTick(ingestTimeMs: number): void {
    const { tickMs } = this.#options;
    if (tickMs === undefined || (this.#lastTickMs !== null && ingestTimeMs - this.#lastTickMs < tickMs)) return;
    this.#lastTickMs = ingestTimeMs;
    const bytes = encodeTick({ kind: 'tick', afterOffset: this.#log.endOffset - 1 });
    const sourcePosition = this.#log.lastSourcePosition ?? 0;
    this.#log.append([{ topic: controlTopic, bytes, sourcePosition, ingestTimeMs }]);
  }

  /** Takes the next records of the log, at most one batch, and gives how many. Writes the cut when the batch ends one. */
  async #advance(): Promise<number> {
    const { flow, batchRecordsMax = 1000, cutRecords = 100_000 } = this.#options;
    const cutEndOffset = (Math.floor(this.#cutStartOffset / cutRecords) + 1) * cutRecords;
    const countMax = Math.min(batchRecordsMax, cutEndOffset - this.#nextOffset);
    const records = this.#log.read({ fromOffset: this.#nextOffset, countMax });
    const arrivals = records.map((record) => arriveFlow(flow.contracts, record));
    const known = this.#ids.lookUpIds(
      arrivals.flatMap((arrival) => (arrival.kind === 'event' ? [arrival.idHash] : [])),
    );
    const effects = stepFlow(flow, this.#state, { arrivals, known });
    this.#nextOffset += records.length;
    this.#collect(effects);
    if (this.#nextOffset === cutEndOffset) await this.commit();
    return records.length;
  }

  #collect(effects: FlowEffects): void {
    this.#ids.add(effects.acceptedKeys);
    for (const [name, count] of effects.counts) this.counts.set(name, (this.counts.get(name) ?? 0) + count);
    for (const { output } of effects.rows)
      this.counts.set(`rows.${output}`, (this.counts.get(`rows.${output}`) ?? 0) + 1);
    for (const [schema, rows] of flowLakeRows(this.#tables, effects)) {
      if (rows.length > 0) this.#cut.table(schema).appendRows(rows);
    }
  }
}
