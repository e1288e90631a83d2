import { z } from 'zod';
import { identifier } from './identifier.ts';

/** What is known of one sensor before it speaks. */
export type Device = z.infer<typeof device>;

const dayMs = 86_400_000;
const lengthMs = z
  .int()
  .min(1)
  .max(366 * dayMs);

/** The schema of one sensor in a registry. */
const device = z
  .strictObject({
    tenantId: identifier,
    plant: identifier,
    line: identifier,
    machine: identifier,
    sensor: identifier,
    metric: identifier,
    /** The unit that its values are kept in, such as `degC`. */
    unit: identifier,
    /** The values that the instrument can measure, both ends included, in `unit`. */
    rangeMin: z.number(),
    rangeMax: z.number(),
    expectedIntervalMs: lengthMs,
    /** Changes up to this are none, in `unit`: for a stuck sensor and for the end of a limit's alarm. */
    deadband: z.number().min(0),
    /** How long values within the deadband mean that the sensor is stuck; never without it. */
    stuckAfterMs: lengthMs.exactOptional(),
    /** Values below are an alarm, in `unit`. */
    alarmLow: z.number().exactOptional(),
    /** Values above are an alarm, in `unit`. */
    alarmHigh: z.number().exactOptional(),
    /** After an alarm, how long the sensor raises no other of that kind. */
    refractoryMs: z
      .int()
      .min(0)
      .max(366 * dayMs),
  })
  .refine(({ rangeMin, rangeMax }) => rangeMin < rangeMax, 'expected rangeMin < rangeMax')
  .refine(
    ({ alarmLow = Number.NEGATIVE_INFINITY, alarmHigh = Number.POSITIVE_INFINITY }) => alarmLow < alarmHigh,
    'expected alarmLow < alarmHigh',
  );

/** The most sensors that one registry may hold. */
const devicesMax = 1_000_000;

/** The schema of a registry file. */
export const registrySchema = z.strictObject({
  version: z.literal(1),
  devices: z.array(device).min(1).max(devicesMax),
});

/** The columns of a registry as a table, in order; the optional ones may be empty. */
export const deviceColumns = [
  'tenantId',
  'plant',
  'line',
  'machine',
  'sensor',
  'metric',
  'unit',
  'rangeMin',
  'rangeMax',
  'expectedIntervalMs',
  'deadband',
  'stuckAfterMs',
  'alarmLow',
  'alarmHigh',
  'refractoryMs',
] as const satisfies readonly (keyof Device)[];
