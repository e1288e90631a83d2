import { describe, expect, test } from 'vitest';
import { simulateReadings } from '../../simulate/plants.ts';
import { readingOf } from '../../simulate/plants-bytes.ts';
import { createPlants, type Outage, type PlantOptions, quietRates } from '../../simulate/plants-world.ts';
import { startMs } from './sample-plant.ts';
import { alarmsOf, countOf, finalTiers, logOf, type Run, run, telemetryOf } from './telemetry-run.ts';

const hours = 72;
const tickMs = 300_000;
const fromTick = 24;
const toTick = fromTick + (hours * 3_600_000) / tickMs;

const options: PlantOptions = {
  seed: 3,
  plants: 2,
  linesPerPlant: 2,
  machinesPerLine: 2,
  sensorsPerMachine: 2,
  tickMs,
  startMs,
  ticks: toTick + 120,
  faultRate: 1,
  outages: [],
  rates: quietRates,
};

function runWith(outages: readonly Outage[]): Run {
  const world = createPlants({ ...options, outages });
  const sent = simulateReadings(world).map((reading) => {
    return { ingestTimeMs: reading.ingestTimeMs, body: readingOf(world, reading) };
  });
  return run(telemetryOf(world.sensors.map(({ device }) => device)), logOf([...sent]), { batchRecords: 500 });
}

/** Alarms that a reading raised, of what happened in the first plant while it was away. */
function oldAlarms(ran: Run): number {
  const [fromMs, toMs] = [startMs + fromTick * tickMs, startMs + toTick * tickMs];
  const isOld = (timeMs: number): boolean => fromMs <= timeMs && timeMs < toMs;
  return alarmsOf(ran).filter(({ kind, plant, raisedAtMs }) => {
    return plant === 'plant-1' && kind !== 'silent' && kind !== 'offline' && isOld(raisedAtMs);
  }).length;
}

describe('after an outage of 72 hours', () => {
  const inOrder = runWith([]);
  const outage: Outage = { plant: 0, line: null, fromTick, toTick, order: 'liveFirst', catchUpTicks: 10 };

  const liveFirst = runWith([outage]);

  test.each<readonly [name: string, ran: Run, lateMin: number]>([
    ['a plant that sends what is new at once, and its backlog beside it', liveFirst, 6000],
    ['a plant that sends its backlog first', runWith([{ ...outage, order: 'backlogFirst' }]), 0],
  ])('%s ends with the same tiers, byte for byte, loses nothing and raises nothing old', (_, ran, lateMin) => {
    expect(countOf(inOrder, 'accepted')).toBeGreaterThan(14_000);
    expect(countOf(ran, 'accepted')).toBe(countOf(inOrder, 'accepted'));
    expect(ran.effects.flatMap(({ deadLetters, lateEvents }) => [...deadLetters, ...lateEvents])).toEqual([]);
    expect(countOf(ran, 'late')).toBeGreaterThanOrEqual(lateMin);
    const tiers = finalTiers(ran);
    expect(tiers.length).toBeGreaterThan(14_000);
    expect(tiers.join('\n') === finalTiers(inOrder).join('\n')).toBe(true);
    expect(oldAlarms(inOrder)).toBeGreaterThan(2);
    expect(oldAlarms(ran)).toBe(0);
    expect(alarmsOf(ran).filter(({ kind, plant }) => kind === 'offline' && plant === 'plant-1')).toHaveLength(2);
  });

  test('a line that was away alone ends with the same tiers, and its sensors were silent once each', () => {
    const ran = runWith([{ ...outage, line: 1 }]);
    expect(countOf(ran, 'late')).toBeGreaterThan(3000);
    expect(finalTiers(ran).join('\n') === finalTiers(inOrder).join('\n')).toBe(true);
    const silent = alarmsOf(ran).filter(
      ({ kind, revision, line }) => kind === 'silent' && revision === 0 && line === 'line-2',
    );
    const first = silent.filter(
      ({ plant, raisedAtMs }) => plant === 'plant-1' && raisedAtMs < startMs + (fromTick + 12) * tickMs,
    );
    expect(first).toHaveLength(4);
  });

  test('its backlog needs no look-up, as it lies where nothing was sent', () => {
    expect([inOrder.lookUps, liveFirst.lookUps]).toEqual([0, 0]);
  });
});
