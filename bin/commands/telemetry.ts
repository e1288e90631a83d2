import type { Command } from 'commander';
import { readRegistry } from '../../adapters/files/registry-file.ts';
import type { SourceItem } from '../../adapters/files/source.ts';
import { controlTopic, type LogRecord } from '../../core/engine/record.ts';
import type { TelemetryEffects } from '../../core/telemetry/telemetry-effects.ts';
import { formatCount, formatRows } from '../format.ts';
import { listenForInterruption } from '../interruption.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { addSourceOptions, openAskedSource, type SourceFileOptions, untilAborted } from '../source-options.ts';
import { breathe } from '../tally.ts';
import { openTelemetryMemory, type TelemetryMemory } from '../telemetry-memory.ts';
import { remark } from '../terminal.ts';

type Options = SourceFileOptions & { readonly registry: string; readonly alarms?: true; readonly json?: true };

/** Adds `weir telemetry`. */
export function addTelemetry(program: Command, invocation: Invocation): void {
  const command = program
    .command('telemetry')
    .summary('tiers and alarms of readings in a file')
    .description(
      'Watches the readings of a file: rows of tiers (1 minute, 1 hour, 1 day) and alarms, as JSON lines on standard output; of a row and of an alarm the highest revision counts. Keeps nothing. A file does not say when a reading was taken, so it counts as taken when it was measured, or when the one before it was.',
    )
    .requiredOption('--registry <file>', 'the sensors: JSON, or CSV by its ending');
  addSourceOptions(command).option('--alarms', 'alarms only').addOption(jsonOption());
  addExamples(command, 'weir telemetry --registry examples/plants/registry.json --source readings.jsonl --alarms');
  command.action(async (options: Options) => {
    invocation.exitCode = await watch(options);
  });
}

async function watch(options: Options): Promise<number> {
  const memory = openTelemetryMemory(readRegistry(options.registry));
  const source = await openAskedSource(options);
  using interruption = listenForInterruption();
  const place = { offset: 0, ingestTimeMs: 0 };
  for await (const items of untilAborted(source.events(), interruption.signal)) {
    tell(memory.take(recordsOf(items, place)), options);
    await breathe();
  }
  const { signal } = interruption;
  if (!signal.aborted)
    tell(memory.take([{ topic: controlTopic, partition: 0, ...place, bytes: new Uint8Array() }]), options);
  tellCounts(memory, options);
  return signal.aborted ? exitCodes.interrupted : exitCodes.ok;
}

type Place = { offset: number; ingestTimeMs: number };

/**
 * Of a reading no more is read than its time. Where one is far ahead of those before it, the next one tells whether that
 * was a pause, or a clock that is wrong.
 */
function recordsOf(items: readonly SourceItem[], place: Place): LogRecord[] {
  const times = items.map(({ bytes }) => timeOf(bytes));
  return items.map(({ topic, bytes }, index) => {
    const timeMs = times[index] ?? null;
    const nextMs = times[index + 1] ?? timeMs;
    const isAhead = (aMs: number | null): boolean => aMs !== null && aMs > place.ingestTimeMs + jumpMsMax;
    const isWrong = place.ingestTimeMs > 0 && isAhead(timeMs) && !isAhead(nextMs);
    if (timeMs !== null && !isWrong) place.ingestTimeMs = Math.max(place.ingestTimeMs, timeMs);
    const record = { topic, partition: 0, offset: place.offset, ingestTimeMs: place.ingestTimeMs, bytes };
    place.offset += 1;
    return record;
  });
}

const jumpMsMax = 600_000;

function timeOf(bytes: Uint8Array): number | null {
  const found = /"eventTimeMs":\s?(\d{1,15})/.exec(Buffer.from(bytes).toString('latin1'))?.[1];
  return found === undefined ? null : Number(found);
}

function tell({ tierRows, alarms }: TelemetryEffects, { alarms: alarmsOnly }: Options): void {
  const rows = alarmsOnly ? alarms : [...tierRows, ...alarms];
  if (rows.length > 0) process.stdout.write(`${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);
}

function tellCounts({ counts }: TelemetryMemory, { json }: Options): void {
  const sorted = [...counts].toSorted(([left], [right]) => (left < right ? -1 : 1));
  if (json) remark(JSON.stringify(Object.fromEntries(sorted)));
  else remark(formatRows(sorted.map(([name, count]) => [name, formatCount(count).padStart(11)])));
}
