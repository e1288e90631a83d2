import { join } from 'node:path';
import type { Disk } from '../adapters/files/disk.ts';
import { LogTail } from '../adapters/files/log-tail.ts';
import { openPaneFiles } from '../adapters/files/pane-store.ts';
import { openReadingIndex } from '../adapters/files/reading-index.ts';
import {
  type ColumnarTelemetry,
  createColumnarTelemetry,
  type ReadingBatchEffects,
  runTelemetry,
  takeRevised,
} from '../core/columnar-telemetry-pipeline.ts';
import { createLogBlock } from '../core/decode/log-block.ts';
import { takeColdPanes } from '../core/telemetry/columnar-cold-panes.ts';
import { takeOpenReadings } from '../core/telemetry/columnar-identity.ts';
import { type ColumnarTelemetryState, readingTimes } from '../core/telemetry/columnar-state.ts';
import type { TierColumns } from '../core/telemetry/columnar-tier-rows.ts';
import type { ReadingColumns } from '../core/telemetry/reading-columns.ts';
import type { Telemetry } from '../core/telemetry/telemetry-state.ts';

/** What came of one batch. */
export type FrontReadings = ReadingBatchEffects & { readonly endOffset: number; readonly endsCut: boolean };

/** The watermark of the plant that is furthest behind, and of the one that is furthest ahead. */
export type PlantTimes = { readonly leastMs: number; readonly greatestMs: number };

/** The pipeline with its surroundings: it reads the log, and keeps identities and panes that left memory on disk. */
export type TelemetryFront = {
  readonly nextOffset: () => number;
  readonly watermarks: () => PlantTimes;
  /** Takes the next records into columns, up to `endOffset`, which the log must have; null when there are none. */
  readonly take: (endOffset: number, columns: ReadingColumns) => FrontReadings | null;
  /** The rows that late readings changed since the cut began; to be sent before the cut ends. */
  readonly revised: () => readonly TierColumns[];
  /** Writes what leaves memory at the end of a cut; the state afterwards is what a checkpoint holds. */
  readonly endCut: (startOffset: number) => ColumnarTelemetryState;
  /** A checkpoint holds the state: files that the one before it does not need go. */
  readonly noteCommitted: () => void;
  readonly close: () => void;
};

export type TelemetryFrontOptions = {
  readonly dir: string;
  readonly telemetry: Telemetry;
  /** From a checkpoint at `fromOffset`; null begins anew. */
  readonly state: ColumnarTelemetryState | null;
  readonly fromOffset: number;
  readonly verifyBelowOffset: number;
  readonly cutRecords: number;
  readonly batchRecordsMax: number;
  readonly disk: Disk;
};

/** Opens the front over the log of an output directory; files of cuts that no checkpoint has go. */
export function openTelemetryFront(options: TelemetryFrontOptions): TelemetryFront {
  const { dir, telemetry, state, fromOffset, verifyBelowOffset, cutRecords, batchRecordsMax, disk } = options;
  const pipeline = createColumnarTelemetry(telemetry, state ?? undefined);
  const log = new LogTail({ dir: join(dir, 'log'), fromOffset, verifyBelowOffset, disk });
  const ids = openReadingIndex({ dir, rowsMax: batchRecordsMax, disk });
  const panes = openPaneFiles({ dir, disk });
  ids.removeFrom(fromOffset);
  panes.removeFrom(fromOffset);
  const block = createLogBlock({ recordsMax: batchRecordsMax, partition: 0 });
  let forgetMs = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return {
    nextOffset: () => log.nextOffset,
    watermarks: () => watermarksOf(pipeline),
    take: (endOffset, columns) => {
      const cutEndOffset = (Math.floor(log.nextOffset / cutRecords) + 1) * cutRecords;
      log.read(block, Math.min(endOffset, cutEndOffset));
      if (block.count === 0) return null;
      const effects = runTelemetry(pipeline, {
        block,
        columns,
        lookUp: (wanted) => ({ known: ids.find(wanted.rows, columns), panes: panes.find(wanted.panes.values()) }),
      });
      return { ...effects, endOffset: log.nextOffset, endsCut: log.nextOffset === cutEndOffset };
    },
    revised: () => takeRevised(pipeline.state),
    endCut: (startOffset) => {
      const cut = { startOffset, endOffset: log.nextOffset };
      ids.write(cut, takeOpenReadings(pipeline.state));
      panes.write(cut, takeColdPanes(pipeline.state, startOffset, telemetry.registry.plantOfRow));
      return pipeline.state;
    },
    noteCommitted: () => {
      const [twoBeforeMs = Number.NEGATIVE_INFINITY] = forgetMs;
      ids.forgetBefore(twoBeforeMs);
      panes.forgetBefore(twoBeforeMs);
      forgetMs = [...forgetMs.slice(1), oldestNeededMs(pipeline)];
    },
    close: () => log.close(),
  };
}

/** Nothing of before can change any more, in any plant. */
function oldestNeededMs(pipeline: ColumnarTelemetry): number {
  return watermarksOf(pipeline).leastMs - readingTimes.allowedLatenessMs;
}

function watermarksOf({ state }: ColumnarTelemetry): PlantTimes {
  const watermarks = state.rare.plants.map(({ watermarkMs }) => watermarkMs);
  return { leastMs: Math.min(Infinity, ...watermarks), greatestMs: Math.max(-Infinity, ...watermarks) };
}
