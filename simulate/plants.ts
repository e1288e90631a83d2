import { addTimer, createTimers, popDue, type Timers } from '../core/engine/timers.ts';
import { createMeasured, draw, measure, type Measured } from './plants-values.ts';
import type { Outage, PlantRates, PlantWorld } from './plants-world.ts';

/** A reading as it is sent: which sensor's, of which tick, and when it arrives. */
export type SentReading = {
  /** The sensor's place in the world's sensors. */
  readonly sensor: number;
  readonly tick: number;
  /** Never falls from one to the next. */
  readonly ingestTimeMs: number;
  readonly sentAs: SentAs;
};

/** As measured, once more with another value, or from an hour ahead. */
export type SentAs = 'measured' | 'conflict' | 'future';

/** All that is sent, in the order of arrival. Needs memory for what is on its way alone, also over outages of days. */
export function* simulateReadings(world: PlantWorld): Generator<SentReading> {
  const { ticks, startMs, tickMs, outages } = world.options;
  const road: Road = {
    world,
    delayed: createTimers(),
    measured: createMeasured(),
    clockMs: 0,
    isDisturbed: isAny(world),
  };
  const unsent = outages.map((outage) => ({ outage, nextTick: outage.fromTick, sensors: sensorsOf(world, outage) }));
  for (let tick = 0; tick < ticks; tick++) {
    for (let sensor = 0; sensor < world.sensors.length; sensor++) {
      if (unsent.some((backlog) => isHeldBack(backlog, sensor, tick))) continue;
      yield* send(road, {
        sensor,
        tick,
        ingestTimeMs: startMs + tick * tickMs + world.sensors[sensor]!.phaseMs + travelMs,
      });
    }
    for (const backlog of unsent) yield* sendBacklog(road, backlog, tick);
  }
  const endMs = road.clockMs;
  // What is still on its way comes at once, so that the end is no pause.
  for (const { sensor, tick: past, sentAs } of arrivalsUntil(road, Number.POSITIVE_INFINITY)) {
    yield { sensor, tick: past, ingestTimeMs: endMs, sentAs };
  }
}

const travelMs = 200;

/** What is on its way. */
type Road = {
  readonly world: PlantWorld;
  readonly delayed: Timers<Omit<SentReading, 'ingestTimeMs'> & { readonly dueMs: number }>;
  readonly measured: Measured;
  readonly isDisturbed: boolean;
  clockMs: number;
};

type Backlog = { readonly outage: Outage; readonly sensors: ReadonlySet<number>; nextTick: number };

function isAny({ options }: PlantWorld): boolean {
  return Object.values(options.rates).some((rate) => rate > 0);
}

function sensorsOf({ sensors }: PlantWorld, { plant, line }: Outage): ReadonlySet<number> {
  const places = sensors.keys().filter((place) => {
    return sensors[place]!.plant === plant && (line === null || sensors[place]!.line === line);
  });
  return new Set(places);
}

/** From the outage on; after it until the backlog has caught up, unless what is new goes out at once. */
function isHeldBack({ outage, sensors, nextTick }: Backlog, sensor: number, tick: number): boolean {
  if (tick < outage.fromTick || !sensors.has(sensor)) return false;
  return tick < outage.toTick || (outage.order === 'backlogFirst' && nextTick < tick);
}

function* sendBacklog(road: Road, backlog: Backlog, tick: number): Generator<SentReading> {
  const { outage, sensors } = backlog;
  if (tick < outage.toTick) return;
  const { startMs, tickMs } = road.world.options;
  const ingestTimeMs = startMs + (tick + 1) * tickMs + travelMs;
  const endTick = outage.order === 'liveFirst' ? outage.toTick : tick + 1;
  // What goes out first is held back until the backlog has caught up, and this tick is then the last of it.
  const isCaughtUp = outage.order === 'backlogFirst' && backlog.nextTick >= tick;
  const untilTick = isCaughtUp ? backlog.nextTick : Math.min(endTick, backlog.nextTick + outage.catchUpTicks);
  for (let past = backlog.nextTick; past < untilTick; past++) {
    for (const sensor of sensors) yield* send(road, { sensor, tick: past, ingestTimeMs });
  }
  backlog.nextTick = isCaughtUp ? tick + 1 : untilTick;
}

/** Sends what a sensor measured in a tick, at once or a little later, and now and then something beside it. */
function* send(road: Road, sent: Omit<SentReading, 'sentAs'>): Generator<SentReading> {
  const { sensor, tick } = sent;
  if (!measure(road.world, road.measured, sensor, tick)) return;
  yield* arrivalsUntil(road, sent.ingestTimeMs);
  road.clockMs = Math.max(road.clockMs, sent.ingestTimeMs);
  if (!road.isDisturbed) {
    yield { sensor, tick, ingestTimeMs: road.clockMs, sentAs: 'measured' };
    return;
  }
  const { seed, rates } = road.world.options;
  const luck = draw(seed + 2, sensor, tick);
  const what = disturbanceOf(rates, luck);
  const wait = Math.floor(draw(seed + 3, sensor, tick) * waitMsMax[what]);
  if (what !== 'jitter' && what !== 'late') yield { sensor, tick, ingestTimeMs: road.clockMs, sentAs: 'measured' };
  if (what === 'none') return;
  const sentAs = what === 'conflict' || what === 'future' ? what : 'measured';
  const dueMs = road.clockMs + wait;
  addTimer(road.delayed, { timeMs: dueMs, offset: sensor, value: { sensor, tick, sentAs, dueMs } });
}

type Disturbance = keyof Omit<PlantRates, 'skew'> | 'none';

const waitMsMax: Readonly<Record<Disturbance, number>> = {
  none: 0,
  jitter: 8000,
  late: 120_000,
  duplicate: 20_000,
  conflict: 20_000,
  future: 1000,
};

function disturbanceOf(rates: PlantRates, luck: number): Disturbance {
  let from = 0;
  for (const name of ['jitter', 'late', 'duplicate', 'conflict', 'future'] as const) {
    if (luck < from + rates[name]) return name;
    from += rates[name];
  }
  return 'none';
}

function* arrivalsUntil(road: Road, timeMs: number): Generator<SentReading> {
  for (let due = popDue(road.delayed, timeMs); due !== undefined; due = popDue(road.delayed, timeMs)) {
    const { dueMs, ...sent } = due;
    road.clockMs = Math.max(road.clockMs, dueMs);
    yield { ...sent, ingestTimeMs: road.clockMs };
  }
}
