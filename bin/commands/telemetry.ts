import type { Command } from 'commander';
import { readRegistry } from '../../adapters/files/registry-file.ts';
import type { Source } from '../../adapters/files/source.ts';
import type { DeviceRegistry } from '../../core/telemetry/registry.ts';
import type { TelemetryEffects } from '../../core/telemetry/telemetry-effects.ts';
import { claimDirectory } from '../../runtime/claim.ts';
import { runSource } from '../../runtime/run-source.ts';
import { openTelemetry, type TelemetryRun } from '../../runtime/telemetry.ts';
import { clip, formatCount, formatDuration, formatRows } from '../format.ts';
import { listenForInterruption } from '../interruption.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { createReadingClock, type ReadingClock, timeReadings } from '../reading-clock.ts';
import { openScreen, screenWidth } from '../screen.ts';
import { addSourceOptions, openAskedSource, type SourceFileOptions, untilAborted } from '../source-options.ts';
import { addProgress, breathe, createTally, recentPace, type Tally } from '../tally.ts';
import { streamTelemetry } from '../telemetry-stream.ts';
import { summariseTelemetry, type TelemetrySummary, telemetrySummaryText } from '../telemetry-summary.ts';
import { remark, say, sayJson } from '../terminal.ts';
import { tellRecovery } from '../weir-session.ts';

type Options = SourceFileOptions & {
  readonly registry: string;
  readonly out?: string;
  readonly openEnded?: true;
  readonly alarms?: true;
  readonly json?: true;
};

const appendRecordsMax = 4096;

/** Adds `weir telemetry`. */
export function addTelemetry(program: Command, invocation: Invocation): void {
  const command = program
    .command('telemetry')
    .summary('tiers and alarms of readings in a file')
    .description(
      'Watches the readings of a file: rows of tiers (1 minute, 1 hour, 1 day) and alarms. With --out into a folder, Parquet tables, where the same command goes on after a crash or Ctrl-C; without it as JSON lines on standard output, which keeps nothing. Of a row and of an alarm the highest revision counts. A file does not say when a reading was taken, so it counts as taken when it was measured, or when the one before it was.',
    )
    .requiredOption('--registry <file>', 'the sensors: JSON, or CSV by its ending');
  addSourceOptions(command)
    .option('--out <dir>', 'where to write')
    .option('--open-ended', 'with --out: the input may go on later, so panes that wait stay open')
    .option('--alarms', 'without --out: alarms only')
    .addOption(jsonOption());
  addExamples(
    command,
    'weir telemetry --registry examples/plants/registry.json --source readings.jsonl --out weir-out/plants',
    'weir telemetry --registry examples/plants/registry.json --source readings.jsonl --alarms',
  );
  command.action(async (options: Options) => {
    invocation.exitCode = await watch(command, options);
  });
}

async function watch(command: Command, options: Options): Promise<number> {
  const { out, alarms, openEnded } = options;
  if (out !== undefined && alarms) {
    command.error('error: got --alarms with --out, expected one of them: a folder keeps everything');
  }
  if (out === undefined && openEnded) {
    command.error('error: got --open-ended without --out: only what is kept can go on later');
  }
  const registry = readRegistry(options.registry);
  const source = await openAskedSource(options);
  const status =
    out === undefined
      ? await printRows({ registry, source, options })
      : await writeRows({ registry, source, options, out });
  return status === 'stopped' ? exitCodes.interrupted : exitCodes.ok;
}

type Asked = { readonly registry: DeviceRegistry; readonly source: Source; readonly options: Options };

async function writeRows(asked: Asked & { readonly out: string }): Promise<TelemetrySummary['status']> {
  const { registry, source, options, out } = asked;
  claimDirectory({ dir: out, name: 'telemetry', manifest: { source: source.identity } });
  const clock = createReadingClock();
  const run = openTelemetry({ dir: out, registry, clockMs: clock.nowMs });
  try {
    const tally = createTally();
    const status = await go(asked, { run, clock, tally });
    const summary = await summariseTelemetry({ status, out, run, tally });
    if (options.json) sayJson({ ...summary, source: source.identity, recovered: run.recovery });
    else say(telemetrySummaryText(summary));
    if (status === 'stopped') remark('stopped and committed; the same command goes on from here');
    return status;
  } finally {
    await run.close();
  }
}

type Open = { readonly run: TelemetryRun; readonly clock: ReadingClock; readonly tally: Tally };

async function go(
  { source, options, out }: Asked & { readonly out: string },
  { run, clock, tally }: Open,
): Promise<TelemetrySummary['status']> {
  if (run.isComplete) {
    remark(`${out} is complete: nothing is left to do`);
    return 'alreadyComplete';
  }
  tellRecovery(out, { ...run.recovery, recordedDecisions: 0 });
  using interruption = listenForInterruption();
  const { signal } = interruption;
  using _screen = openScreen(() => [progressLine(run, tally)]);
  return await runSource({
    scoring: run,
    items: timeReadings(untilAborted(source.events(), signal), clock),
    atEnd: options.openEnded ? 'stayOpen' : 'endOfInput',
    appendRecordsMax,
    signal,
    pace: breathe,
    onProgress: (progress) => addProgress(tally, { ...progress, decisions: [] }),
  });
}

function progressLine(run: TelemetryRun, tally: Tally): string {
  const alarms = [...run.counts].filter(([name]) => name.startsWith('alarms.') && name !== 'alarms.suppressed');
  const parts = [
    `${formatCount(run.nextOffset)} readings`,
    `${formatCount(recentPace(tally))} a second`,
    `${formatCount(alarms.reduce((sum, [, count]) => sum + count, 0))} alarms`,
    `for ${formatDuration(performance.now() - tally.startMs)}`,
  ];
  return clip(parts.join('   '), screenWidth());
}

async function printRows({ registry, source, options }: Asked): Promise<'complete' | 'stopped'> {
  const { alarms: alarmsOnly, json } = options;
  const tell = ({ tierRows, alarms }: TelemetryEffects): void => {
    const rows = alarmsOnly ? alarms : [...tierRows, ...alarms];
    if (rows.length > 0) process.stdout.write(`${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);
  };
  const { status, counts } = await streamTelemetry({ registry, source, tell });
  const sorted = [...counts].toSorted(([left], [right]) => (left < right ? -1 : 1));
  if (json) remark(JSON.stringify(Object.fromEntries(sorted)));
  else remark(formatRows(sorted.map(([name, count]) => [name, formatCount(count).padStart(11)])));
  return status;
}
