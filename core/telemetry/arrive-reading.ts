import { type Reading, readingContract } from '../contract/reading.ts';
import { violationsOf } from '../contract/violations.ts';
import { contractViolation } from '../decode/decode.ts';
import { parseJson } from '../decode/parse-json.ts';
import type { Refusal } from '../decode/refusal.ts';
import { controlTopic, type LogRecord } from '../engine/record.ts';
import { decodeControl } from '../engine/ticks.ts';
import { type DeviceRegistry, rowOf } from './registry.ts';

/** A record on its way into the pipeline: a reading of a known sensor, or what else it is. */
export type ReadingArrival =
  | { readonly kind: 'reading'; readonly record: LogRecord; readonly reading: Reading; readonly row: number }
  | { readonly kind: 'refused'; readonly record: LogRecord; readonly refusal: Refusal }
  | { readonly kind: 'tick' | 'endOfInput'; readonly record: LogRecord };

/** Decodes a record, checks its contract and looks its sensor up. Never throws for what a sender may send. */
export function arriveReading(registry: DeviceRegistry, record: LogRecord): ReadingArrival {
  if (record.topic === controlTopic) return { kind: decodeControl(record.bytes).kind, record };
  if (record.topic !== readingContract.topic) return { kind: 'refused', record, refusal: unknownTopic(record.topic) };
  const decoded = decodeReading(record.bytes);
  if (!decoded.ok) return { kind: 'refused', record, refusal: decoded.refusal };
  const { reading } = decoded;
  const row = rowOf(registry, reading);
  const device = registry.devices[row];
  if (device === undefined) return { kind: 'refused', record, refusal: unknownSensor };
  if (device.metric !== reading.metric) return { kind: 'refused', record, refusal: unknownMetric };
  return { kind: 'reading', record, reading, row };
}

/** Checks a reading against its contract, and nothing else. */
export function decodeReading(
  bytes: Uint8Array,
): { readonly ok: true; readonly reading: Reading } | { readonly ok: false; readonly refusal: Refusal } {
  const parsed = parseJson(bytes);
  if (!parsed.ok) return { ok: false, refusal: parsed.refusal };
  const checked = readingContract.schema.safeParse(parsed.value);
  if (!checked.success) return { ok: false, refusal: contractViolation(violationsOf(checked.error, parsed.value)) };
  // Adding 0 makes -0 a 0: they are one value.
  return { ok: true, reading: { ...checked.data, value: checked.data.value + 0 } };
}

function unknownTopic(topic: string): Refusal {
  const message = `got contract ${topic}, expected ${readingContract.topic}`;
  return { code: 'unknownContract', message, issues: [] };
}

/** Why a reading of a sensor that the registry does not have is refused. */
const unknownSensor: Refusal = {
  code: 'unknownSensor',
  message: 'got a sensor that is not in the registry, expected one of its plants, lines, machines and sensors',
  issues: [{ path: 'sensor', got: 'an unknown path', expected: 'a sensor of the registry' }],
};

/** Why a reading of something else than its sensor measures is refused. */
const unknownMetric: Refusal = {
  code: 'unknownSensor',
  message: 'got another metric than the registry has of this sensor, expected that one',
  issues: [{ path: 'metric', got: 'another metric', expected: 'the metric of the registry' }],
};
