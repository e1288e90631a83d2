import type { Device } from '../contract/device.ts';
import type { Measurement } from '../contract/measurement.ts';
import { addTimer, popDue } from '../engine/timers.ts';
import { noWatermarkMs } from '../engine/watermark.ts';
import { causeOfReading, causeOfSilence, causeOfStuck, type AlarmFacts, type PastValue, sensorAlarm } from './alarm.ts';
import { begin, type AlarmSink, end, type Episode } from './episodes.ts';
import type { PlantState, SensorState, TelemetryState } from './telemetry-state.ts';

/** How many of a sensor's last live values an alarm shows. */
const valuesShown = 16;

/** After how many expected intervals without a reading a sensor is silent, and a run of values broken. */
const silentIntervals = 2;

/** A live reading: on time, fresh, and newer than all of its sensor. */
export type Live = {
  readonly sink: AlarmSink;
  readonly device: Device;
  readonly sensor: SensorState;
  readonly measurement: Measurement;
};

/**
 * Takes a live reading. What a learned detector would judge is here as well: a good value of one sensor, with a state of
 * its own beside the others', and episodes of its own kind.
 */
export function takeLive(live: Live): void {
  const { sink, sensor, measurement } = live;
  const { verdict, eventTimeMs, value } = measurement;
  end(sink, sensor.silent, eventTimeMs);
  if (verdict !== 'good' && verdict !== 'outOfRange') return;
  sensor.values.push({ eventTimeMs, value });
  if (sensor.values.length > valuesShown) sensor.values.shift();
  if (verdict === 'outOfRange') return raiseAt(live, 'range');
  end(sink, sensor.range, eventTimeMs);
  checkLimits(live);
  checkStuck(live);
}

/** Watches over the silence of a sensor that has spoken. */
export function watchSilence(
  plant: PlantState,
  sensor: SensorState,
  watched: { readonly row: number; readonly device: Device },
): void {
  if (sensor.isTimed) return;
  sensor.isTimed = true;
  const { row, device } = watched;
  addTimer(plant.silence, { timeMs: silentAtMs(plant, sensor, device), offset: row, value: row });
}

/** The alarm watermark of a plant moved: finds the sensors that have not spoken for too long. */
export function findSilent(
  sink: AlarmSink,
  state: TelemetryState,
  { plant, devices }: { readonly plant: PlantState; readonly devices: readonly Device[] },
): void {
  const clockMs = plant.alarmWatermarkMs;
  if (clockMs === noWatermarkMs) return;
  for (let row = popDue(plant.silence, clockMs); row !== undefined; row = popDue(plant.silence, clockMs)) {
    const sensor = state.sensors[row]!;
    const device = devices[row]!;
    const nextMs = judgeSilence({ sink, plant, sensor, device });
    sensor.isTimed = nextMs !== null;
    if (nextMs !== null) addTimer(plant.silence, { timeMs: nextMs, offset: row, value: row });
  }
}

/** Gives when to look again, null once it is reported. */
function judgeSilence(judged: {
  readonly sink: AlarmSink;
  readonly plant: PlantState;
  readonly sensor: SensorState;
  readonly device: Device;
}): number | null {
  const { sink, plant, sensor, device } = judged;
  const holdsSinceMs = silentAtMs(plant, sensor, device);
  if (holdsSinceMs > plant.alarmWatermarkMs) return holdsSinceMs;
  const baseMs = heardAtMs(plant, sensor);
  return begin(sink, sensor.silent, {
    startedAtMs: baseMs,
    clockMs: plant.alarmWatermarkMs,
    holdsSinceMs,
    refractoryMs: device.refractoryMs,
    alarmOf: (times) => {
      return sensorAlarm(device, {
        kind: 'silent',
        ...times,
        cause: causeOfSilence(device, times.startedAtMs),
        values: [...sensor.values],
      });
    },
  });
}

function silentAtMs(plant: PlantState, sensor: SensorState, { expectedIntervalMs }: Device): number {
  return heardAtMs(plant, sensor) + silentIntervals * expectedIntervalMs;
}

/** A plant that was away as a whole, or is new, is given time from its return on. */
function heardAtMs(plant: PlantState, sensor: SensorState): number {
  return Math.max(sensor.newestMs, plant.silentFromMs);
}

/** An alarm ends only once the value is back by more than the deadband, so that noise at the limit raises one. */
function checkLimits(live: Live): void {
  const { sink, device, sensor, measurement } = live;
  const { alarmHigh, alarmLow, deadband } = device;
  const { value, eventTimeMs } = measurement;
  if (alarmHigh !== undefined) {
    if (value > alarmHigh) raiseAt(live, 'high');
    else if (value <= alarmHigh - deadband) end(sink, sensor.high, eventTimeMs);
  }
  if (alarmLow !== undefined) {
    if (value < alarmLow) raiseAt(live, 'low');
    else if (value >= alarmLow + deadband) end(sink, sensor.low, eventTimeMs);
  }
}

function raiseAt(live: Live, kind: 'high' | 'low' | 'range'): void {
  const { device, sensor, measurement } = live;
  const { eventTimeMs, value } = measurement;
  raise(live, sensor[kind], { kind, startedAtMs: eventTimeMs, cause: causeOfReading(device, kind, value) });
}

/** A run of values within the deadband of its first, the anchor; a pause breaks it, for a silent sensor is not stuck. */
function checkStuck(live: Live): void {
  const { sink, device, sensor, measurement } = live;
  const { deadband, expectedIntervalMs, stuckAfterMs } = device;
  const { eventTimeMs, value } = measurement;
  if (stuckAfterMs === undefined) return;
  const run = sensor.run;
  const pausedMs = run === null ? 0 : eventTimeMs - run.lastMs;
  if (
    run === null ||
    Math.abs(value - run.anchor.value) > deadband ||
    pausedMs > silentIntervals * expectedIntervalMs
  ) {
    sensor.run = { anchor: { eventTimeMs, value }, lastMs: eventTimeMs };
    end(sink, sensor.stuck, eventTimeMs);
    return;
  }
  run.lastMs = eventTimeMs;
  if (eventTimeMs - run.anchor.eventTimeMs < stuckAfterMs) return;
  raiseStuck(live, run.anchor);
}

function raiseStuck(live: Live, anchor: PastValue): void {
  raise(live, live.sensor.stuck, {
    kind: 'stuck',
    startedAtMs: anchor.eventTimeMs,
    cause: causeOfStuck(live.device, anchor),
  });
}

type Raised = Pick<AlarmFacts, 'kind' | 'startedAtMs' | 'cause'>;

function raise({ sink, device, sensor, measurement }: Live, episode: Episode, raised: Raised): void {
  const { eventTimeMs } = measurement;
  begin(sink, episode, {
    startedAtMs: raised.startedAtMs,
    clockMs: eventTimeMs,
    holdsSinceMs: eventTimeMs,
    refractoryMs: device.refractoryMs,
    alarmOf: (times) => sensorAlarm(device, { ...raised, ...times, values: [...sensor.values] }),
  });
}
