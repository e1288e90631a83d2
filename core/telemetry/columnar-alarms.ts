import type { Device } from '../contract/device.ts';
import { readingContract } from '../contract/reading.ts';
import { verdicts } from '../contract/measurement.ts';
import { popDueTimer, pushTimer } from '../engine/timer-queue.ts';
import { addTimer, createTimers } from '../engine/timers.ts';
import { findSilent, takeLive } from './alarms.ts';
import {
  type ColumnarTelemetryState,
  sensorFlag,
  sensorNumber,
  sensorNumbers,
  sensorStateOf,
  sensorWord,
  sensorWords,
  valuesKept,
} from './columnar-state.ts';
import type { AlarmSink } from './episodes.ts';
import { findOffline, notePlant } from './plant-time.ts';
import type { DeviceRegistry } from './registry.ts';
import type { SensorState } from './telemetry-state.ts';
import type { Measurement } from '../contract/measurement.ts';

const good = verdicts.indexOf('good');
const outOfRange = verdicts.indexOf('outOfRange');

/** After how many expected intervals a sensor is silent, and a run of values broken, as in `alarms.ts`. */
const silentIntervals = 2;

/** A live reading in columns. */
export type LiveRow = {
  readonly sink: AlarmSink;
  readonly registry: DeviceRegistry;
  readonly sensor: number;
  readonly verdict: number;
  readonly eventTimeMs: number;
  readonly value: number;
};

/**
 * Takes a live reading as `takeLive` does. Where no episode goes on, none begins and none could end, what it changes are the
 * sensor's columns alone; all else is left to the readable rules.
 */
export function takeLiveRow(state: ColumnarTelemetryState, live: LiveRow): void {
  const { sensor, verdict, eventTimeMs, value } = live;
  const { words } = state.sensors;
  const at = sensor * sensorWords;
  const isRare = (words[at]! & sensorFlag.rare) !== 0;
  if (!isRare && verdict !== good && verdict !== outOfRange) return;
  const device = live.registry.devices[sensor]!;
  if (isRare || verdict === outOfRange || mayBegin(state, device, sensor, eventTimeMs, value)) {
    takeRare(state, live, device);
    return;
  }
  keepValue(state, sensor, eventTimeMs, value);
  if (device.stuckAfterMs !== undefined) keepRun(state, device, sensor, eventTimeMs, value);
}

/** Whether a limit is passed, or a run of values has become too long. */
function mayBegin(
  { sensors }: ColumnarTelemetryState,
  { alarmHigh, alarmLow, stuckAfterMs }: Device,
  sensor: number,
  eventTimeMs: number,
  value: number,
): boolean {
  if (alarmHigh !== undefined && value > alarmHigh) return true;
  if (alarmLow !== undefined && value < alarmLow) return true;
  if (stuckAfterMs === undefined || (sensors.words[sensor * sensorWords]! & sensorFlag.running) === 0) return false;
  return eventTimeMs - sensors.numbers[sensor * sensorNumbers + sensorNumber.anchorMs]! >= stuckAfterMs;
}

function keepValue({ sensors }: ColumnarTelemetryState, sensor: number, eventTimeMs: number, value: number): void {
  const count = sensors.words[sensor * sensorWords + sensorWord.values]!;
  const at = sensor * sensorNumbers + sensorNumber.values + (count % valuesKept) * 2;
  sensors.numbers[at] = eventTimeMs;
  sensors.numbers[at + 1] = value;
  // Kept below 32 bits; only its rest and whether the ring is full matter.
  sensors.words[sensor * sensorWords + sensorWord.values] = count === valuesKept * 2 - 1 ? valuesKept : count + 1;
}

function keepRun(
  { sensors }: ColumnarTelemetryState,
  { deadband, expectedIntervalMs }: Device,
  sensor: number,
  eventTimeMs: number,
  value: number,
): void {
  const { numbers, words } = sensors;
  const at = sensor * sensorNumbers;
  const flags = words[sensor * sensorWords]!;
  const isBroken =
    (flags & sensorFlag.running) === 0 ||
    Math.abs(value - numbers[at + sensorNumber.anchorValue]!) > deadband ||
    eventTimeMs - numbers[at + sensorNumber.runMs]! > silentIntervals * expectedIntervalMs;
  numbers[at + sensorNumber.runMs] = eventTimeMs;
  if (!isBroken) return;
  words[sensor * sensorWords] = flags | sensorFlag.running;
  numbers[at + sensorNumber.anchorMs] = eventTimeMs;
  numbers[at + sensorNumber.anchorValue] = value;
}

function takeRare(state: ColumnarTelemetryState, live: LiveRow, device: Device): void {
  const { sink, sensor: row, verdict, eventTimeMs, value } = live;
  const sensor = sensorStateOf(state, row);
  const measurement: Measurement = {
    ...device,
    readingId: '',
    eventTimeMs,
    value,
    verdict: verdicts[verdict]!,
    isConverted: false,
  };
  takeLive({ sink, device, sensor, measurement });
  if (verdict === good || verdict === outOfRange) keepValue(state, row, eventTimeMs, value);
  writeRun(state, row, sensor);
  keepRare(state, row, sensor);
}

function writeRun({ sensors }: ColumnarTelemetryState, row: number, { run }: SensorState): void {
  if (run === null) return;
  const at = row * sensorNumbers;
  sensors.words[row * sensorWords]! |= sensorFlag.running;
  sensors.numbers[at + sensorNumber.anchorMs] = run.anchor.eventTimeMs;
  sensors.numbers[at + sensorNumber.anchorValue] = run.anchor.value;
  sensors.numbers[at + sensorNumber.runMs] = run.lastMs;
}

