import type { Device } from '../contract/device.ts';
import { idempotencyHash } from '../contract/idempotency-key.ts';
import type { Plant } from './registry.ts';

/** What an alarm is about. `offline` is of a plant, the others of a sensor. */
export type AlarmKind = 'high' | 'low' | 'range' | 'stuck' | 'silent' | 'offline';

/** A value as it stood when an alarm was raised. */
export type PastValue = { readonly eventTimeMs: number; readonly value: number };

/** What somebody shall look at. The highest revision of an id counts: 0 raises it, 1 ends it. */
export type Alarm = {
  /** Of the sensor, the kind and the start of the episode, so that a replay raises none twice. */
  readonly alarmId: string;
  readonly revision: 0 | 1;
  readonly kind: AlarmKind;
  readonly tenantId: string;
  readonly plant: string;
  /** These four are null for a plant that is offline. */
  readonly line: string | null;
  readonly machine: string | null;
  readonly sensor: string | null;
  readonly metric: string | null;
  /** Event time; of `offline`, ingest time. */
  readonly startedAtMs: number;
  readonly raisedAtMs: number;
  /** Null while it lasts. */
  readonly endedAtMs: number | null;
  /** One sentence. */
  readonly cause: string;
  /** The sensor's last live values, oldest first. */
  readonly values: readonly PastValue[];
};

/** What an alarm adds to what it is about. */
export type AlarmFacts = Pick<Alarm, 'kind' | 'startedAtMs' | 'raisedAtMs' | 'cause' | 'values'>;

/** The first revision of an alarm of a sensor. */
export function sensorAlarm(device: Device, facts: AlarmFacts): Alarm {
  const { tenantId, plant, line, machine, sensor, metric } = device;
  return named({ tenantId, plant, line, machine, sensor, metric }, facts);
}

/** The first revision of an alarm of a plant. */
export function plantAlarm({ tenantId, plant }: Plant, facts: AlarmFacts): Alarm {
  return named({ tenantId, plant, line: null, machine: null, sensor: null, metric: null }, facts);
}

type About = Pick<Alarm, 'tenantId' | 'plant' | 'line' | 'machine' | 'sensor' | 'metric'>;

function named(about: About, facts: AlarmFacts): Alarm {
  const { tenantId, plant, line, machine, sensor } = about;
  const name = ['telemetry.alarm.v1', tenantId, plant, line, machine, sensor, facts.kind, facts.startedAtMs];
  return { alarmId: idempotencyHash(JSON.stringify(name)), revision: 0, ...about, ...facts, endedAtMs: null };
}

/** Why a reading of one kind raises an alarm, in words. */
export function causeOfReading(device: Device, kind: 'high' | 'low' | 'range', value: number): string {
  const { metric, unit, alarmHigh, alarmLow, rangeMin, rangeMax } = device;
  const came = `${metric} ${value} ${unit}`;
  switch (kind) {
    case 'high':
      return `${came} is above ${alarmHigh} ${unit}`;
    case 'low':
      return `${came} is below ${alarmLow} ${unit}`;
    case 'range':
      return `${came} is outside of what the sensor can measure, ${rangeMin} to ${rangeMax} ${unit}`;
  }
}

/** Why a sensor counts as stuck, in words. */
export function causeOfStuck(device: Device, anchor: PastValue): string {
  const { metric, unit, deadband } = device;
  return `${metric} has stayed within ${deadband} ${unit} of ${anchor.value} ${unit} since ${timeText(anchor.eventTimeMs)}`;
}

/** Why a sensor counts as silent, in words. */
export function causeOfSilence({ expectedIntervalMs }: Device, sinceMs: number): string {
  return `no reading since ${timeText(sinceMs)}, expected one every ${expectedIntervalMs} ms`;
}

/** Why a plant counts as offline, in words. */
export function causeOfOffline({ plant }: Plant, sinceMs: number): string {
  return `no reading of ${plant} has come since ${timeText(sinceMs)}`;
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
