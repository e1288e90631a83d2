import type { Device } from '../core/contract/device.ts';
import { planFaults, type PlantFault } from './plants-faults.ts';
import { chance, openStream, uniform, wholeBelow } from './random.ts';

/** A made-up set of plants and how long it is watched. The same options give the same readings. */
export type PlantOptions = {
  readonly seed: number;
  readonly plants: number;
  readonly linesPerPlant: number;
  readonly machinesPerLine: number;
  /** One of each metric in turn. */
  readonly sensorsPerMachine: number;
  /** The time between two readings of most sensors. */
  readonly tickMs: number;
  readonly startMs: number;
  readonly ticks: number;
  /** The share of sensors that have one fault. */
  readonly faultRate: number;
  readonly outages: readonly Outage[];
  /** What is disturbed, as shares of the readings. */
  readonly rates: PlantRates;
};

/** Shares of the readings that arrive otherwise than as they should, and of the sensors whose clock is wrong. */
export type PlantRates = {
  /** Up to 8 seconds behind their neighbours: out of order, on time. */
  readonly jitter: number;
  /** Up to 2 minutes behind. */
  readonly late: number;
  /** Sent again. */
  readonly duplicate: number;
  /** Sent again with another value. */
  readonly conflict: number;
  /** A further reading from an hour ahead. */
  readonly future: number;
  /** Clocks up to 5 seconds wrong. */
  readonly skew: number;
};

/** A plant, or one line of it, whose readings are kept back for a while and then sent. */
export type Outage = {
  readonly plant: number;
  /** Null for the whole plant. */
  readonly line: number | null;
  readonly fromTick: number;
  /** The first tick after it. */
  readonly toTick: number;
  /** Whether what is new goes out beside the backlog at once, or only after it. */
  readonly order: 'liveFirst' | 'backlogFirst';
  /** How many ticks of backlog go out in one tick. */
  readonly catchUpTicks: number;
};

/** A sensor of the made-up world. */
export type PlantSensor = {
  readonly device: Device;
  readonly plant: number;
  readonly line: number;
  readonly shape: MetricShape;
  /** Makes sensors of a metric differ. */
  readonly factor: number;
  /** When within its tick it measures. */
  readonly phaseMs: number;
  readonly skewMs: number;
  /** It measures in every so-manieth tick. */
  readonly everyTicks: number;
  readonly faults: readonly PlantFault[];
};

/** The sensors, in the order in which they measure within a tick. */
export type PlantWorld = { readonly options: PlantOptions; readonly sensors: readonly PlantSensor[] };

/** What a metric looks like: a level, a day, a machine's cycle, noise; and its entry in the registry. */
export type MetricShape = Pick<Device, 'metric' | 'unit' | 'rangeMin' | 'rangeMax' | 'deadband'> & {
  readonly level: number;
  readonly daily: number;
  readonly cyclic: number;
  readonly noise: number;
  readonly alarmHigh: number;
  readonly alarmLow?: number;
  readonly everyTicks: number;
  /** What a device set up wrongly sends, and how its values come out of the right ones. */
  readonly otherUnit: { readonly unit: string; readonly times: number; readonly plus: number };
};

/** No disturbance. */
export const quietRates: PlantRates = { jitter: 0, late: 0, duplicate: 0, conflict: 0, future: 0, skew: 0 };

/** A little of everything. */
export const plantRates: PlantRates = {
  jitter: 0.01,
  late: 0.002,
  duplicate: 0.001,
  conflict: 0.0002,
  future: 0.0002,
  skew: 0.02,
};

/** Makes the sensors, with their places in the registry and their faults. */
export function createPlants(options: PlantOptions): PlantWorld {
  const { plants, linesPerPlant, machinesPerLine, sensorsPerMachine } = options;
  const sensors: PlantSensor[] = [];
  for (let plant = 0; plant < plants; plant++) {
    for (let line = 0; line < linesPerPlant; line++) {
      for (let machine = 0; machine < machinesPerLine; machine++) {
        for (let index = 0; index < sensorsPerMachine; index++) {
          sensors.push(createSensor(options, { plant, line, machine, index }));
        }
      }
    }
  }
  return { options, sensors: sensors.toSorted((left, right) => left.phaseMs - right.phaseMs) };
}

