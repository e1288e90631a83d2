import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { loadCheckpoint, saveCheckpoint } from '../adapters/files/checkpoint-store.ts';
import { realDisk } from '../adapters/files/disk.ts';
import { acquireOwner, type Owner, type OwnerOptions } from '../adapters/files/owner-lock.ts';
import { openSegmentLog, type SegmentLog } from '../adapters/files/segment-log.ts';
import { WeirError } from '../core/contract/failure.ts';
import { createColumnSpace, measureLayout } from '../core/decode/column-space.ts';
import { type Counts, countUp } from '../core/sinks/effects.ts';
import type { Alarm } from '../core/telemetry/alarm.ts';
import type { ColumnarTelemetryState } from '../core/telemetry/columnar-state.ts';
import { layOutReadings, type ReadingColumns } from '../core/telemetry/reading-columns.ts';
import type { DeviceRegistry } from '../core/telemetry/registry.ts';
import { openTelemetryFront, type PlantTimes, type TelemetryFront } from './telemetry-front.ts';
import { openTelemetryLake, type TelemetryLake } from './telemetry-lake.ts';
import type { Recovery, TimedIncoming } from './scoring.ts';

export type TelemetryOptions = OwnerOptions & {
  readonly dir: string;
  readonly registry: DeviceRegistry;
  /** How old a reading may be when it is taken and still raise an alarm. */
  readonly freshnessMs?: number;
  readonly batchRecordsMax?: number;
  /** Lake files and checkpoints are cut at multiples of this many offsets. */
  readonly cutRecords?: number;
  /** Our clock, milliseconds UTC: what `ingestTimeMs` is taken from. */
  readonly clockMs?: () => number;
};

/** Limits unless told otherwise. */
export const telemetryDefaults = { freshnessMs: 600_000, batchRecordsMax: 4096, cutRecords: 1_000_000 };

/** What one batch came to. */
export type ReadingReport = {
  readonly records: number;
  /** The offset after the batch's last record. */
  readonly nextOffset: number;
  readonly alarms: readonly Alarm[];
  /** Rows of tiers that ended with it; those that late readings change are not among them. */
  readonly tierRows: number;
};

/** A telemetry pipeline over one output directory. */
export type TelemetryRun = {
  readonly recovery: Omit<Recovery, 'recordedDecisions'>;
  readonly counts: Counts;
  readonly lastSourcePosition: number | null;
  /** The offset after the last record that was taken. */
  readonly nextOffset: number;
  /** Records in the log that are not taken yet. */
  readonly lagRecords: number;
  /** Has the end of the input been taken? Then every row is final. */
  readonly isComplete: boolean;
  /** How far the plants are in event time. */
  readonly watermarks: () => PlantTimes;
  /** Keeps records for good, before anything is done with them. */
  readonly append: (incoming: readonly TimedIncoming[]) => Promise<void>;
  /** Takes records of the log until at most `lagRecordsMax` are left, or the signal stops it between two batches. */
  readonly process: (options: {
    readonly lagRecordsMax: number;
    readonly onBatch?: ((report: ReadingReport) => void) | undefined;
    readonly signal?: AbortSignal | undefined;
  }) => Promise<void>;
  /** Writes what is open as a cut, then the checkpoint. */
  readonly commit: () => Promise<void>;
  /** Lets the directory go. What was not committed is in the log, and is taken up by the next run. */
  readonly close: () => Promise<void>;
};

/**
 * Opens telemetry over an output directory, which this process then owns: log, lake, identities, panes, checkpoints. Throws
 * `REGISTRY_CHANGED` when the directory was begun with another registry.
 */
export function openTelemetry(options: TelemetryOptions): TelemetryRun {
  return new TelemetryShell(options);
}

/** What a checkpoint holds beside its offset. */
type TelemetryCheckpoint = {
  readonly engine: 'telemetry';
  readonly registryHash: string;
  readonly state: ColumnarTelemetryState;
  readonly counts: Counts;
};

class TelemetryShell implements TelemetryRun {
  readonly recovery: TelemetryRun['recovery'];
  readonly counts: Counts;
  readonly #options: TelemetryOptions & { readonly clockMs: () => number };
  readonly #owner: Owner;
  readonly #log: SegmentLog;
  readonly #front: TelemetryFront;
  readonly #lake: TelemetryLake;
  readonly #columns: ReadingColumns;
  readonly #registryHash: string;

