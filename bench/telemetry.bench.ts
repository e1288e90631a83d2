import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openTelemetry } from '../runtime/telemetry.ts';
import { type ReadingLog, writeReadingLog } from './telemetry-log.ts';
import { timeTelemetryStages } from './telemetry-stages.ts';

export const name = 'telemetry';

const { values } = parseArgs({
  strict: false,
  options: { seconds: { type: 'string', default: '30' }, rate: { type: 'string', default: '140000' } },
});
const seconds = Number(values.seconds);
const rate = Number(values.rate);
const lines: string[] = [];
const root = mkdtempSync(join(tmpdir(), 'weir-bench-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

/**
 * From the bytes of the log to all sinks, durable: tiers, alarms, readings in Parquet, identities, checkpoints. The log is
 * written before; its records are released by the clock, `--rate` a second for `--seconds`, or all at once.
 */
export const variants = [
  { name: 'all at once', run: () => runOnce(Number.POSITIVE_INFINITY) },
  { name: `${rate} a second`, run: () => runOnce(rate) },
  { name: 'by stage', run: runStages },
];

const stageRecordsMax = 10_000_000;

async function runStages(): Promise<number> {
  const { dir, log } = output();
  const records = Math.min(log.records, stageRecordsMax);
  const stages = await timeTelemetryStages({ dir, registry: log.registry, records });
  const each = Object.entries(stages).map(([stage, us]) => `${stage} ${us.toFixed(2)}`);
  lines.push(`by stage, CPU us a reading of ${records}: ${each.join('; ')}`);
  return records;
}

/** Lag, memory and rates of each run. */
export function report(): readonly string[] {
  return lines;
}

async function runOnce(ratePerSecond: number): Promise<number> {
  const { dir, log } = output();
  const run = openTelemetry({ dir, registry: log.registry });
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  let lagSecondsMax = 0;
  let rssBytesMax = 0;
  while (run.nextOffset < log.records) {
    const dueRecords = Math.min(log.records, ((performance.now() - startMs) * ratePerSecond) / 1000);
    const lag = dueRecords - run.nextOffset;
    if (ratePerSecond !== Infinity) lagSecondsMax = Math.max(lagSecondsMax, lag / ratePerSecond);
    if (lag < 1) await sleep(5);
    else await run.process({ lagRecordsMax: Math.max(log.records - dueRecords, run.lagRecords - 16_384) });
    rssBytesMax = Math.max(rssBytesMax, process.memoryUsage().rss);
  }
  await run.commit();
  const wallSeconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const perSecond = Math.round(log.records / wallSeconds).toLocaleString('en-US');
  const cpuUs = ((user + system) / log.records).toFixed(2);
  lines.push(
    `${ratePerSecond} a second: ${log.records} readings in ${wallSeconds.toFixed(1)} s, ${perSecond} a second, ` +
      `CPU ${cpuUs} us a reading, lag at most ${lagSecondsMax.toFixed(2)} s, memory at most ${Math.round(rssBytesMax / 2 ** 20)} MiB`,
    [...run.counts].map(([count, value]) => `${count} ${value}`).join(', '),
  );
  await run.close();
  return log.records;
}

let written: ReadingLog | null = null;

/** An output directory whose log holds the readings and of which nothing is taken yet. */
function output(): { readonly dir: string; readonly log: ReadingLog } {
  const dir = join(root, 'out');
  if (written === null) written = writeReadingLog({ dir: join(dir, 'log'), records: seconds * rate });
  for (const part of ['lake', 'identities', 'panes', 'checkpoints']) {
    rmSync(join(dir, part), { recursive: true, force: true });
  }
  return { dir, log: written };
}
