import type { Device } from '../contract/device.ts';
import { type Reading, readingContract } from '../contract/reading.ts';
import type { LogRecord } from '../engine/record.ts';
import { cover, mayHold } from './coverage.ts';
import { readingBodyOf, readingKeyOf } from './reading-key.ts';
import type { PlantState, SensorState } from './telemetry-state.ts';

/** How a reading stands to what came before it. */
export type ReadingAdmission =
  | { readonly kind: 'future'; readonly aheadMs: number }
  | { readonly kind: 'tooLate'; readonly watermarkMs: number; readonly lateByMs: number }
  | { readonly kind: 'onTime' }
  | { readonly kind: 'late' }
  | { readonly kind: 'duplicate' | 'conflict' };

/** A reading, its sensor and its plant. `known` is the body that the shell found of its identity. */
export type ReadingCandidate = {
  readonly reading: Reading;
  readonly record: LogRecord;
  readonly sensor: SensorState;
  readonly plant: PlantState;
  readonly known: string | undefined;
};

/** True when the shell has to be asked whether the reading came before: it lies where its sensor has sent. */
export function needsLookUp({ coverage }: Pick<SensorState, 'coverage'>, eventTimeMs: number): boolean {
  return mayHold(coverage, eventTimeMs);
}

/** Judges a reading, in this order: future, too late, duplicate or conflict, late. Changes nothing. */
export function admitReading(candidate: ReadingCandidate): ReadingAdmission {
  const { reading, record, sensor, plant, known } = candidate;
  const { eventTimeMs } = reading;
  const aheadMs = eventTimeMs - record.ingestTimeMs;
  if (aheadMs > readingContract.maxFutureMs) return { kind: 'future', aheadMs };
  const { watermarkMs } = plant;
  if (eventTimeMs <= watermarkMs - readingContract.allowedLatenessMs) {
    return { kind: 'tooLate', watermarkMs, lateByMs: watermarkMs - eventTimeMs };
  }
  if (needsLookUp(sensor, eventTimeMs)) {
    const body = plant.remembered.get(readingKeyOf(reading))?.body ?? known;
    if (body !== undefined) return { kind: body === readingBodyOf(reading) ? 'duplicate' : 'conflict' };
  }
  return { kind: eventTimeMs > watermarkMs ? 'onTime' : 'late' };
}

/** The sensor has sent an accepted reading. */
export function noteReading(
  sensor: SensorState,
  device: Device,
  at: { readonly eventTimeMs: number; readonly watermarkMs: number },
): void {
  const { eventTimeMs: timeMs, watermarkMs } = at;
  const { expectedIntervalMs } = device;
  cover(sensor.coverage, { timeMs, expectedIntervalMs, tooLateMs: watermarkMs - readingContract.allowedLatenessMs });
  sensor.newestMs = Math.max(sensor.newestMs, timeMs);
}
