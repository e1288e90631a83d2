import { createTimers, addTimer, type Timers } from '../engine/timers.ts';
import { noWatermarkMs } from '../engine/watermark.ts';
import type { PastValue } from './alarm.ts';
import type { Interval } from './coverage.ts';
import { createEpisode, type Episode } from './episodes.ts';
import type { DeviceRegistry } from './registry.ts';
import { createTierStates, type TierStates } from './tiers.ts';

/** What runs: all that follows from the configuration. */
export type Telemetry = {
  readonly registry: DeviceRegistry;
  /** How old a reading may be when it is taken and still raise an alarm. */
  readonly freshnessMs: number;
  /** How long identities are kept in memory, in event time behind the watermark; older ones the shell looks up. */
  readonly rememberMs: number;
};

/** Everything that telemetry remembers: a function of the log's prefix. Plain data. */
export type TelemetryState = {
  /** The greatest ingest time of any record. */
  ingestClockMs: number;
  /** Plants count as heard of at this ingest time at least. */
  offlineFromMs: number;
  /** By place in the registry's `plants`. */
  readonly plants: readonly PlantState[];
  /** By row of the registry. */
  readonly sensors: readonly SensorState[];
};

/** An identity that was accepted. `body` is what it leaves open. */
export type RememberedReading = { readonly body: string; readonly eventTimeMs: number };

/** What is remembered of a plant: an input with a watermark of its own. */
export type PlantState = {
  watermarkMs: number;
  /** As far as fresh readings alone have moved it. */
  alarmWatermarkMs: number;
  /** Its sensors count as heard of at this event time at least. */
  silentFromMs: number;
  /** Of the last accepted reading. */
  lastIngestMs: number;
  readonly offline: Episode;
  /** One timer a sensor at most, no later than it may count as silent. */
  readonly silence: Timers<number>;
  readonly tiers: TierStates;
  /** By identity, in order of arrival. */
  readonly remembered: Map<string, RememberedReading>;
};

/** What is remembered of a sensor. */
export type SensorState = {
  /** The newest event time of its accepted readings. */
  newestMs: number;
  readonly coverage: Interval[];
  /** The last live values, oldest first. */
  readonly values: PastValue[];
  /** Live values that have stayed within the deadband of the first of them. */
  run: { readonly anchor: PastValue; lastMs: number } | null;
  /** True while a timer of the plant looks after its silence. */
  isTimed: boolean;
  readonly high: Episode;
  readonly low: Episode;
  readonly range: Episode;
  readonly stuck: Episode;
  readonly silent: Episode;
};

/** The state before the first record. */
export function createTelemetryState({ registry }: Telemetry): TelemetryState {
  return {
    ingestClockMs: Number.NEGATIVE_INFINITY,
    offlineFromMs: Number.NEGATIVE_INFINITY,
    plants: registry.plants.map(({ rows }) => createPlantState(rows)),
    sensors: registry.devices.map(createSensorState),
  };
}

function createPlantState(rows: readonly number[]): PlantState {
  const silence = createTimers<number>();
  // Due at the plant's first step, so that a sensor that never speaks is found as well.
  for (const row of rows) addTimer(silence, { timeMs: noWatermarkMs, offset: row, value: row });
  return {
    watermarkMs: noWatermarkMs,
    alarmWatermarkMs: noWatermarkMs,
    silentFromMs: Number.NEGATIVE_INFINITY,
    lastIngestMs: Number.NEGATIVE_INFINITY,
    offline: createEpisode(),
    silence,
    tiers: createTierStates(),
    remembered: new Map(),
  };
}

function createSensorState(): SensorState {
  return {
    newestMs: Number.NEGATIVE_INFINITY,
    coverage: [],
    values: [],
    run: null,
    isTimed: true,
    high: createEpisode(),
    low: createEpisode(),
    range: createEpisode(),
    stuck: createEpisode(),
    silent: createEpisode(),
  };
}