/** A sensor that no episode goes on of, and whose refractory periods can be told by its objects, is not rare. */
function keepRare(state: ColumnarTelemetryState, row: number, sensor: SensorState): void {
  const episodes = [sensor.high, sensor.low, sensor.range, sensor.stuck, sensor.silent];
  const isOpen = episodes.some(({ startedAtMs }) => startedAtMs !== null);
  const wasRaised = episodes.some(({ lastRaisedAtMs }) => lastRaisedAtMs !== Number.NEGATIVE_INFINITY);
  const { words } = state.sensors;
  if (isOpen) words[row * sensorWords]! |= sensorFlag.rare;
  else words[row * sensorWords]! &= ~sensorFlag.rare;
  const { sensors } = state.rare;
  if (!isMutable(sensors)) throw new Error('got sensors that cannot be kept');
  if (isOpen || wasRaised) sensors[row] = { ...sensor, values: [], run: null };
}

function isMutable(sensors: readonly SensorState[]): sensors is SensorState[] {
  return Array.isArray(sensors);
}

/** A live reading came: its sensor's silence is watched over. */
export function watchSilentRow(state: ColumnarTelemetryState, registry: DeviceRegistry, sensor: number): void {
  const { numbers, words } = state.sensors;
  const at = sensor * sensorWords;
  if ((words[at]! & sensorFlag.timed) !== 0) return;
  words[at]! |= sensorFlag.timed;
  const place = registry.plantOfRow[sensor]!;
  const newestMs = numbers[sensor * sensorNumbers + sensorNumber.newestMs]!;
  const heardMs = Math.max(newestMs, state.rare.plants[place]!.silentFromMs);
  const dueMs = heardMs + silentIntervals * registry.devices[sensor]!.expectedIntervalMs;
  pushTimer(state.silence[place]!, dueMs, sensor, sensor);
}

/** The alarm watermark of a plant moved: looks again at sensors that may have been silent for too long. */
export function findSilentRows(
  state: ColumnarTelemetryState,
  sink: AlarmSink,
  { registry, place }: { readonly registry: DeviceRegistry; readonly place: number },
): void {
  const plant = state.rare.plants[place]!;
  const queue = state.silence[place]!;
  const { numbers, words } = state.sensors;
  const clockMs = plant.alarmWatermarkMs;
  for (let row = popDueTimer(queue, clockMs); row >= 0; row = popDueTimer(queue, clockMs)) {
    const newestMs = numbers[row * sensorNumbers + sensorNumber.newestMs]!;
    const heardMs = Math.max(newestMs, plant.silentFromMs);
    const dueMs = heardMs + silentIntervals * registry.devices[row]!.expectedIntervalMs;
    const nextMs = dueMs > clockMs ? dueMs : judgeSilent(state, sink, { registry, place, row });
    if (nextMs === null) words[row * sensorWords]! &= ~sensorFlag.timed;
    else pushTimer(queue, nextMs, row, row);
  }
}

/** Asks the readable rules of one sensor; gives when to look again. */
function judgeSilent(
  state: ColumnarTelemetryState,
  sink: AlarmSink,
  { registry, place, row }: { readonly registry: DeviceRegistry; readonly place: number; readonly row: number },
): number | null {
  const plant = state.rare.plants[place]!;
  const sensor = sensorStateOf(state, row);
  const silence = createTimers<number>();
  addTimer(silence, { timeMs: plant.alarmWatermarkMs, offset: row, value: row });
  const sensors: SensorState[] = [];
  sensors[row] = sensor;
  findSilent(sink, { ...state.rare, sensors }, { plant: { ...plant, silence }, devices: registry.devices });
  keepRare(state, row, sensor);
  return sensor.isTimed ? (silence.heap[0]?.timeMs ?? null) : null;
}

/** A plant has sent an accepted reading. */
export function notePlantRow(
  state: ColumnarTelemetryState,
  sink: AlarmSink,
  heard: { readonly place: number; readonly ingestTimeMs: number },
): void {
  const plant = state.rare.plants[heard.place]!;
  // The plants that are offline already are left out of `offlineAtMs`.
  if (plant.offline.startedAtMs !== null) state.offlineAtMs = Number.NEGATIVE_INFINITY;
  notePlant(sink, plant, heard.ingestTimeMs);
}

/** Looks for plants of which nothing has come for too long, where there may be one. */
export function findOfflinePlants(state: ColumnarTelemetryState, sink: AlarmSink, registry: DeviceRegistry): void {
  const { rare } = state;
  if (rare.ingestClockMs < state.offlineAtMs) return;
  findOffline(sink, rare, registry);
  let nextMs = Number.POSITIVE_INFINITY;
  for (const [place, { expectedIntervalMsMin, refractoryMsMax }] of registry.plants.entries()) {
    const { lastIngestMs, offline } = rare.plants[place]!;
    if (offline.alarm !== null) continue;
    const gapMs = Math.max(readingContract.idleMs, 2 * expectedIntervalMsMin);
    const holdsMs = Math.max(lastIngestMs, rare.offlineFromMs) + gapMs;
    const dueMs = Math.max(holdsMs, offline.lastRaisedAtMs + refractoryMsMax);
    if (dueMs < nextMs) nextMs = dueMs;
  }
  state.offlineAtMs = nextMs;
}
