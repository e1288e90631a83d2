import { z } from 'zod';
import { defineContract } from './contract.ts';
import { eventSchema } from './event-schema.ts';
import { sensorFields, telemetryTimings } from './reading.ts';

/** An accepted reading, judged by the registry: what the lake holds and what tiers are made of. */
export type Measurement = z.infer<typeof schema>;

/** What became of a reading: only a `good` one enters the values of a tier, the others are counted beside them. */
export type Verdict = Measurement['verdict'];

/** The verdicts, in the order in which they are tried; the first that holds counts, `good` when none does. */
export const verdicts = ['bad', 'uncertain', 'wrongUnit', 'outOfRange', 'good'] as const;

const schema = eventSchema({
  /** `unit` and `value` are the registry's where the reading's unit could be converted; as they came otherwise. */
  ...sensorFields,
  verdict: z.enum(verdicts),
  /** True when the value came in another unit and was converted. */
  isConverted: z.boolean(),
});

/** The contract `telemetry.measurement.v1`. */
export const measurementContract = defineContract({
  topic: 'telemetry.measurement.v1',
  schema,
  key: 'plant',
  nested: ['line', 'machine', 'sensor'],
  idField: 'readingId',
  eventTimeField: 'eventTimeMs',
  ...telemetryTimings,
});
