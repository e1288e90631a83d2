import type { Reading } from '../contract/reading.ts';
import { sensorKeyOf } from './sensor-key.ts';

/** What makes a reading itself: its sensor, its time and its id. No field holds a control character. */
export function readingKeyOf(reading: Reading): string {
  return `${sensorKeyOf(reading)}\u0000${reading.eventTimeMs}\u0000${reading.readingId}`;
}

/** What the identity leaves open, as it came: readings of one identity are the same where this is. */
export function readingBodyOf({ unit, value, quality }: Reading): string {
  return JSON.stringify([unit, value, quality]);
}
