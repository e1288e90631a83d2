import { z } from 'zod';
import { defineContract } from './contract.ts';
import { eventSchema } from './event-schema.ts';
import { identifier } from './identifier.ts';
import { eventTimeMs } from './payment-fields.ts';

/** One value that a sensor of a plant measured. */
export type Reading = z.infer<typeof schema>;

/** The fields that name a sensor's place and what it measured there, and when. */
export const sensorFields = {
  tenantId: identifier,
  readingId: identifier,
  plant: identifier,
  line: identifier,
  machine: identifier,
  sensor: identifier,
  metric: identifier,
  /** Such as `degC`; the registry says which unit a sensor's values are kept in. */
  unit: identifier,
  /** Any finite number; -0 is read as 0. */
  value: z.number(),
  eventTimeMs,
};

const schema = eventSchema({
  ...sensorFields,
  /** What the source itself says of the value. */
  quality: z.enum(['GOOD', 'BAD', 'UNCERTAIN']),
});

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** The times and the partitions of telemetry: a backlog of 72 hours, and a day to bring it, is late and not too late. */
export const telemetryTimings = {
  outOfOrdernessMs: 10_000,
  allowedLatenessMs: 96 * hourMs,
  maxFutureMs: 10 * minuteMs,
  idleMs: minuteMs,
  retentionMs: 400 * 24 * hourMs,
  partitions: 32,
};

/** The contract `telemetry.reading.v1`. The key is the plant, so each plant has a watermark of its own. */
export const readingContract = defineContract({
  topic: 'telemetry.reading.v1',
  schema,
  key: 'plant',
  nested: ['line', 'machine', 'sensor'],
  idField: 'readingId',
  eventTimeField: 'eventTimeMs',
  ...telemetryTimings,
});
