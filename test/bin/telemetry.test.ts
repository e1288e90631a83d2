import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { openLake } from '../../adapters/files/lake.ts';
import { readingContract } from '../../core/contract/reading.ts';
import type { TableRow } from '../../core/sinks/table-schema.ts';
import { parseRegistry, registryOfRows, registryText } from '../../core/telemetry/registry.ts';
import { inRepository, runWeir, startWeir, temporaryDirectory } from './weir-process.ts';

const registry = inRepository('examples/plants/registry.json');

const { dir, remove } = temporaryDirectory();
afterAll(remove);

describe('weir generate --telemetry', () => {
  test('writes readings that keep their contract, a registry that has their sensors, and the faults', async () => {
    const [out, csv, labels] = ['readings.jsonl', 'registry.csv', 'faults.csv'].map((name) => join(dir, name));
    const args = ['generate', '--telemetry', '--events', '30000', '--disturb', '--out', `${out}`];
    const ran = await startWeir([...args, '--registry', `${csv}`, '--labels', `${labels}`, '--json'], dir).ended;
    expect(ran.exitCode).toBe(0);
    expect(JSON.parse(ran.out)).toMatchObject({ readings: 30_000, sensors: 120, seed: 1 });
    const sensors = registryOfRows(parse(readFileSync(`${csv}`, 'utf8'), { columns: true }));
    const lines = readFileSync(`${out}`, 'utf8').trimEnd().split('\n');
    const readings = lines.slice(0, 500).map((line) => readingContract.schema.parse(JSON.parse(line).event));
    const known = new Set(sensors.devices.map(({ plant, sensor, unit }) => `${plant} ${sensor} ${unit}`));
    expect(lines).toHaveLength(30_000);
    expect(readings.every(({ plant, sensor, unit }) => known.has(`${plant} ${sensor} ${unit}`))).toBe(true);
    expect(readFileSync(`${labels}`, 'utf8').split('\n').length).toBeGreaterThan(10);
  });
});

describe('weir demo --telemetry', () => {
  test('watches plants, keeps everything, and says in JSON what came of it', async () => {
    const ran = await runWeir(['demo', '--telemetry', '--events', '30000', '--json'], dir);
    expect(ran.exitCode, ran.error).toBe(0);
    const report = JSON.parse(ran.out);
    expect(report).toMatchObject({ status: 'complete', readings: 30_000, sensors: 120, plants: 4 });
    expect(report.counts.records).toBe(30_001);
    expect(report.alarms.raised).toBeGreaterThan(10);
    expect(report.faults.found / report.faults.labelled).toBeGreaterThan(0.7);
    const lake = await lakeOf(report.out);
    expect(report.out).toBe(join('weir-out', 'demo-plants-1'));
    expect(lake.readings).toHaveLength(report.accepted);
    expect(lake.alarms.length).toBe(report.alarms.raised);
    const again = await runWeir(['demo', '--telemetry', '--events', '100', '--out', report.out], dir);
    expect([again.exitCode, again.error]).toEqual([2, expect.stringContaining('which is not empty')]);
  });
});

