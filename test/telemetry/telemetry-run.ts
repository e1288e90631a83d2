import type { Device } from '../../core/contract/device.ts';
import type { Reading } from '../../core/contract/reading.ts';
import type { FlowRow } from '../../core/engine/operator.ts';
import { controlTopic, type LogRecord } from '../../core/engine/record.ts';
import type { Alarm } from '../../core/telemetry/alarm.ts';
import { createRegistry } from '../../core/telemetry/registry.ts';
import {
  arriveReading,
  createTelemetryState,
  readingLookUps,
  step,
  type Telemetry,
  type TelemetryEffects,
  type TelemetryState,
} from '../../core/telemetry-pipeline.ts';

/** A reading, or other bytes, with the time at which the log took it. */
export type Sent = { readonly ingestTimeMs: number; readonly body: Reading | Uint8Array };

/** What a run came to. */
export type Run = {
  readonly effects: readonly TelemetryEffects[];
  readonly state: TelemetryState;
  readonly lookUps: number;
};

/** Telemetry over some devices: identities stay in memory for an hour, older ones are looked up. */
export function telemetryOf(devices: readonly Device[]): Telemetry {
  return { registry: createRegistry(devices), freshnessMs: 600_000, rememberMs: 3_600_000 };
}

/** The records of a log, ended where `atEnd` says so. */
export function logOf(sent: readonly Sent[], atEnd: 'end' | 'stayOpen' = 'end'): LogRecord[] {
  const records = sent.map(({ ingestTimeMs, body }, offset): LogRecord => {
    const bytes = body instanceof Uint8Array ? body : new TextEncoder().encode(JSON.stringify(body));
    return { topic: 'telemetry.reading.v1', partition: 0, offset, ingestTimeMs, bytes };
  });
  const ingestTimeMs = sent.at(-1)?.ingestTimeMs ?? 0;
  const end = { topic: controlTopic, partition: 0, offset: sent.length, ingestTimeMs, bytes: new Uint8Array() };
  return atEnd === 'end' ? [...records, end] : records;
}

/** Runs a log in batches, with a shell's index of all identities beside it; `between` may swap the state. */
export function run(
  telemetry: Telemetry,
  log: readonly LogRecord[],
  { batchRecords = 97, between = (state: TelemetryState) => state } = {},
): Run {
  let state = createTelemetryState(telemetry);
  const effects: TelemetryEffects[] = [];
  const index = new Map<string, string>();
  let lookUps = 0;
  for (let at = 0; at < log.length; at += batchRecords) {
    const arrivals = log.slice(at, at + batchRecords).map((record) => arriveReading(telemetry.registry, record));
    const keys = readingLookUps(state, arrivals);
    lookUps += keys.length;
    const known = new Map(keys.flatMap((key) => (index.has(key) ? [[key, index.get(key)!]] : [])));
    const effect = step(telemetry, state, { arrivals, known });
    for (const { key, body } of effect.acceptedKeys) index.set(key, body);
    effects.push(effect);
    state = between(state);
  }
  return { effects, state, lookUps };
}

/** The last revision of each tier row, without its number, sorted: canonical text. */
export function finalTiers({ effects }: Run): string[] {
  const rows = new Map<string, FlowRow>();
  for (const row of effects.flatMap(({ tierRows }) => tierRows))
    rows.set(`${row.output} ${row.tenantId} ${row.key}`, row);
  return [...rows].map(([key, { values }]) => `${key} ${JSON.stringify(values)}`).toSorted();
}

/** All alarms, in order. */
export function alarmsOf({ effects }: Run): Alarm[] {
  return effects.flatMap(({ alarms }) => alarms);
}

/** A count over the whole run. */
export function countOf({ effects }: Run, name: string): number {
  return effects.reduce((total, { counts }) => total + (counts.get(name) ?? 0), 0);
}
