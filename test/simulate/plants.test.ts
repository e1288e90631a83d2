import { describe, expect, test } from 'vitest';
import { readingContract } from '../../core/contract/reading.ts';
import type { Alarm } from '../../core/telemetry/alarm.ts';
import { simulateReadings } from '../../simulate/plants.ts';
import { createReadingWriter, readingOf, readingSizeBytesMax } from '../../simulate/plants-bytes.ts';
import { faultKinds, type FaultKind } from '../../simulate/plants-faults.ts';
import {
  createPlants,
  type PlantOptions,
  plantRates,
  type PlantSensor,
  quietRates,
} from '../../simulate/plants-world.ts';
import { alarmsOf, countOf, logOf, run, telemetryOf } from '../telemetry/telemetry-run.ts';

const options: PlantOptions = {
  seed: 7,
  plants: 2,
  linesPerPlant: 3,
  machinesPerLine: 4,
  sensorsPerMachine: 5,
  tickMs: 1000,
  startMs: 1_749_945_600_000,
  ticks: 900,
  faultRate: 0.8,
  outages: [],
  rates: plantRates,
};

describe('the generator of plants', () => {
  test('gives the same bytes for the same seed, and others for another', () => {
    const bytesOf = (seed: number): string => {
      const world = createPlants({ ...options, seed, ticks: 20 });
      const writer = createReadingWriter(world);
      const bytes = new Uint8Array(readingSizeBytesMax);
      const texts = simulateReadings(world).map((sent) => {
        const end = writer.write(sent, bytes, 0);
        return `${sent.ingestTimeMs} ${Buffer.from(bytes.subarray(0, end)).toString()}`;
      });
      return [...texts].join('\n');
    };
    const first = bytesOf(1);
    expect(first.split('\n').length).toBeGreaterThan(1000);
    expect(bytesOf(1)).toBe(first);
    expect(bytesOf(2)).not.toBe(first);
  });

  test('writes each reading as the canonical JSON of its object, which keeps the contract', () => {
    const world = createPlants(options);
    const writer = createReadingWriter(world);
    const bytes = new Uint8Array(readingSizeBytesMax + 7);
    let units = new Set<string>();
    let seen = 0;
    for (const sent of simulateReadings(world)) {
      const reading = readingOf(world, sent);
      const end = writer.write(sent, bytes, 7);
      if (Buffer.from(bytes.subarray(7, end)).toString() !== JSON.stringify(reading)) {
        expect(Buffer.from(bytes.subarray(7, end)).toString()).toBe(JSON.stringify(reading));
      }
      if (seen % 100 === 0) expect(readingContract.schema.parse(reading)).toEqual(reading);
      units = units.add(reading.unit);
      seen += 1;
    }
    expect(seen).toBeGreaterThan(50_000);
    expect(units.size).toBeGreaterThan(6);
  });

  test('gives ingest times that never fall', () => {
    const outage = { plant: 0, line: 1, fromTick: 20, toTick: 60, order: 'liveFirst', catchUpTicks: 3 } as const;
    let lastMs = 0;
    for (const { ingestTimeMs } of simulateReadings(createPlants({ ...options, ticks: 100, outages: [outage] }))) {
      if (ingestTimeMs < lastMs) expect(ingestTimeMs).toBeGreaterThanOrEqual(lastMs);
      lastMs = ingestTimeMs;
    }
    expect(lastMs).toBeGreaterThan(options.startMs + 99_000);
  });

  test.each(['liveFirst', 'backlogFirst'] as const)(
    'brings the whole backlog of an outage, each reading once: %s',
    (order) => {
      const quiet = { ...options, rates: quietRates, faultRate: 0, ticks: 200 };
      const outage = { plant: 1, line: null, fromTick: 20, toTick: 100, order, catchUpTicks: 4 };
      const named = (world: ReturnType<typeof createPlants>): string[] => {
        return simulateReadings(world)
          .map(({ sensor, tick }) => `${sensor} ${tick}`)
          .toArray();
      };
      const away = named(createPlants({ ...quiet, outages: [outage] }));
      const all = named(createPlants(quiet));
      expect(away).not.toEqual(all);
      expect(away.toSorted()).toEqual(all.toSorted());
      expect(new Set(away).size).toBe(away.length);
    },
  );
});

describe('the faults of the generator', () => {
  const world = createPlants(options);
  const sent = simulateReadings(world).map((reading) => {
    return { ingestTimeMs: reading.ingestTimeMs, body: readingOf(world, reading) };
  });
  const ran = run(telemetryOf(world.sensors.map(({ device }) => device)), logOf([...sent]), { batchRecords: 1000 });
  const raised = alarmsOf(ran).filter(({ revision }) => revision === 0);
  const alarmFor: Readonly<Partial<Record<FaultKind, Alarm['kind']>>> = {
    spike: 'high',
    drift: 'high',
    stuck: 'stuck',
    silent: 'silent',
    outOfRange: 'range',
  };

  function isOf(alarm: Alarm, { device }: PlantSensor): boolean {
    const { plant, line, machine, sensor } = device;
    return alarm.plant === plant && alarm.line === line && alarm.machine === machine && alarm.sensor === sensor;
  }

  test('that an alarm is for are all found, and nothing else is', () => {
    const labelled = world.sensors.flatMap((sensor) => sensor.faults.map((fault) => ({ sensor, kind: fault.kind })));
    const found = labelled.filter(({ sensor, kind }) => {
      return raised.some((alarm) => alarm.kind === alarmFor[kind] && isOf(alarm, sensor));
    });
    const explained = raised.filter((alarm) => {
      return labelled.some(({ sensor, kind }) => alarm.kind === alarmFor[kind] && isOf(alarm, sensor));
    });
    const counts = (list: readonly { readonly kind: FaultKind }[]): Record<string, number> => {
      return Object.fromEntries(faultKinds.map((kind) => [kind, list.filter((each) => each.kind === kind).length]));
    };

    const notAlarmed = { unitError: 14, badQuality: 13 };
    const alarmed = { spike: 14, drift: 11, stuck: 20, silent: 12, outOfRange: 14 };
    expect(counts(labelled)).toEqual({ ...alarmed, ...notAlarmed });
    expect(counts(found)).toEqual({ ...alarmed, unitError: 0, badQuality: 0 });
    expect(raised.length - explained.length).toBe(0);
  });

  test('that no alarm is for are counted beside the values', () => {
    const counted = ['bad', 'wrongUnit', 'outOfRange'].map((verdict) => countOf(ran, `verdict.${verdict}`));
    expect(counted.every((count) => count > 10)).toBe(true);
    expect(countOf(ran, 'converted')).toBeGreaterThan(10);
  });

  test('come with copies, conflicts, late readings and some from the future, each of which is told apart', () => {
    const names = ['duplicates', 'deadLetters.conflict', 'late', 'deadLetters.future'];
    expect(names.map((name) => countOf(ran, name) > 5)).toEqual([true, true, true, true]);
    expect(countOf(ran, 'tooLate')).toBe(0);
  });
});
