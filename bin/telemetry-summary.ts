import { join } from 'node:path';
import { openLake } from '../adapters/files/lake.ts';
import { telemetryTables } from '../core/telemetry/columnar-tables.ts';
import type { TelemetryRun } from '../runtime/telemetry.ts';
import { clip, formatBytes, formatCount, formatRows, formatShare } from './format.ts';
import { countRows, folderSizes, type FolderSize } from './output-directory.ts';
import { title } from './summary-text.ts';
import type { Tally } from './tally.ts';

/** What came of readings, for programs as it stands. Counts are of the whole directory, `process` of this process alone. */
export type TelemetrySummary = {
  readonly status: 'complete' | 'stopped' | 'alreadyComplete';
  readonly out: string;
  /** What the source gave, good or not. */
  readonly readings: number;
  readonly accepted: number;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly late: number;
  readonly tooLate: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  /** Rows in the lake, those that revise one among them. */
  readonly tierRows: Readonly<Record<string, number>>;
  readonly alarms: { readonly raised: number; readonly byKind: Readonly<Record<string, number>> };
  readonly counts: Readonly<Record<string, number>>;
  readonly inputEnded: boolean;
  readonly process: { readonly readings: number; readonly seconds: number; readonly readingsPerSecond: number };
  readonly files: readonly FolderSize[];
  /** Commands that look at it. */
  readonly next: readonly string[];
};

/** Adds up a run whose directory is still open, and whose last cut is written. */
export async function summariseTelemetry(asked: {
  readonly status: TelemetrySummary['status'];
  readonly out: string;
  readonly run: TelemetryRun;
  readonly tally: Tally;
}): Promise<TelemetrySummary> {
  const { status, out, run, tally } = asked;
  const seconds = (performance.now() - tally.startMs) / 1000;
  const counts = Object.fromEntries([...run.counts].toSorted(([left], [right]) => (left < right ? -1 : 1)));
  const of = (name: string): number => counts[name] ?? 0;
  const byKind = partOf(counts, 'alarms.');
  delete byKind['suppressed'];
  return {
    status,
    out,
    readings: of('records') - (run.isComplete ? 1 : 0),
    accepted: of('accepted'),
    verdicts: partOf(counts, 'verdict.'),
    late: of('late'),
    tooLate: of('tooLate'),
    duplicates: of('duplicates'),
    deadLetters: sumOf(partOf(counts, 'deadLetters.')),
    tierRows: await tierRowsIn(out),
    alarms: { raised: sumOf(byKind), byKind },
    counts,
    inputEnded: run.isComplete,
    process: {
      readings: tally.records,
      seconds,
      readingsPerSecond: seconds === 0 ? 0 : Math.round(tally.records / seconds),
    },
    files: folderSizes(out),
    next: nextCommands(out),
  };
}

async function tierRowsIn(out: string): Promise<Record<string, number>> {
  const lake = openLake({ dir: join(out, 'lake') });
  const rows: Record<string, number> = {};
  for (const { name } of telemetryTables.tiers) rows[name] = await countRows(lake, name);
  return rows;
}

/** The counts whose name begins so, without that beginning. */
function partOf(counts: Readonly<Record<string, number>>, prefix: string): Record<string, number> {
  const named = Object.entries(counts).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(named.map(([name, count]) => [name.slice(prefix.length), count]));
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** What DuckDB makes of the lake, where it is installed: of a pane and of an alarm the highest revision counts. */
function nextCommands(out: string): readonly string[] {
  const key = 'plant, line, machine, sensor, pane_start';
  const tiers = `SELECT ${key}, max_by(avg, revision) AS avg FROM '${out}/lake/tier_1h/*/*.parquet' GROUP BY ALL ORDER BY ALL`;
  const alarms = `SELECT kind, plant, sensor, raised_at, cause FROM '${out}/lake/alarms/*.parquet' WHERE revision = 0`;
  return [`duckdb -c "${tiers}"`, `duckdb -c "${alarms}"`];
}

/** A summary for people: a few blocks of lines, for standard output. */
export function telemetrySummaryText(summary: TelemetrySummary): string {
  const { out, tierRows, alarms, files, next } = summary;
  const kinds = Object.entries(alarms.byKind).map(([name, count]) => [name, countOf(count)]);
  const tiers = Object.entries(tierRows).map(([name, count]) => [name, countOf(count)]);
  const sizes = files.map(({ folder, files: count, sizeBytes }) => [
    folder,
    `${formatCount(count)} ${count === 1 ? 'file' : 'files'}`.padStart(12),
    formatBytes(sizeBytes).padStart(11),
  ]);
  return [
    `${title('Readings')}\n${readingLines(summary)}`,
    `${title('Tiers, rows in the lake')}\n${formatRows(tiers)}`,
    `${title('Alarms')}\n${formatRows([['raised', countOf(alarms.raised)], ...kinds])}`,
    `${title('This process')}\n${formatRows([['speed', speedText(summary)]])}`,
    `${title(`On disk in ${out}`)}\n${formatRows(sizes)}`,
    `${title('Next')}\n${next.map((command) => `  ${command}`).join('\n')}`,
  ].join('\n\n');
}

function readingLines(summary: TelemetrySummary): string {
  const { readings, accepted, verdicts, late, tooLate, duplicates, deadLetters, counts, inputEnded } = summary;
  const { good = 0, ...others } = verdicts;
  const refused = partOf(counts, 'deadLetters.');
  return formatRows([
    ['read', countOf(readings), inputEnded ? 'the input has ended' : 'the input may go on'],
    ['good', countOf(good), `${formatShare(good, accepted)} of what was accepted`],
    ...Object.entries(others).map(([name, count]) => [name, countOf(count)]),
    ['late', countOf(late), 'in the tiers, without alarms'],
    ['too late', countOf(tooLate), 'kept in lake/late_readings'],
    ['duplicates', countOf(duplicates), 'counted once'],
    ['dead letters', countOf(deadLetters), clip(pairsOf(refused), 50)],
  ]);
}

function speedText({ process: { readingsPerSecond, seconds } }: TelemetrySummary): string {
  return `${formatCount(readingsPerSecond)} readings/s over ${seconds.toFixed(1)} s`;
}

function pairsOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${formatCount(count)}`)
    .join(', ');
}

function countOf(count: number): string {
  return formatCount(count).padStart(12);
}
