import { WeirError } from '../core/contract/failure.ts';
import type { LogRecord } from '../core/engine/record.ts';
import type { Counts } from '../core/sinks/effects.ts';
import type { Alarm } from '../core/telemetry/alarm.ts';
import type { DeviceRegistry } from '../core/telemetry/registry.ts';
import type { TelemetryEffects } from '../core/telemetry/telemetry-effects.ts';
import {
  arriveReading,
  createTelemetryState,
  readingLookUps,
  step,
  type Telemetry,
} from '../core/telemetry-pipeline.ts';

/** Telemetry with everything in memory: for a demonstration or a file, and nothing that outlives it. */
export type TelemetryMemory = {
  readonly telemetry: Telemetry;
  readonly counts: Counts;
  /** Rows of each tier, and those among them that revise one. */
  readonly tierRows: Map<string, { rows: number; revisions: number }>;
  /** The last revision of every alarm, in the order in which they were raised. */
  readonly alarms: Map<string, Alarm>;
  /** Takes a batch and gives what came of it. Throws a `WeirError` when memory would hold too many identities. */
  readonly take: (records: readonly LogRecord[]) => TelemetryEffects;
  /** The least and the greatest watermark of the plants. */
  readonly watermarks: () => { readonly leastMs: number; readonly greatestMs: number };
};

const freshnessMs = 600_000;
const rememberMs = 600_000;

/** The most identities that are kept. */
const identitiesMax = 10_000_000;

/** Opens telemetry over the sensors of a registry. */
export function openTelemetryMemory(registry: DeviceRegistry): TelemetryMemory {
  const telemetry: Telemetry = { registry, freshnessMs, rememberMs };
  const state = createTelemetryState(telemetry);
  const bodies = new Map<string, string>();
  const counts: Counts = new Map();
  const tierRows: TelemetryMemory['tierRows'] = new Map();
  const alarms: TelemetryMemory['alarms'] = new Map();
  return {
    telemetry,
    counts,
    tierRows,
    alarms,
    take: (records) => {
      const arrivals = records.map((record) => arriveReading(registry, record));
      const known = bodiesOf(bodies, readingLookUps(state, arrivals));
      const effects = step(telemetry, state, { arrivals, known });
      for (const { key, body } of effects.acceptedKeys) bodies.set(key, body);
      if (bodies.size > identitiesMax) throw tooMany();
      for (const [name, count] of effects.counts) counts.set(name, (counts.get(name) ?? 0) + count);
      for (const alarm of effects.alarms) alarms.set(alarm.alarmId, alarm);
      for (const { output, revision } of effects.tierRows) {
        const { rows, revisions } = tierRows.get(output) ?? { rows: 0, revisions: 0 };
        tierRows.set(output, { rows: rows + 1, revisions: revisions + (revision > 0 ? 1 : 0) });
      }
      return effects;
    },
    watermarks: () => {
      const times = state.plants.map(({ watermarkMs }) => watermarkMs);
      return { leastMs: Math.min(...times), greatestMs: Math.max(...times) };
    },
  };
}

function bodiesOf(bodies: ReadonlyMap<string, string>, keys: readonly string[]): Map<string, string> {
  const known = new Map<string, string>();
  for (const key of keys) {
    const body = bodies.get(key);
    if (body !== undefined) known.set(key, body);
  }
  return known;
}

function tooMany(): WeirError {
  return new WeirError({
    code: 'MEMORY_LIMIT',
    message: `got more than ${identitiesMax} readings, expected at most so many: they are all remembered`,
    fix: 'Cut the source into parts.',
  });
}
