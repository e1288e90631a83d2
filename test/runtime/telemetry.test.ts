import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openLake } from '../../adapters/files/lake.ts';
import { openSegmentLog } from '../../adapters/files/segment-log.ts';
import { createRegistry, type DeviceRegistry } from '../../core/telemetry/registry.ts';
import { openTelemetry } from '../../runtime/telemetry.ts';
import { createReadingWriter, readingSizeBytesMax } from '../../simulate/plants-bytes.ts';
import { createPlants, plantRates } from '../../simulate/plants-world.ts';
import { simulateReadings } from '../../simulate/plants.ts';

const root = mkdtempSync(join(tmpdir(), 'weir-telemetry-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A log of two plants over some hours, one of them away for a while, with much that is late or sent twice. */
function writeLog(dir: string): DeviceRegistry {
  const world = createPlants({
    seed: 3,
    plants: 2,
    linesPerPlant: 1,
    machinesPerLine: 2,
    sensorsPerMachine: 5,
    tickMs: 10_000,
    startMs: Date.UTC(2026, 0, 5, 23),
    ticks: 600,
    faultRate: 0.4,
    rates: { ...plantRates, late: 0.05, duplicate: 0.05 },
    outages: [{ plant: 1, line: null, fromTick: 100, toTick: 300, order: 'liveFirst', catchUpTicks: 10 }],
  });
  const writer = createReadingWriter(world);
  const log = openSegmentLog({ dir });
  const entries = simulateReadings(world).map((sent, sourcePosition) => {
    const bytes = new Uint8Array(readingSizeBytesMax);
    const sized = bytes.subarray(0, writer.write(sent, bytes, 0));
    return { topic: 'telemetry.reading.v1', bytes: sized, ingestTimeMs: sent.ingestTimeMs, sourcePosition };
  });
  log.append([...entries]);
  log.sync();
  log.close();
  return createRegistry(world.sensors.map(({ device }) => device));
}

/** Every row of every table; of tiers and alarms the highest revision of each key, without its number. */
async function lakeOf(dir: string): Promise<Record<string, string[]>> {
  const lake = openLake({ dir: join(dir, 'lake') });
  const tables: Record<string, string[]> = {};
  for (const table of ['readings', 'tier_1m', 'tier_1h', 'tier_1d', 'alarms', 'late_readings', 'dead_letters']) {
    const rows = new Map<string, string>();
    for await (const batch of lake.readRows(table)) {
      for (const { revision, ...row } of batch) {
        const { plant, line, machine, sensor, pane_start: start, alarm_id: alarmId, offset } = row;
        const key = JSON.stringify(
          alarmId ?? (table.startsWith('tier') ? [plant, line, machine, sensor, start] : offset),
          big,
        );
        rows.set(key, JSON.stringify({ ...row, revision: table.startsWith('tier') ? 0 : revision }, big));
      }
    }
    tables[table] = [...rows.values()].toSorted();
  }
  return tables;
}

function big(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}

const limits = { batchRecordsMax: 97, cutRecords: 1000, clockMs: () => 0 };

/** Takes the whole log; every so many batches the process is gone, at once, and another one goes on. */
async function runWith(
  dir: string,
  batchesBetweenCrashes: number,
): Promise<{ registry: DeviceRegistry; crashes: number }> {
  const registry = writeLog(join(dir, 'log'));
  let crashes = 0;
  for (let isDone = false; !isDone;) {
    const run = openTelemetry({ dir, registry, ...limits });
    const stop = new AbortController();
    let batches = 0;
    const onBatch = (): void => {
      if (++batches === batchesBetweenCrashes) stop.abort();
    };
    await run.process({ lagRecordsMax: 0, onBatch, signal: stop.signal });
    isDone = run.lagRecords === 0;
    if (isDone) await run.commit();
    else crashes++;
    await run.close();
  }
  return { registry, crashes };
}

describe('the telemetry runtime', () => {
  test('ends with the same lake however often it had to begin again', async () => {
    const whole = join(root, 'whole');
    await runWith(whole, Number.POSITIVE_INFINITY);
    const expected = await lakeOf(whole);
    for (const between of [12, 17, 31]) {
      const dir = join(root, `between-${between}`);
      const { crashes } = await runWith(dir, between);
      expect(crashes).toBeGreaterThan(2);
      expect(await lakeOf(dir)).toEqual(expected);
    }
    expect(expected['tier_1m']!.length).toBeGreaterThan(1000);
    expect(expected['alarms']!.length).toBeGreaterThan(0);
    expect(expected['dead_letters']!.length).toBeGreaterThan(0);
  });

  test('refuses a directory that was begun with another registry', async () => {
    const dir = join(root, 'registry');
    const { registry } = await runWith(dir, Number.POSITIVE_INFINITY);
    const other = createRegistry(registry.devices.slice(1));
    expect(() => openTelemetry({ dir, registry: other })).toThrow(
      expect.objectContaining({ code: 'REGISTRY_CHANGED' }),
    );
  });
});

test('whoever lost the directory to another owner appends nothing to its log, and gives no file of the lake a name', async () => {
  const dir = join(root, 'fenced');
  const registry = writeLog(join(dir, 'log'));
  const run = openTelemetry({ dir, registry, ...limits, cutRecords: 1_000_000 });
  await run.process({ lagRecordsMax: 0 });
  const path = join(dir, 'owner.json');
  const owner: unknown = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ ...Object(owner), epoch: 99 }));
  const reading = { topic: 'telemetry.reading.v1', bytes: new Uint8Array(3), sourcePosition: 1_000_000 };
  await expect(run.append([reading])).rejects.toMatchObject({ code: 'FENCED' });
  await expect(run.commit()).rejects.toMatchObject({ code: 'FENCED' });
  expect(run.lagRecords).toBe(0);
  expect(openLake({ dir: join(dir, 'lake') }).listFiles('readings')).toEqual([]);
  await run.close();
});
