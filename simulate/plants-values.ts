import { faultAt } from './plants-faults.ts';
import type { PlantSensor, PlantWorld } from './plants-world.ts';

/** What one sensor measures in one tick: a function of the world, the sensor and the tick alone, so nothing is kept. */
export type Measured = {
  eventTimeMs: number;
  /** In thousandths of the unit. */
  valueThousandths: number;
  quality: 'GOOD' | 'BAD' | 'UNCERTAIN';
  unit: string;
};

/** A value to measure into, to be used again and again. */
export function createMeasured(): Measured {
  return { eventTimeMs: 0, valueThousandths: 0, quality: 'GOOD', unit: '' };
}

/** Measures; false where the sensor says nothing in that tick. Positional, for it runs for every reading. */
export function measure(world: PlantWorld, into: Measured, sensorIndex: number, tick: number): boolean {
  const sensor = world.sensors[sensorIndex]!;
  if (tick % sensor.everyTicks !== 0) return false;
  const fault = sensor.faults.length === 0 ? null : faultAt(sensor.faults, tick);
  if (fault?.kind === 'silent') return false;
  const { options } = world;
  into.eventTimeMs = options.startMs + tick * options.tickMs + sensor.phaseMs + sensor.skewMs;
  into.quality = 'GOOD';
  into.unit = sensor.shape.unit;
  const valueTick = fault?.kind === 'stuck' ? fault.fromTick : tick;
  let value = healthyValue(world, sensor, { sensorIndex, tick: valueTick });
  if (fault !== null) {
    const { shape } = sensor;
    if (fault.kind === 'spike') value = shape.alarmHigh + 0.2 * Math.abs(value);
    if (fault.kind === 'drift') {
      const share = (tick - fault.fromTick) / (fault.toTick - fault.fromTick);
      value += share * 1.5 * (shape.alarmHigh - shape.level);
    }
    if (fault.kind === 'outOfRange') value = shape.rangeMax + 1 + 0.1 * Math.abs(value);
    if (fault.kind === 'badQuality') into.quality = 'BAD';
    if (fault.kind === 'unitError') {
      into.unit = shape.otherUnit.unit;
      value = value * shape.otherUnit.times + shape.otherUnit.plus;
    }
  }
  into.valueThousandths = Math.round(value * 1000) + 0;
  return true;
}

function healthyValue(
  { options }: PlantWorld,
  { shape, factor, phaseMs }: PlantSensor,
  at: { readonly sensorIndex: number; readonly tick: number },
): number {
  const timeMs = options.startMs + at.tick * options.tickMs;
  const dayTurn = (timeMs % dayMs) / dayMs;
  const cycleTurn = ((timeMs + phaseMs * 997) % cycleMs) / cycleMs;
  const noise = draw(options.seed, at.sensorIndex, at.tick) + draw(options.seed + 1, at.sensorIndex, at.tick) - 1;
  return shape.level * factor + shape.daily * wave(dayTurn) + shape.cyclic * wave(cycleTurn) + shape.noise * noise;
}

const dayMs = 86_400_000;
const cycleMs = 15 * 60_000;

/** Near enough to a sine over a turn in [0, 1), by two parabolas: the same to the last digit on any machine. */
function wave(turn: number): number {
  const half = turn < 0.5 ? turn : turn - 0.5;
  const arc = 16 * half * (0.5 - half);
  return turn < 0.5 ? arc : -arc;
}

/**
 * A number in [0, 1) of three whole numbers, the same for the same ones: the finisher of MurmurHash3
 * (https://github.com/aappleby/smhasher), twice. Positional, for it runs several times a reading.
 */
export function draw(seed: number, index: number, tick: number): number {
  let word = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35);
  word = finish(word) ^ tick;
  return (finish(word) >>> 0) / 2 ** 32;
}

function finish(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
