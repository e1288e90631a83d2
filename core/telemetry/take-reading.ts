import { measurementContract } from '../contract/measurement.ts';
import { readingContract } from '../contract/reading.ts';
import type { Refusal } from '../decode/refusal.ts';
import type { FlowEvent } from '../engine/operator.ts';
import type { LogRecord } from '../engine/record.ts';
import { countUp } from '../sinks/effects.ts';
import { conflict, future } from '../steps/set-aside.ts';
import { noteReading, type ReadingAdmission } from './admit-reading.ts';
import { takeLive, watchSilence } from './alarms.ts';
import type { ReadingArrival } from './arrive-reading.ts';
import { judge } from './judge.ts';
import { advancePlant, notePlant } from './plant-time.ts';
import { readingBodyOf, readingKeyOf } from './reading-key.ts';
import type { TelemetryEffects } from './telemetry-effects.ts';
import type { PlantState, SensorState, Telemetry, TelemetryState } from './telemetry-state.ts';
import { takeIntoTiers } from './tiers.ts';

type KnownReading = Extract<ReadingArrival, { kind: 'reading' }>;
type Kept = Extract<ReadingAdmission, { kind: 'onTime' | 'late' }>;

/** Sends a record to the dead letters, with its original bytes. */
export function refuseRecord(effects: TelemetryEffects, record: LogRecord, refusal: Refusal): void {
  const { topic, partition, offset, ingestTimeMs, bytes } = record;
  effects.deadLetters.push({ topic, partition, offset, ingestTimeMs, refusal, bytes });
  countUp(effects.counts, `deadLetters.${refusal.code}`);
}

/** Readings that do not enter the state: a copy is counted, a conflict or the future refused, too late is kept whole. */
export function setReadingAside(
  effects: TelemetryEffects,
  { record, reading }: KnownReading,
  admission: Exclude<ReadingAdmission, Kept>,
): void {
  switch (admission.kind) {
    case 'duplicate':
      return countUp(effects.counts, 'duplicates');
    case 'conflict':
      return refuseRecord(effects, record, conflict);
    case 'future':
      return refuseRecord(effects, record, future(admission.aheadMs, readingContract.maxFutureMs));
    case 'tooLate': {
      const { partition, offset, ingestTimeMs } = record;
      const isEnded = admission.watermarkMs === Number.POSITIVE_INFINITY;
      const lateByMs = isEnded ? null : admission.lateByMs;
      const watermarkMs = isEnded ? null : admission.watermarkMs;
      const place = { partition, offset, ingestTimeMs };
      effects.lateEvents.push({ reading, ...place, reason: 'tooLate', lateByMs, watermarkMs });
      return countUp(effects.counts, 'tooLate');
    }
  }
}

/** Takes an accepted reading: its verdict, its tiers, its alarms where it is live, then the plant's time. */
export function takeReading(taken: {
  readonly telemetry: Telemetry;
  readonly state: TelemetryState;
  readonly arrival: KnownReading;
  readonly admission: Kept;
  readonly effects: TelemetryEffects;
}): void {
  const { telemetry, state, arrival, admission, effects } = taken;
  const { record, reading, row } = arrival;
  const { sensor, plant, device, known } = placeOf(telemetry, state, row);
  const measurement = judge(device, reading);
  const { ingestTimeMs, partition, offset } = record;
  const isLate = admission.kind === 'late';
  effects.readings.push({ measurement, partition, offset, ingestTimeMs, isLate });
  countAccepted(effects, { verdict: measurement.verdict, isConverted: measurement.isConverted, isLate });
  takeIntoTiers(plant.tiers, tierEvent(record, measurement, admission.kind), (row) => effects.tierRows.push(row));
  const { eventTimeMs } = reading;
  const isFresh = ingestTimeMs - eventTimeMs <= telemetry.freshnessMs;
  const isLive = isFresh && !isLate && eventTimeMs > sensor.newestMs;
  notePlant(effects, plant, ingestTimeMs);
  if (isLive) takeLive({ sink: effects, device, sensor, measurement });
  noteReading(sensor, device, { eventTimeMs, watermarkMs: plant.watermarkMs });
  if (isLive) watchSilence(plant, sensor, { row, device });
  remember(plant, arrival, effects);
  advancePlant(plant, known, { eventTimeMs, ingestTimeMs, isFresh });
}

function placeOf({ registry }: Telemetry, state: TelemetryState, row: number) {
  const place = registry.plantOfRow[row] ?? -1;
  const plant: PlantState | undefined = state.plants[place];
  const sensor: SensorState | undefined = state.sensors[row];
  const device = registry.devices[row];
  const known = registry.plants[place];
  if (plant === undefined || sensor === undefined || device === undefined || known === undefined) {
    throw new Error(`got row ${row}, expected one of ${registry.devices.length} devices`);
  }
  return { plant, sensor, device, known };
}

function countAccepted(
  { counts }: TelemetryEffects,
  is: { readonly verdict: string; readonly isConverted: boolean; readonly isLate: boolean },
): void {
  countUp(counts, 'accepted');
  countUp(counts, `verdict.${is.verdict}`);
  if (is.isConverted) countUp(counts, 'converted');
  if (is.isLate) countUp(counts, 'late');
}

function tierEvent(record: LogRecord, measurement: FlowEvent['event'], lateness: FlowEvent['lateness']): FlowEvent {
  const { tenantId, plant, readingId, eventTimeMs } = measurement;
  if (typeof eventTimeMs !== 'number') throw new Error(`got an event time ${String(eventTimeMs)}, expected a number`);
  const { partition, offset, ingestTimeMs } = record;
  return {
    topic: measurementContract.topic,
    tenantId: String(tenantId),
    topicKey: String(plant),
    eventId: String(readingId),
    eventTimeMs,
    ingestTimeMs,
    partition,
    offset,
    lateness,
    event: measurement,
  };
}

function remember(plant: PlantState, { reading, row }: KnownReading, effects: TelemetryEffects): void {
  const { eventTimeMs } = reading;
  const key = readingKeyOf(reading);
  const body = readingBodyOf(reading);
  plant.remembered.set(key, { body, eventTimeMs });
  effects.acceptedKeys.push({ row, eventTimeMs, key, body });
}
