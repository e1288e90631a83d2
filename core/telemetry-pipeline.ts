import { admitReading, needsLookUp } from './telemetry/admit-reading.ts';
import { findSilent } from './telemetry/alarms.ts';
import { arriveReading, type ReadingArrival } from './telemetry/arrive-reading.ts';
import { advanceIngestClock, endPlants, findOffline } from './telemetry/plant-time.ts';
import { readingKeyOf } from './telemetry/reading-key.ts';
import { refuseRecord, setReadingAside, takeReading } from './telemetry/take-reading.ts';
import { createTelemetryEffects, type TelemetryEffects } from './telemetry/telemetry-effects.ts';
import {
  createTelemetryState,
  type PlantState,
  type Telemetry,
  type TelemetryState,
} from './telemetry/telemetry-state.ts';
import { endTierBatch, passTierTime } from './telemetry/tiers.ts';
import { countUp } from './sinks/effects.ts';

export { arriveReading, createTelemetryState };
export type { ReadingArrival, Telemetry, TelemetryEffects, TelemetryState };

/** What one step takes in. All of it is data, so that a replay of the same batch gives the same effects. */
export type TelemetryBatch = {
  readonly arrivals: readonly ReadingArrival[];
  /** The bodies of what `readingLookUps` named, of those that were accepted before this batch. */
  readonly known: ReadonlyMap<string, string>;
};

/** Telemetry: takes a batch into the state and says what the sinks shall hold. Pure; docs/adr/0012-telemetry.md is the law. */
export function step(telemetry: Telemetry, state: TelemetryState, batch: TelemetryBatch): TelemetryEffects {
  const effects = createTelemetryEffects();
  const touched = new Set<number>();
  for (const arrival of batch.arrivals) {
    countUp(effects.counts, 'records');
    advanceIngestClock(state, telemetry.registry, arrival.record.ingestTimeMs);
    if (arrival.kind === 'reading') take({ telemetry, state, arrival, batch, effects });
    if (arrival.kind === 'refused') refuseRecord(effects, arrival.record, arrival.refusal);
    if (arrival.kind === 'endOfInput') endPlants(state);
    for (const place of placesOf(telemetry, arrival)) {
      passTime(telemetry, state, { place, effects });
      touched.add(place);
    }
    findOffline(effects, state, telemetry.registry);
  }
  for (const place of touched) {
    const plant = state.plants[place]!;
    endTierBatch(plant.tiers, (row) => effects.tierRows.push(row));
    forget(telemetry, plant);
  }
  return effects;
}

/**
 * The identities that the shell looks up in its index before the batch: those that lie where their sensor had sent before
 * it. What is newer than all of a sensor, or in a gap, needs none.
 */
export function readingLookUps(state: TelemetryState, arrivals: readonly ReadingArrival[]): string[] {
  const keys: string[] = [];
  for (const arrival of arrivals) {
    if (arrival.kind !== 'reading') continue;
    const sensor = state.sensors[arrival.row];
    if (sensor !== undefined && needsLookUp(sensor, arrival.reading.eventTimeMs))
      keys.push(readingKeyOf(arrival.reading));
  }
  return keys;
}

type Taken = {
  readonly telemetry: Telemetry;
  readonly state: TelemetryState;
  readonly arrival: Extract<ReadingArrival, { kind: 'reading' }>;
  readonly batch: TelemetryBatch;
  readonly effects: TelemetryEffects;
};

function take({ telemetry, state, arrival, batch, effects }: Taken): void {
  const { reading, record, row } = arrival;
  const sensor = state.sensors[row]!;
  const plant = state.plants[telemetry.registry.plantOfRow[row]!]!;
  const known = batch.known.get(readingKeyOf(reading));
  const admission = admitReading({ reading, record, sensor, plant, known });
  if (admission.kind !== 'onTime' && admission.kind !== 'late') return setReadingAside(effects, arrival, admission);
  takeReading({ telemetry, state, arrival, admission, effects });
}

/** The plants whose time a record may move. */
function placesOf({ registry }: Telemetry, arrival: ReadingArrival): readonly number[] {
  if (arrival.kind === 'reading') return [registry.plantOfRow[arrival.row]!];
  return arrival.kind === 'endOfInput' ? registry.plants.keys().toArray() : [];
}

/** Panes end, and sensors that have not spoken for too long are reported. */
function passTime(
  { registry }: Telemetry,
  state: TelemetryState,
  { place, effects }: { readonly place: number; readonly effects: TelemetryEffects },
): void {
  const plant = state.plants[place]!;
  passTierTime(plant.tiers, plant.watermarkMs, (row) => effects.tierRows.push(row));
  findSilent(effects, state, { plant, devices: registry.devices });
}

/**
 * Forgets the oldest identities, which the shell answers for. Between batches only, so when exactly changes no result. They
 * stand in order of arrival: the first that must stay ends the search.
 */
function forget({ rememberMs }: Telemetry, { remembered, watermarkMs }: PlantState): void {
  for (const [key, { eventTimeMs }] of remembered) {
    if (eventTimeMs > watermarkMs - rememberMs) return;
    remembered.delete(key);
  }
}