const metrics: readonly MetricShape[] = [
  {
    metric: 'temperature',
    unit: 'degC',
    rangeMin: -50,
    rangeMax: 250,
    alarmHigh: 90,
    alarmLow: 20,
    deadband: 0.05,
    level: 55,
    daily: 4,
    cyclic: 6,
    noise: 1,
    everyTicks: 1,
    otherUnit: { unit: 'degF', times: 1.8, plus: 32 },
  },
  {
    metric: 'pressure',
    unit: 'bar',
    rangeMin: 0,
    rangeMax: 16,
    alarmHigh: 8.5,
    alarmLow: 3,
    deadband: 0.005,
    level: 6,
    daily: 0.2,
    cyclic: 0.5,
    noise: 0.1,
    everyTicks: 1,
    otherUnit: { unit: 'kPa', times: 100, plus: 0 },
  },
  {
    metric: 'vibration',
    unit: 'mm/s',
    rangeMin: 0,
    rangeMax: 50,
    alarmHigh: 7.1,
    deadband: 0.01,
    level: 2.8,
    daily: 0.1,
    cyclic: 0.8,
    noise: 0.4,
    everyTicks: 1,
    otherUnit: { unit: 'g', times: 0.1, plus: 0 },
  },
  {
    metric: 'flow',
    unit: 'm3/h',
    rangeMin: 0,
    rangeMax: 120,
    alarmHigh: 70,
    alarmLow: 10,
    deadband: 0.05,
    level: 40,
    daily: 2,
    cyclic: 5,
    noise: 2,
    everyTicks: 2,
    otherUnit: { unit: 'm3/s', times: 1 / 3600, plus: 0 },
  },
  {
    metric: 'power',
    unit: 'kW',
    rangeMin: 0,
    rangeMax: 250,
    alarmHigh: 140,
    deadband: 0.1,
    level: 75,
    daily: 6,
    cyclic: 12,
    noise: 3,
    everyTicks: 5,
    otherUnit: { unit: 'W', times: 1000, plus: 0 },
  },
];

type Place = { readonly plant: number; readonly line: number; readonly machine: number; readonly index: number };

function createSensor(options: PlantOptions, place: Place): PlantSensor {
  const { plant, line, machine, index } = place;
  const { seed, tickMs, faultRate, rates } = options;
  const random = openStream({ seed, name: 'sensor', indexes: [plant, line, machine, index] });
  const shape = metrics[index % metrics.length]!;
  const device = deviceOf(shape, place, tickMs);
  return {
    device,
    plant,
    line,
    shape,
    factor: uniform(random, { from: 0.95, to: 1.05 }),
    phaseMs: wholeBelow(random, tickMs),
    skewMs: chance(random, rates.skew) ? wholeBelow(random, 10_001) - 5000 : 0,
    everyTicks: shape.everyTicks,
    faults: chance(random, faultRate) ? planFaults(random, { device, options, everyTicks: shape.everyTicks }) : [],
  };
}

function deviceOf(shape: MetricShape, { plant, line, machine, index }: Place, tickMs: number): Device {
  const { metric, unit, rangeMin, rangeMax, deadband, alarmHigh, alarmLow, everyTicks } = shape;
  const expectedIntervalMs = tickMs * everyTicks;
  return {
    tenantId: 'works',
    plant: `plant-${plant + 1}`,
    line: `line-${line + 1}`,
    machine: `machine-${machine + 1}`,
    sensor: `${metric}-${index + 1}`,
    metric,
    unit,
    rangeMin,
    rangeMax,
    expectedIntervalMs,
    deadband,
    stuckAfterMs: 30 * expectedIntervalMs,
    ...(alarmLow === undefined ? {} : { alarmLow }),
    alarmHigh,
    refractoryMs: 600_000,
  };
}
