import { WeirError } from '../core/contract/failure.ts';
import type { LogRecord } from '../core/engine/record.ts';
import type { Counts } from '../core/sinks/effects.ts';
import type { DeviceRegistry } from '../core/telemetry/registry.ts';
import type { TelemetryEffects } from '../core/telemetry/telemetry-effects.ts';
import {
  arriveReading,
  createTelemetryState,
  readingLookUps,
  step,
  type Telemetry,
} from '../core/telemetry-pipeline.ts';

/** Telemetry with everything in memory, for a file whose rows go elsewhere at once. */
export type TelemetryMemory = {
  readonly counts: Counts;
  /** Takes a batch and gives what came of it. Throws a `WeirError` when memory would hold too many identities. */
  readonly take: (records: readonly LogRecord[]) => TelemetryEffects;
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
  return {
    counts,
    take: (records) => {
      const arrivals = records.map((record) => arriveReading(registry, record));
      const known = bodiesOf(bodies, readingLookUps(state, arrivals));
      const effects = step(telemetry, state, { arrivals, known });
      for (const { key, body } of effects.acceptedKeys) bodies.set(key, body);
      if (bodies.size > identitiesMax) throw tooMany();
      for (const [name, count] of effects.counts) counts.set(name, (counts.get(name) ?? 0) + count);
      return effects;
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
    fix: 'Give --out, which keeps them in a directory.',
  });
}
