import { deserialize, serialize } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { controlTopic, type LogRecord } from '../../core/engine/record.ts';
import type { ColumnarTelemetryState } from '../../core/telemetry/columnar-state.ts';
import { sensorKeyOf } from '../../core/telemetry/sensor-key.ts';
import { createReadingWriter, readingSizeBytesMax } from '../../simulate/plants-bytes.ts';
import { createPlants, plantRates, type PlantOptions } from '../../simulate/plants-world.ts';
import { simulateReadings } from '../../simulate/plants.ts';
import { type ColumnarRun, runColumnar, tierColumnNames } from './columnar-run.ts';
import { alarmsOf, type Run, run, telemetryOf } from './telemetry-run.ts';

const hourMs = 3_600_000;
const startMs = Date.UTC(2026, 0, 5, 22);

function worldOf(seed: number, change: Partial<PlantOptions> = {}) {
  return createPlants({
    seed,
    plants: 2,
    linesPerPlant: 2,
    machinesPerLine: 1,
    sensorsPerMachine: 5,
    tickMs: 10_000,
    startMs,
    ticks: 500,
    faultRate: 0.5,
    rates: { ...plantRates, late: 0.03, duplicate: 0.03, conflict: 0.01 },
    outages: [
      {
        plant: 1,
        line: null,
        fromTick: 150,
        toTick: 250,
        order: seed % 2 === 0 ? 'liveFirst' : 'backlogFirst',
        catchUpTicks: 20,
      },
    ],
    ...change,
  });
}

/** The log of a world with poison between its readings, ended. */
function logOfWorld(world: ReturnType<typeof worldOf>): LogRecord[] {
  const writer = createReadingWriter(world);
  const log: LogRecord[] = [];
  let ingestTimeMs = startMs;
  const add = (topic: string, bytes: Uint8Array): void => {
    log.push({ topic, partition: 0, offset: log.length, ingestTimeMs, bytes });
  };
  const topic = 'telemetry.reading.v1';
  for (const sent of simulateReadings(world)) {
    ingestTimeMs = sent.ingestTimeMs;
    const bytes = new Uint8Array(readingSizeBytesMax);
    const plain = bytes.subarray(0, writer.write(sent, bytes, 0));
    add(topic, log.length % 7 === 3 ? rearranged(plain) : plain);
    if (log.length % 101 === 0) add(topic, new TextEncoder().encode('{"plant":'));
    if (log.length % 211 === 0) add(topic, stranger(plain));
    if (log.length % 307 === 0) add('telemetry.reading.v9', plain);
  }
  add(controlTopic, new Uint8Array());
  return log;
}

function rearranged(bytes: Uint8Array): Uint8Array {
  const entries = Object.entries(JSON.parse(new TextDecoder().decode(bytes)));
  return new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries.toReversed()), null, 1));
}

function stranger(bytes: Uint8Array): Uint8Array {
  return new TextEncoder().encode(new TextDecoder().decode(bytes).replace('"machine":"', '"machine":"x'));
}

/** The last row of each pane as the columns have it, of a run of the readable pipeline. */
function readableTiers(telemetry: ReturnType<typeof telemetryOf>, { effects }: Run): ColumnarRun['tiers'] {
  const tiers: ColumnarRun['tiers'] = new Map();
  for (const { output, tenantId, values, revision } of effects.flatMap(({ tierRows }) => tierRows)) {
    const text = (name: string): string => String(values[name]);
    const path = {
      tenantId,
      plant: text('plant'),
      line: text('line'),
      machine: text('machine'),
      sensor: text('sensor'),
    };
    const row = telemetry.registry.rowByKey.get(sensorKeyOf(path));
    const tier = ['tier_1m', 'tier_1h', 'tier_1d'].indexOf(output);
    const numbers = tierColumnNames.map((name) => {
      const value = values[name];
      return typeof value === 'number' ? value : null;
    });
    tiers.set(`${tier} ${row} ${String(values['pane_start'])}`, { revision, values: numbers });
  }
  return tiers;
}

function sorted<T>(tiers: ReadonlyMap<string, T>): [string, T][] {
  return [...tiers].toSorted(([left], [right]) => (left < right ? -1 : 1));
}

describe('telemetry in columns', () => {
  test.for([1, 2, 3, 4])('gives what the readable pipeline gives over a hostile log, seed %i', (seed) => {
    const world = worldOf(seed);
    const telemetry = telemetryOf(world.sensors.map(({ device }) => device));
    const log = logOfWorld(world);
    const twin = run(telemetry, log);
    const ran = runColumnar(telemetry, log, { batchRecords: 29, cutBatches: 1 });
    expect(sorted(ran.tiers)).toEqual(sorted(readableTiers(telemetry, twin)));
    expect(ran.alarms).toEqual(alarmsOf(twin));
    expect(ran.lateEvents).toEqual(twin.effects.flatMap(({ lateEvents }) => lateEvents));
    expect(ran.deadLetters).toEqual(twin.effects.flatMap(({ deadLetters }) => deadLetters));
    const counts = new Map<string, number>();
    for (const effect of twin.effects) {
      for (const [name, by] of effect.counts) counts.set(name, (counts.get(name) ?? 0) + by);
    }
    expect(sorted(ran.counts)).toEqual(sorted(counts));
    expect(
      ['late', 'duplicates', 'deadLetters.conflict', 'deadLetters.unknownSensor'].filter((name) => !counts.has(name)),
    ).toEqual([]);
    expect([ran.alarms.length > 5, ran.restored > 20, ran.lookUps > 20]).toEqual([true, true, true]);
  });

  test('does not depend on batches, cuts or restarts at a cut', () => {
    const world = worldOf(5);
    const telemetry = telemetryOf(world.sensors.map(({ device }) => device));
    const log = logOfWorld(world);
    const first = runColumnar(telemetry, log, { batchRecords: 500, cutBatches: 1000 });
    for (const [batchRecords, cutBatches] of [
      [1, 50],
      [64, 1],
      [333, 4],
    ] as const) {
      // What `serialize` wrote.
      const between = (state: ColumnarTelemetryState) => deserialize(serialize(state)) as ColumnarTelemetryState;
      const ran = runColumnar(telemetry, log, { batchRecords, cutBatches, between });
      expect(sorted(ran.tiers)).toEqual(sorted(first.tiers));
      expect(ran.alarms).toEqual(first.alarms);
      expect(sorted(ran.counts)).toEqual(sorted(first.counts));
    }
  });

  test('an outage of 72 hours ends as if all had come in order', () => {
    const ticks = (80 * hourMs) / 600_000;
    const quiet = { jitter: 0, late: 0, duplicate: 0, conflict: 0, future: 0, skew: 0 };
    const change = { tickMs: 600_000, ticks, rates: quiet, faultRate: 0 };
    const outage = {
      plant: 1,
      line: null,
      fromTick: 12,
      toTick: 12 + 72 * 6,
      order: 'liveFirst',
      catchUpTicks: 50,
    } as const;
    const world = worldOf(6, { ...change, outages: [outage] });
    const telemetry = telemetryOf(world.sensors.map(({ device }) => device));
    const late = runColumnar(telemetry, logOfWorld(world));
    const inOrder = runColumnar(telemetry, logOfWorld(worldOf(6, { ...change, outages: [] })));
    const values = ({ tiers }: ColumnarRun) => sorted(tiers).map(([key, row]) => [key, row.values]);
    expect(values(late)).toEqual(values(inOrder));
    expect(late.counts.get('accepted')).toBe(inOrder.counts.get('accepted'));
    expect(late.counts.get('late')).toBeGreaterThan(2000);
  });
});
