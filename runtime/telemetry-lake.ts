import { join } from 'node:path';
import type { Disk } from '../adapters/files/disk.ts';
import type { LakeCut } from '../adapters/files/lake-cut.ts';
import { openLake } from '../adapters/files/lake.ts';
import type { ReadingBatchEffects } from '../core/columnar-telemetry-pipeline.ts';
import type { TableRow, TableSchema } from '../core/sinks/table-schema.ts';
import {
  alarmRow,
  createReadingTable,
  createTierTable,
  lateReadingRow,
  telemetryLetterRow,
  type TelemetryRows,
  telemetryTables,
} from '../core/telemetry/columnar-tables.ts';
import type { TierColumns } from '../core/telemetry/columnar-tier-rows.ts';
import type { ReadingColumns } from '../core/telemetry/reading-columns.ts';
import type { DeviceRegistry } from '../core/telemetry/registry.ts';

/** Writes what comes of batches into the lake of an output directory, a cut at a time. */
export type TelemetryLake = {
  readonly append: (columns: ReadingColumns, effects: Omit<ReadingBatchEffects, 'counts'>) => void;
  readonly appendTiers: (blocks: readonly TierColumns[]) => void;
  readonly startOffset: () => number;
  /** Makes the open cut durable and begins the next. `assertOwner` is asked right before the files get their names. */
  readonly endCut: (endOffset: number, assertOwner?: () => void) => Promise<void>;
  readonly close: () => void;
};

/** Opens the lake; leftovers of unfinished cuts are gone already. */
export function openTelemetryLake(options: {
  readonly dir: string;
  readonly registry: DeviceRegistry;
  readonly fromOffset: number;
  readonly rowsMax: number;
  readonly disk: Disk;
  readonly epoch: number;
}): TelemetryLake {
  const { dir, registry, fromOffset, rowsMax, disk, epoch } = options;
  const lake = openLake({ dir: join(dir, 'lake'), disk, epoch });
  lake.removeFrom(fromOffset);
  const readings = createReadingTable(registry, rowsMax);
  const tiers = createTierTable(registry, rowsMax);
  let cut: LakeCut = lake.openCut(fromOffset);
  const add = (schema: TableSchema, { columns, rows, rowCount }: TelemetryRows): void => {
    if (rowCount > 0) cut.table(schema).appendSelected(columns, rows, rowCount);
  };
  const addRows = (schema: TableSchema, rows: readonly TableRow[]): void => {
    if (rows.length > 0) cut.table(schema).appendRows(rows);
  };
  const appendTiers = (blocks: readonly TierColumns[]): void => {
    for (const block of blocks) {
      for (const [tier, schema] of telemetryTables.tiers.entries()) add(schema, tiers(block, tier));
    }
  };
  return {
    append: (columns, { tierRows, alarms, lateEvents, deadLetters }) => {
      add(telemetryTables.readings, readings(columns));
      appendTiers(tierRows);
      addRows(telemetryTables.alarms, alarms.map(alarmRow));
      addRows(telemetryTables.late, lateEvents.map(lateReadingRow));
      addRows(telemetryTables.deadLetters, deadLetters.map(telemetryLetterRow));
    },
    appendTiers,
    startOffset: () => cut.startOffset,
    endCut: async (endOffset, assertOwner) => {
      const ended = cut;
      cut = lake.openCut(endOffset);
      await ended.finish(endOffset, assertOwner);
    },
    close: () => cut.abandon(),
  };
}