  constructor(options: TelemetryOptions) {
    const {
      dir,
      registry,
      freshnessMs,
      batchRecordsMax,
      cutRecords,
      disk = realDisk,
    } = { ...telemetryDefaults, ...options };
    this.#options = { clockMs: Date.now, ...options };
    this.#registryHash = hashOf(registry);
    this.#owner = acquireOwner(dir, options);
    this.#log = openSegmentLog({ dir: join(dir, 'log'), disk });
    const { checkpoint, skipped } = loadCheckpoint({ dir: join(dir, 'checkpoints'), disk });
    const saved = checkpoint === null ? null : checkedCheckpoint(dir, checkpoint.value, this.#registryHash);
    const fromOffset = checkpoint?.offset ?? 0;
    this.counts = saved?.counts ?? new Map();
    const { endOffset, repairedBytes } = this.#log;
    this.recovery = {
      checkpointOffset: fromOffset,
      logEndOffset: endOffset,
      repairedBytes,
      damagedCheckpoints: skipped,
    };
    const telemetry = { registry, freshnessMs, rememberMs: 0 };
    const limits = { fromOffset, verifyBelowOffset: endOffset, cutRecords, batchRecordsMax };
    this.#front = openTelemetryFront({ dir, telemetry, state: saved?.state ?? null, disk, ...limits });
    this.#lake = openTelemetryLake({
      dir,
      registry,
      fromOffset,
      rowsMax: Math.max(batchRecordsMax, 1024),
      disk,
      epoch: this.#owner.epoch,
    });
    this.#columns = createReadingColumns(batchRecordsMax);
  }

  get lastSourcePosition(): number | null {
    return this.#log.lastSourcePosition;
  }

  get nextOffset(): number {
    return this.#front.nextOffset();
  }

  get lagRecords(): number {
    return this.#log.endOffset - this.nextOffset;
  }

  get isComplete(): boolean {
    return this.lagRecords === 0 && this.watermarks().leastMs === Infinity;
  }

  watermarks(): PlantTimes {
    return this.#front.watermarks();
  }

  async append(incoming: readonly TimedIncoming[]): Promise<void> {
    if (incoming.length === 0) return;
    this.#owner.assertOwner();
    const ingestTimeMs = this.#options.clockMs();
    this.#log.append(incoming.map((record) => ({ ingestTimeMs, ...record })));
    this.#log.sync();
  }

  async process({ lagRecordsMax, onBatch, signal }: Parameters<TelemetryRun['process']>[0]): Promise<void> {
    while (this.lagRecords > lagRecordsMax && signal?.aborted !== true) {
      const before = this.nextOffset;
      const taken = this.#front.take(this.#log.endOffset, this.#columns);
      if (taken === null) return;
      this.#lake.append(this.#columns, taken);
      for (const [name, by] of taken.counts) countUp(this.counts, name, by);
      if (taken.endsCut) await this.commit();
      const { endOffset, alarms } = taken;
      const tierRows = taken.tierRows.reduce((sum, { rowCount }) => sum + rowCount, 0);
      onBatch?.({ records: endOffset - before, nextOffset: endOffset, alarms, tierRows });
    }
  }

  /** Sinks first, then what left memory, then the state with its offset. */
  async commit(): Promise<void> {
    const startOffset = this.#lake.startOffset();
    const endOffset = this.nextOffset;
    if (endOffset === startOffset) return;
    const { dir, disk = realDisk } = this.#options;
    const { assertOwner, epoch } = this.#owner;
    assertOwner();
    this.#lake.appendTiers(this.#front.revised());
    await this.#lake.endCut(endOffset, assertOwner);
    assertOwner();
    const state = this.#front.endCut(startOffset);
    assertOwner();
    const value: TelemetryCheckpoint = {
      engine: 'telemetry',
      registryHash: this.#registryHash,
      state,
      counts: this.counts,
    };
    saveCheckpoint({ dir: join(dir, 'checkpoints'), offset: endOffset, epoch, value, disk });
    this.#front.noteCommitted();
  }

  async close(): Promise<void> {
    this.#front.close();
    this.#lake.close();
    this.#log.close();
    this.#owner.release();
  }
}

/** Room for the readings of a batch. */
export function createReadingColumns(rowsMax: number): ReadingColumns {
  const layOut = (space: Parameters<typeof layOutReadings>[0]): ReadingColumns => layOutReadings(space, rowsMax);
  return layOut(createColumnSpace(new ArrayBuffer(measureLayout(layOut))));
}

/** Rows of the state are rows of the registry, so they must stay as they are. */
function hashOf({ devices }: DeviceRegistry): string {
  return createHash('sha256').update(JSON.stringify(devices)).digest('hex');
}

function checkedCheckpoint(dir: string, value: unknown, registryHash: string): TelemetryCheckpoint {
  const isTelemetry = typeof value === 'object' && value !== null && 'engine' in value && value.engine === 'telemetry';
  if (isTelemetry && 'registryHash' in value && value.registryHash === registryHash) {
    // Behind its checksum it is what `commit` wrote.
    return value as TelemetryCheckpoint;
  }
  throw new WeirError({
    code: isTelemetry ? 'REGISTRY_CHANGED' : 'ENGINE_CHANGED',
    message: `${dir} was begun with ${isTelemetry ? 'another registry' : 'another engine'}, expected the same one`,
    fix: 'Go on with what it was begun with, or give the run a new directory.',
    facts: { dir },
  });
}
