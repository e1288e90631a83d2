import { readingContract } from '../contract/reading.ts';
import { endWatermarkMs } from '../engine/watermark.ts';
import { causeOfOffline, plantAlarm } from './alarm.ts';
import { begin, type AlarmSink, end } from './episodes.ts';
import type { DeviceRegistry, Plant } from './registry.ts';
import type { PlantState, TelemetryState } from './telemetry-state.ts';

/** A record was taken at this time. After a pause in which nobody was heard, every plant is given time from its end on. */
export function advanceIngestClock(state: TelemetryState, registry: DeviceRegistry, ingestTimeMs: number): void {
  if (ingestTimeMs <= state.ingestClockMs) return;
  if (ingestTimeMs - state.ingestClockMs > gapMsOf(registry)) state.offlineFromMs = ingestTimeMs;
  state.ingestClockMs = ingestTimeMs;
}

/** A plant has sent an accepted reading: it is not offline. */
export function notePlant(sink: AlarmSink, plant: PlantState, ingestTimeMs: number): void {
  plant.lastIngestMs = Math.max(plant.lastIngestMs, ingestTimeMs);
  end(sink, plant.offline, ingestTimeMs);
}

/**
 * Moves the watermark of a plant by an accepted reading, no further than the time at which it was taken: a clock that is
 * ahead makes nobody else late. The alarm watermark moves by fresh readings only, so a backlog finds nobody silent.
 */
export function advancePlant(
  plant: PlantState,
  known: Plant,
  reading: { readonly eventTimeMs: number; readonly ingestTimeMs: number; readonly isFresh: boolean },
): void {
  const timeMs = Math.min(reading.eventTimeMs, reading.ingestTimeMs);
  const watermarkMs = timeMs - readingContract.outOfOrdernessMs;
  plant.watermarkMs = Math.max(plant.watermarkMs, watermarkMs);
  if (!reading.isFresh || watermarkMs <= plant.alarmWatermarkMs) return;
  if (watermarkMs - plant.alarmWatermarkMs > gapMsOf(known)) plant.silentFromMs = timeMs;
  plant.alarmWatermarkMs = watermarkMs;
}

/** The end of a bounded input: every pane ends, and no alarm is raised. */
export function endPlants(state: TelemetryState): void {
  for (const plant of state.plants) plant.watermarkMs = endWatermarkMs;
}

/** Finds the plants of which nothing has come for too long. */
export function findOffline(sink: AlarmSink, state: TelemetryState, registry: DeviceRegistry): void {
  for (const [place, known] of registry.plants.entries()) {
    const plant = state.plants[place]!;
    const startedAtMs = Math.max(plant.lastIngestMs, state.offlineFromMs);
    const holdsSinceMs = startedAtMs + gapMsOf(known);
    if (holdsSinceMs > state.ingestClockMs) continue;
    begin(sink, plant.offline, {
      startedAtMs,
      clockMs: state.ingestClockMs,
      holdsSinceMs,
      refractoryMs: known.refractoryMsMax,
      alarmOf: (times) =>
        plantAlarm(known, { kind: 'offline', ...times, cause: causeOfOffline(known, times.startedAtMs), values: [] }),
    });
  }
}

/** How long a plant, or all of them, may be quiet as a whole. */
function gapMsOf({ expectedIntervalMsMin }: Pick<Plant, 'expectedIntervalMsMin'>): number {
  return Math.max(readingContract.idleMs, 2 * expectedIntervalMsMin);
}
