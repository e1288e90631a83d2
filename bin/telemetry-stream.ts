import { controlTopic, type LogRecord } from '../core/engine/record.ts';
import type { Counts } from '../core/sinks/effects.ts';
import type { DeviceRegistry } from '../core/telemetry/registry.ts';
import type { TelemetryEffects } from '../core/telemetry/telemetry-effects.ts';
import type { Source } from '../adapters/files/source.ts';
import { listenForInterruption } from './interruption.ts';
import { createReadingClock, type TimedItem, timeReadings } from './reading-clock.ts';
import { untilAborted } from './source-options.ts';
import { breathe } from './tally.ts';
import { openTelemetryMemory } from './telemetry-memory.ts';

/** What is watched, and who is told what comes of it. */
export type TelemetryStream = {
  readonly registry: DeviceRegistry;
  readonly source: Source;
  readonly tell: (effects: TelemetryEffects) => void;
};

/** Watches a source in memory, by the readable core, and keeps nothing. */
export async function streamTelemetry(
  stream: TelemetryStream,
): Promise<{ readonly status: 'complete' | 'stopped'; readonly counts: Counts }> {
  const { registry, source, tell } = stream;
  const memory = openTelemetryMemory(registry);
  const clock = createReadingClock();
  using interruption = listenForInterruption();
  const { signal } = interruption;
  let offset = 0;
  for await (const items of timeReadings(untilAborted(source.events(), signal), clock)) {
    tell(memory.take(recordsOf(items, offset)));
    offset += items.length;
    await breathe();
  }
  if (signal.aborted) return { status: 'stopped', counts: memory.counts };
  const end = { topic: controlTopic, bytes: new Uint8Array(), ingestTimeMs: clock.nowMs() };
  tell(memory.take(recordsOf([end], offset)));
  return { status: 'complete', counts: memory.counts };
}

function recordsOf(items: readonly TimedItem[], firstOffset: number): LogRecord[] {
  return items.map((item, index) => ({ ...item, partition: 0, offset: firstOffset + index }));
}
