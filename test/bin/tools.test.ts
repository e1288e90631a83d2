import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readParquetFile } from '../../adapters/files/parquet-reader.ts';
import { inRepository, runWeir, temporaryDirectory } from './weir-process.ts';

const { dir, remove } = temporaryDirectory();
afterAll(remove);

const weir = (...args: string[]) => runWeir(args, dir);

describe.concurrent('weir generate', () => {
  test('writes so many authorizations, their truth, and the same bytes again', async () => {
    const args = ['generate', '--events', '400', '--seed', '9'];
    const file = await weir(...args, '--out', 'events.jsonl', '--labels', 'labels.csv', '--json');
    expect(file.exitCode, file.error).toBe(0);
    const text = readFileSync(join(dir, 'events.jsonl'), 'utf8');
    expect((await weir(...args)).out).toBe(text);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(JSON.parse(file.out)).toMatchObject({ events: lines.length, authorizations: 400 });
    const authorizations = lines.filter(({ topic }) => topic === 'payments.authorization.v1');
    const labels = readFileSync(join(dir, 'labels.csv'), 'utf8').trimEnd().split('\n');
    expect(labels[0]).toBe('event_id,scenario');
    expect(labels.slice(1).map((label) => label.split(',')[0])).toEqual(
      authorizations.map(({ event }) => event.eventId),
    );
  });

  test('--disturb repeats and damages some events', async () => {
    const disturbed = (await weir('generate', '--events', '4000', '--disturb')).out.trimEnd().split('\n');
    expect(disturbed.length).toBeGreaterThan(new Set(disturbed).size);
  });
});

describe.concurrent('weir features', () => {
  test('writes a row a payment, each feature with its settled value', async () => {
    const source = inRepository('examples/small/payments.csv');
    const definition = inRepository('examples/handbook/features.ts');
    const args = ['features', '--definition', definition, '--source', source, '--out', 'features.parquet', '--json'];
    const { exitCode, out, error } = await weir(...args);
    expect(exitCode, error).toBe(0);
    const { rows, features }: { readonly rows: number; readonly features: readonly string[] } = JSON.parse(out);
    const table = await readParquetFile({ path: join(dir, 'features.parquet') });
    expect({ rows, length: table.length }).toEqual({ rows: 2000, length: 2000 });
    expect(features).toContain('customer_count_7d');
    expect(Object.keys(table[0] ?? {})).toEqual(
      expect.arrayContaining(['transaction_id', ...features, ...features.map((name) => `${name}_settled`)]),
    );
  });
});

describe.concurrent('weir contracts', () => {
  test('the contracts fit the lock of the project', async () => {
    const { exitCode, out } = await weir('contracts', 'check', '--json');
    expect(JSON.parse(out)).toMatchObject({ ok: true, contracts: 8, incompatible: [] });
    expect(exitCode).toBe(0);
  });

  test('a lock that accepted more ends with 3 and names field, rule and both sides', async () => {
    const lock = JSON.parse(readFileSync(inRepository('contracts.lock.json'), 'utf8'));
    lock.contracts['payments.authorization.v1'].fields.amountMinor.bounds.maximum = 9_000_000_000_000;
    const text = JSON.stringify(lock);
    writeFileSync(join(dir, 'lock.json'), text);
    const { exitCode, out } = await weir('contracts', 'check', '--lock', 'lock.json', '--json');
    expect(exitCode).toBe(3);
    expect(JSON.parse(out).incompatible).toEqual([
      {
        topic: 'payments.authorization.v1',
        field: 'amountMinor',
        rule: 'boundTightened',
        direction: 'backward',
        versionsBack: 1,
        writer: 'maximum 9000000000000',
        reader: 'maximum 1000000000000',
      },
    ]);
    const refused = await weir('contracts', 'lock', '--write', '--lock', 'lock.json');
    expect(refused.exitCode).toBe(3);
    expect(readFileSync(join(dir, 'lock.json'), 'utf8')).toBe(text);
    expect((await weir('contracts', 'lock', '--write', '--force', '--lock', 'lock.json')).exitCode).toBe(0);
    expect((await weir('contracts', 'check', '--lock', 'lock.json')).exitCode).toBe(0);
  });

  test('the list has every contract', async () => {
    const { out } = await weir('contracts', 'list', '--json');
    expect(JSON.parse(out)).toContainEqual(expect.objectContaining({ topic: 'fraud.decision.v1' }));
  });
});

describe.concurrent('weir doctor', () => {
  test('finds the shipped parts fit, and ends with 3 only when something needed is missing', async () => {
    const { exitCode, out } = await weir('doctor', '--json');
    const { ok, findings } = JSON.parse(out);
    expect(findings).toContainEqual(
      expect.objectContaining({ name: 'Definition, rules, model', ok: true, needed: true }),
    );
    expect(findings).toContainEqual(expect.objectContaining({ name: 'Node.js', ok: true }));
    expect(exitCode).toBe(ok ? 0 : 3);
  });

  test('a missing model is found, with what to do', async () => {
    const { exitCode, out } = await weir('doctor', '--model', 'none.json', '--json');
    expect(exitCode).toBe(3);
    expect(JSON.parse(out).findings).toContainEqual({
      name: 'Definition, rules, model',
      needed: true,
      ok: false,
      found: 'got no file at none.json',
      fix: expect.stringMatching(/./),
    });
  });
});