describe('weir telemetry', () => {
  test('without --out gives the rows of tiers and alarms as lines, with the registry of the example', async () => {
    const { source } = await readingsFile();
    const ran = await runWeir(['telemetry', '--registry', registry, '--source', source, '--json'], dir);
    const rows = ran.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(ran.exitCode, ran.error).toBe(0);
    const counts = JSON.parse(ran.error);
    expect(counts.records).toBe(20_001);
    const days = new Map<string, number>();
    for (const { output, key, values } of rows) if (output === 'tier_1d') days.set(key, values.good);
    expect([...days.values()].reduce((sum, good) => sum + good, 0)).toBe(counts['verdict.good']);
    expect(rows.filter(({ alarmId }) => alarmId !== undefined).length).toBeGreaterThan(10);
  });

  test('with --out keeps tables that agree with the lines, and is complete afterwards', async () => {
    const { source } = await readingsFile();
    const args = ['telemetry', '--registry', registry, '--source', source];
    const lines = JSON.parse((await runWeir([...args, '--json'], dir)).error);
    const ran = await runWeir([...args, '--out', 'kept', '--json'], dir);
    expect(ran.exitCode, ran.error).toBe(0);
    const report = JSON.parse(ran.out);
    expect(report).toMatchObject({ status: 'complete', readings: 20_000, inputEnded: true, counts: lines });
    const lake = await lakeOf('kept');
    expect(lake.readings).toHaveLength(report.accepted);
    expect(report.verdicts.good).toBe(lines['verdict.good']);
    expect(lake.tier_1d.reduce((sum, row) => sum + Number(row['good']), 0)).toBe(report.verdicts.good);
    const again = await runWeir([...args, '--out', 'kept'], dir);
    expect([again.exitCode, again.error]).toEqual([0, expect.stringContaining('kept is complete')]);
    expect(again.out).toMatch(/read +20,000 +the input has ended/);
    expect(again.out).toContain(`FROM 'kept/lake/tier_1h/*/*.parquet'`);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGKILL', null],
  ] as const)(
    'after %s goes on to the lake that one run would have made',
    async (signal, exitCode) => {
      const { lines } = await readingsFile();
      const args = (out: string) => ['telemetry', '--registry', registry, '--source', '-', '--out', out, '--json'];
      const { child, ended } = startWeir(args(signal), dir);
      child.stdin.write(lines.slice(0, lines.indexOf('\n', lines.length / 2) + 1));
      try {
        await vi.waitFor(() => expect(sizeOf(join(dir, signal, 'log'))).toBeGreaterThan(100_000), { timeout: 15_000 });
      } finally {
        child.kill(signal);
      }
      const stopped = await ended;
      expect(stopped.exitCode).toBe(exitCode);
      if (signal === 'SIGINT') expect(stopped.error).toContain('the same command goes on from here');
      const resumed = await runWeir(args(signal), dir, lines);
      expect(resumed.exitCode, resumed.error).toBe(0);
      expect(resumed.error).toContain(`resuming ${signal}: checkpoint at offset ${signal === 'SIGKILL' ? '0,' : ''}`);
      const whole = await runWeir(args(`${signal}-whole`), dir, lines);
      expect(JSON.parse(resumed.out).counts).toEqual(JSON.parse(whole.out).counts);
      const lake = await lakeOf(signal);
      expect(lake).toEqual(await lakeOf(`${signal}-whole`));
      expect(lake.tier_1m.length).toBeGreaterThan(200);
      expect(lake.alarms.length).toBeGreaterThan(10);
    },
    60_000,
  );

  test('leaves open what waits with --open-ended, and ends it in a later run', async () => {
    const { lines } = await readingsFile();
    const args = ['telemetry', '--registry', registry, '--source', '-', '--out', 'open', '--json'];
    const half = lines.slice(0, lines.indexOf('\n', lines.length / 2) + 1);
    const first = JSON.parse((await runWeir([...args, '--open-ended'], dir, half)).out);
    expect(first).toMatchObject({ status: 'complete', inputEnded: false });
    const last = JSON.parse((await runWeir(args, dir, lines)).out);
    expect(last).toMatchObject({ status: 'complete', inputEnded: true, readings: 20_000 });
    expect(last.process.readings).toBe(20_001 - first.readings);
    expect(last.tierRows.tier_1d).toBeGreaterThan(first.tierRows.tier_1d + 50);
  });

  test('says which file is no registry, and which source is not there', async () => {
    const bad = await runWeir(['telemetry', '--registry', inRepository('package.json'), '--source', '-'], dir);
    expect([bad.exitCode, bad.error]).toEqual([1, expect.stringContaining('package.json: registry: got')]);
    const args = ['telemetry', '--registry', registry, '--source', 'nowhere.jsonl', '--out', 'missing'];
    const missing = await runWeir(args, dir);
    expect([missing.exitCode, missing.error]).toEqual([2, expect.stringContaining('got no file at nowhere.jsonl')]);
    expect(existsSync(join(dir, 'missing'))).toBe(false);
  });

  test('refuses a directory that another registry or another source began', async () => {
    const { source } = await readingsFile();
    const args = (sensors: string, from: string) =>
      ['telemetry', '--registry', sensors, '--source', from, '--out', 'claimed'] as const;
    expect((await runWeir(args(registry, source), dir)).exitCode).toBe(0);
    const other = await runWeir(args(registry, '-'), dir);
    expect([other.exitCode, other.error]).toEqual([2, expect.stringContaining('was begun with something else')]);
    const { devices } = parseRegistry(readFileSync(registry, 'utf8'));
    writeFileSync(join(dir, 'fewer.json'), registryText(devices.slice(1)));
    const fewer = await runWeir(args('fewer.json', source), dir);
    expect([fewer.exitCode, fewer.error]).toEqual([1, expect.stringContaining('was begun with another registry')]);
  });

  test('wants options that belong together', async () => {
    const args = ['telemetry', '--registry', registry, '--source', '-'];
    const both = await runWeir([...args, '--out', 'both', '--alarms'], dir);
    expect([both.exitCode, both.error]).toEqual([2, expect.stringContaining('--alarms with --out')]);
    const neither = await runWeir([...args, '--open-ended'], dir);
    expect([neither.exitCode, neither.error]).toEqual([2, expect.stringContaining('only what is kept')]);
  });
});

