import { rmSync } from 'node:fs';
import { openSegmentLog } from '../adapters/files/segment-log.ts';
import { createRegistry, type DeviceRegistry } from '../core/telemetry/registry.ts';
import { createReadingWriter, readingSizeBytesMax } from '../simulate/plants-bytes.ts';
import { createPlants, plantRates } from '../simulate/plants-world.ts';
import { simulateReadings } from '../simulate/plants.ts';

/** A log of made-up readings, and who sent them. */
export type ReadingLog = { readonly registry: DeviceRegistry; readonly records: number };

/**
 * Writes a log of readings of 32,000 sensors in 32 plants, with a little of everything that goes wrong: copies, conflicts,
 * wrong clocks, late ones, faults, and a plant that is away for a while and then sends its backlog. It begins shortly before midnight, so that panes of every tier end.
 */
export function writeReadingLog({
  dir,
  records: recordsMax,
}: {
  readonly dir: string;
  readonly records: number;
}): ReadingLog {
  rmSync(dir, { recursive: true, force: true });
  const world = createPlants({
    seed: 1,
    plants: 32,
    linesPerPlant: 10,
    machinesPerLine: 20,
    sensorsPerMachine: 5,
    tickMs: 200,
    startMs: Date.UTC(2026, 0, 5, 23, 59, 40),
    ticks: Math.ceil(recordsMax / 20_000) + 100,
    faultRate: 0.02,
    rates: plantRates,
    outages: [{ plant: 7, line: null, fromTick: 20, toTick: 60, order: 'liveFirst', catchUpTicks: 4 }],
  });
  const writer = createReadingWriter(world);
  const log = openSegmentLog({ dir });
  const topic = 'telemetry.reading.v1';
  let block = new Uint8Array(blockBytes);
  let end = 0;
  let records = 0;
  let batch: Parameters<typeof log.append>[0][number][] = [];
  for (const sent of simulateReadings(world)) {
    const start = end;
    end = writer.write(sent, block, start);
    batch.push({ topic, bytes: block.subarray(start, end), ingestTimeMs: sent.ingestTimeMs, sourcePosition: records });
    records++;
    if (end + readingSizeBytesMax > blockBytes || records === recordsMax) {
      log.append(batch);
      batch = [];
      block = new Uint8Array(blockBytes);
      end = 0;
    }
    if (records === recordsMax) break;
  }
  log.sync();
  log.close();
  return { registry: createRegistry(world.sensors.map(({ device }) => device)), records };
}

const blockBytes = 1 << 20;
