import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, describe, expect, test } from 'vitest';
import { readingContract } from '../../core/contract/reading.ts';
import { parseRegistry, registryOfRows } from '../../core/telemetry/registry.ts';
import { inRepository, startWeir, temporaryDirectory } from './weir-process.ts';

const { dir, remove } = temporaryDirectory();
afterAll(remove);

describe('weir generate --telemetry', () => {
  test('writes readings that keep their contract, a registry that has their sensors, and the faults', async () => {
    const [out, csv, labels] = ['readings.jsonl', 'registry.csv', 'faults.csv'].map((name) => join(dir, name));
    const args = ['generate', '--telemetry', '--events', '30000', '--disturb', '--out', `${out}`];
    const ran = await startWeir([...args, '--registry', `${csv}`, '--labels', `${labels}`, '--json'], dir).ended;
    expect(ran.exitCode).toBe(0);
    expect(JSON.parse(ran.out)).toMatchObject({ readings: 30_000, sensors: 120, seed: 1 });
    const registry = registryOfRows(parse(readFileSync(`${csv}`, 'utf8'), { columns: true }));
    const lines = readFileSync(`${out}`, 'utf8').trimEnd().split('\n');
    const readings = lines.slice(0, 500).map((line) => readingContract.schema.parse(JSON.parse(line).event));
    const known = new Set(registry.devices.map(({ plant, sensor, unit }) => `${plant} ${sensor} ${unit}`));
    expect(lines).toHaveLength(30_000);
    expect(readings.every(({ plant, sensor, unit }) => known.has(`${plant} ${sensor} ${unit}`))).toBe(true);
    expect(readFileSync(`${labels}`, 'utf8').split('\n').length).toBeGreaterThan(10);
  });
});

describe('weir demo --telemetry', () => {
  test('watches plants and says in JSON what came of it', async () => {
    const ran = await startWeir(['demo', '--telemetry', '--events', '30000', '--json'], dir).ended;
    const report = JSON.parse(ran.out);
    expect(ran.exitCode).toBe(0);
    expect(report).toMatchObject({ readings: 30_000, sensors: 120, plants: 4 });
    expect(report.counts.records).toBe(30_001);
    expect(report.tierRows.tier_1d.rows).toBeGreaterThanOrEqual(120);
    expect(report.alarms.raised).toBeGreaterThan(10);
    expect(report.faults.found / report.faults.labelled).toBeGreaterThan(0.7);
  });

  test('writes nothing, and refuses to be told where', async () => {
    const ran = await startWeir(['demo', '--telemetry', '--events', '100', '--out', join(dir, 'demo')], dir).ended;
    expect(ran.exitCode).toBe(1);
    expect(ran.error).toContain('--out');
  });
});

describe('weir telemetry', () => {
  test('gives the rows of tiers and alarms of a file, with the registry of the example', async () => {
    const out = join(dir, 'watched.jsonl');
    await startWeir(['generate', '--telemetry', '--events', '20000', '--out', out], dir).ended;
    const registry = inRepository('examples/plants/registry.json');
    const ran = await startWeir(['telemetry', '--registry', registry, '--source', out, '--json'], dir).ended;
    const rows = ran.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(ran.exitCode).toBe(0);
    expect(JSON.parse(ran.error)).toMatchObject({ records: 20_001, accepted: 20_000 });
    const good = rows.filter(({ output }) => output === 'tier_1d').reduce((sum, { values }) => sum + values.good, 0);
    expect(good).toBe(JSON.parse(ran.error)['verdict.good']);
    expect(rows.filter(({ alarmId }) => alarmId !== undefined).length).toBeGreaterThan(10);
  });

  test('says which file is no registry', async () => {
    const ran = await startWeir(['telemetry', '--registry', inRepository('package.json'), '--source', '-'], dir).ended;
    expect(ran.exitCode).toBe(1);
    expect(ran.error).toContain('package.json: registry: got');
  });
});

describe('the registry of the example', () => {
  test('is one', () => {
    const registry = parseRegistry(readFileSync(inRepository('examples/plants/registry.json'), 'utf8'));
    expect(registry.devices).toHaveLength(120);
  });
});