describe('the registry of the example', () => {
  test('is one', () => {
    expect(parseRegistry(readFileSync(registry, 'utf8')).devices).toHaveLength(120);
  });
});

let written: Promise<{ readonly source: string; readonly lines: string }> | null = null;

/** Readings of the sensors of the example, with much that goes wrong: the same file for every test. */
function readingsFile() {
  return (written ??= writeReadings());
}

async function writeReadings() {
  const source = join(dir, 'watched.jsonl');
  await runWeir(['generate', '--telemetry', '--events', '20000', '--disturb', '--out', source], dir);
  return { source, lines: readFileSync(source, 'utf8') };
}

const tables = ['readings', 'tier_1m', 'tier_1h', 'tier_1d', 'alarms', 'late_readings', 'dead_letters'] as const;
const keyColumns: Readonly<Record<string, readonly string[]>> = {
  tier_1m: ['plant', 'line', 'machine', 'sensor', 'pane_start'],
  tier_1h: ['plant', 'line', 'machine', 'sensor', 'pane_start'],
  tier_1d: ['plant', 'line', 'machine', 'sensor', 'pane_start'],
  alarms: ['alarm_id'],
};

/** Every row of every table of a run's lake, sorted; of a pane's rows and of an alarm's the one that counts. */
async function lakeOf(out: string): Promise<Record<(typeof tables)[number], TableRow[]>> {
  const lake = openLake({ dir: join(dir, out, 'lake') });
  const found = {
    readings: [],
    tier_1m: [],
    tier_1h: [],
    tier_1d: [],
    alarms: [],
    late_readings: [],
    dead_letters: [],
  };
  const rowsOf: Record<(typeof tables)[number], TableRow[]> = found;
  for (const table of tables) {
    const rows = (await Array.fromAsync(lake.readRows(table))).flat();
    rowsOf[table] = lastRevisions(rows, keyColumns[table]).toSorted((left, right) =>
      text(left) < text(right) ? -1 : 1,
    );
  }
  return rowsOf;
}

/** How often a row of a pane was sent depends on where a run was cut, so the number of its revision is left out. */
function lastRevisions(rows: readonly TableRow[], columns: readonly string[] | undefined): TableRow[] {
  if (columns === undefined) return [...rows];
  const last = new Map<string, TableRow>();
  for (const row of rows) {
    const key = text(columns.map((name) => row[name]));
    if (Number(row['revision']) >= Number(last.get(key)?.['revision'] ?? 0)) last.set(key, row);
  }
  return [...last.values()].map((row) => ({ ...row, revision: null }));
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part));
}

/** Bytes of the files of a folder; none while there is no folder. */
function sizeOf(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
