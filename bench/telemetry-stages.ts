import { join } from 'node:path';
import { saveCheckpoint } from '../adapters/files/checkpoint-store.ts';
import { realDisk } from '../adapters/files/disk.ts';
import type { DeviceRegistry } from '../core/telemetry/registry.ts';
import { createReadingColumns, telemetryDefaults } from '../runtime/telemetry.ts';
import { openTelemetryFront } from '../runtime/telemetry-front.ts';
import { openTelemetryLake } from '../runtime/telemetry-lake.ts';

/** Microseconds of the processor a reading, by stage: what other programs take of it does not count. */
export type StageTimes = Readonly<Record<string, number>>;

/** Runs the first records of a directory's log as `openTelemetry` does, and times what it does. */
export async function timeTelemetryStages(of: {
  readonly dir: string;
  readonly registry: DeviceRegistry;
  readonly records: number;
}): Promise<StageTimes> {
  const { dir, registry, records } = of;
  const { freshnessMs, ...limits } = telemetryDefaults;
  const { batchRecordsMax } = limits;
  const telemetry = { registry, freshnessMs, rememberMs: 0 };
  const place = { dir, fromOffset: 0, disk: realDisk };
  const front = openTelemetryFront({ ...place, ...limits, telemetry, state: null, verifyBelowOffset: records });
  const lake = openTelemetryLake({ ...place, registry, rowsMax: batchRecordsMax, epoch: 1 });
  const columns = createReadingColumns(batchRecordsMax);
  const totalUs: Record<string, number> = {};
  const time = async <T>(stage: string, work: () => T | Promise<T>): Promise<T> => {
    const start = process.cpuUsage();
    const result = await work();
    const { user, system } = process.cpuUsage(start);
    totalUs[stage] = (totalUs[stage] ?? 0) + user + system;
    return result;
  };
  for (;;) {
    const taken = await time('decode, judge, identities, tiers, alarms', () => front.take(records, columns));
    if (taken === null) break;
    await time('rows of the lake', () => lake.append(columns, taken));
    if (!taken.endsCut && taken.endOffset < records) continue;
    const startOffset = lake.startOffset();
    await time('files of the lake, durable', () => {
      lake.appendTiers(front.revised());
      return lake.endCut(taken.endOffset);
    });
    const state = await time('identities and panes, durable', () => front.endCut(startOffset));
    await time('checkpoints', () => {
      saveCheckpoint({
        dir: join(dir, 'checkpoints'),
        offset: taken.endOffset,
        epoch: 1,
        value: { state },
        disk: realDisk,
      });
      front.noteCommitted();
    });
  }
  front.close();
  lake.close();
  return Object.fromEntries(Object.entries(totalUs).map(([stage, us]) => [stage, us / records]));
}
