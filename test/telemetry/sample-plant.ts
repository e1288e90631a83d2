import type { Device } from '../../core/contract/device.ts';
import type { Reading } from '../../core/contract/reading.ts';
import type { Sent } from './telemetry-run.ts';

/** The start of a day, UTC. */
export const startMs = 1_749_945_600_000;

/** A temperature sensor that speaks every 10 seconds. */
export const thermometer: Device = {
  tenantId: 'works',
  plant: 'plant-1',
  line: 'line-1',
  machine: 'machine-1',
  sensor: 'temperature-1',
  metric: 'temperature',
  unit: 'degC',
  rangeMin: -50,
  rangeMax: 250,
  expectedIntervalMs: 10_000,
  deadband: 0.5,
  stuckAfterMs: 60_000,
  alarmLow: 10,
  alarmHigh: 90,
  refractoryMs: 120_000,
};

/** Another sensor of the same plant, and one of another plant. */
export const neighbour: Device = { ...thermometer, sensor: 'temperature-2' };
export const stranger: Device = { ...thermometer, plant: 'plant-2' };

/** A reading `second` seconds after the start. */
export function readingAt(device: Device, second: number, value: number, change: Partial<Reading> = {}): Reading {
  const { tenantId, plant, line, machine, sensor, metric, unit } = device;
  const eventTimeMs = startMs + second * 1000;
  const place = { tenantId, plant, line, machine, sensor, metric, unit };
  return { ...place, readingId: `r${second}`, value, quality: 'GOOD', eventTimeMs, ...change };
}

/** A reading taken as soon as it was measured, or after `delaySeconds`. */
export function sentAt(device: Device, second: number, value: number, delaySeconds = 0): Sent {
  return { ingestTimeMs: startMs + (second + delaySeconds) * 1000, body: readingAt(device, second, value) };
}
