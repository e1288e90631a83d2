import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ChangeFormat, changeFormats } from '../../core/contract/change-format.ts';
import { readChange } from '../../core/decode/read-change.ts';
import { rowVersions } from '../../core/decode/row-versions.ts';
import { debeziumRecords, dmsRecord, maxwellRecord, tableChanges } from './table-changes.ts';

const golden = join(import.meta.dirname, '../golden/changes');
const read = (format: ChangeFormat, value: unknown) => readChange(format, Buffer.from(JSON.stringify(value)));

describe.each(changeFormats)('the samples of %s', (format) => {
  test('are read as they were', async () => {
    const lines = readFileSync(join(golden, `${format}.jsonl`), 'utf8')
      .trimEnd()
      .split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(10);
    const told = lines.map((line) => {
      const result = readChange(format, Buffer.from(line));
      if (result.kind !== 'change') return result;
      const made = rowVersions(result.change, { merchant: ['merchant_id'], dispute: ['dispute_id'] });
      if (!made.ok) throw new Error(made.message);
      return { ...result, versions: made.versions.map(({ kind, key }) => ({ kind, key })) };
    });
    expect(told.filter(({ kind }) => kind === 'refused')).toEqual([]);
    await expect(`${JSON.stringify(told, null, 1)}\n`).toMatchFileSnapshot(join(golden, `${format}.read.json`));
  });
});

describe('reading changes', () => {
  test('refuses with a reason whatever is no envelope, and never throws', () => {
    let refused = 0;
    const check = (bytes: Uint8Array): void => {
      for (const format of changeFormats) {
        const result = readChange(format, bytes);
        if (result.kind === 'refused') {
          expect(result.refusal.message).toMatch(/got .+ expected /);
          refused += 1;
        } else if (result.kind === 'change') rowVersions(result.change);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), check), { numRuns: 300 });
    fc.assert(
      fc.property(fc.json(), (text) => check(Buffer.from(text))),
      { numRuns: 300 },
    );
    expect(refused).toBeGreaterThan(1000);
  });

  test('of an envelope with any part put in the place of another never throws', () => {
    const names = [
      'op',
      'source',
      'before',
      'after',
      'data',
      'metadata',
      'type',
      'ts',
      'old',
      'schema',
      'payload',
      'key',
    ];
    let told = 0;
    const mutated = fc
      .tuple(tableChanges, fc.constantFrom(...changeFormats), fc.constantFrom(...names), fc.jsonValue())
      .filter(([changes]) => changes.length > 0);
    fc.assert(
      fc.property(mutated, fc.boolean(), ([[change], format, name, part], isNested) => {
        if (change === undefined) return;
        const envelope: unknown = JSON.parse(recordsOf[format](change)[0] ?? '{}');
        const spread = { ...(envelope as Record<string, unknown>) };
        const value = isNested
          ? { ...spread, value: { ...(spread['value'] as object), [name]: part } }
          : { ...spread, [name]: part };
        const result = read(format, value);
        told += 1;
        if (result.kind === 'change') rowVersions(result.change);
        else if (result.kind === 'refused') expect(result.refusal.message).toMatch(/got .+ expected /);
      }),
      { numRuns: 500 },
    );
    expect(told).toBeGreaterThan(400);
  });

  test('says what came, what was expected, and which envelope it looks like', () => {
    const dms = { data: { id: 1 }, metadata: { operation: 'truncate', 'table-name': 'merchant' } };
    expect(read('dms', dms)).toMatchObject({
      refusal: {
        message: 'got "truncate" at metadata.operation, expected load, insert, update or delete in a dms envelope',
      },
    });
    expect(read('debezium', dms)).toMatchObject({
      refusal: { message: expect.stringMatching(/^got nothing at op, .*; it looks like dms$/) },
    });
    expect(read('debezium', { op: 't', source: { table: 'merchant', ts_ms: 1 } })).toMatchObject({
      refusal: { message: expect.stringContaining('got "t" at op') },
    });
  });

  test('passes over what is beside the changes', () => {
    const asides: readonly (readonly [ChangeFormat, unknown, string])[] = [
      ['debezium', null, 'tombstone'],
      ['debezium', { key: { id: 1 }, value: null }, 'tombstone'],
      ['debezium', { status: 'BEGIN', id: '571:53195832', ts_ms: 1 }, 'transaction'],
      ['debezium', { ts_ms: 1 }, 'heartbeat'],
      ['debezium', { op: 'm', source: {}, message: { prefix: 'p', content: '' } }, 'message'],
      ['debezium', { source: {}, databaseName: 'd', ddl: 'alter table', tableChanges: [] }, 'schemaChange'],
      ['dms', { metadata: { 'record-type': 'control', operation: 'drop-table' } }, 'schemaChange'],
      ['dms', { data: {}, metadata: { 'schema-name': '', 'table-name': 'awsdms_apply_exceptions' } }, 'applyException'],
      ['maxwell', { type: 'bootstrap-start', database: 'd', table: 't', ts: 1, data: {} }, 'bootstrap'],
      ['maxwell', { type: 'table-drop', database: 'd', table: 't', ts: 1 }, 'schemaChange'],
    ];
    for (const [format, value, what] of asides) expect(read(format, value)).toEqual({ kind: 'aside', what });
  });

  test('keeps a number that a double cannot hold as its text', () => {
    const bytes =
      '{"database":"d","table":"t","type":"insert","ts":1,"data":{"a":9007199254740993,"b":12.50,"c":0.12345678901234567,"d":1e400,"e":-9007199254740991}}';
    const result = readChange('maxwell', Buffer.from(bytes));
    expect(result).toMatchObject({
      change: { after: { a: '9007199254740993', b: 12.5, c: '0.12345678901234567', d: '1e400', e: -9007199254740991 } },
    });
  });
});

describe('the versions of a change', () => {
  test('throw where a column is read that did not change and that the log does not have', () => {
    const source = { table: 'merchant', ts_ms: 5, lsn: 7 };
    const after = { id: 1, note: '__debezium_unavailable_value', risk: 'low' };
    const made = (before: unknown) => {
      const result = read('debezium', { key: { id: 1 }, value: { op: 'u', source, after, before } });
      if (result.kind !== 'change') throw new Error('expected a change');
      const versions = rowVersions(result.change);
      return versions.ok ? versions.versions[0]?.values : undefined;
    };
    expect(made(null)?.['risk']).toBe('low');
    expect(() => made(null)?.['note']).toThrow('got no value of merchant.note, which did not change');
    expect(() => ({ ...made({ id: 1, note: '' }) })).toThrow('REPLICA IDENTITY FULL');
    expect(made({ id: 1, note: 'long' })).toEqual({ id: 1, note: 'long', risk: 'low' });
  });

  test('want the columns of the key', () => {
    const result = read('dms', JSON.parse(dmsRecord({ ...sample })));
    if (result.kind !== 'change') throw new Error('expected a change');
    expect(rowVersions(result.change)).toEqual({
      ok: false,
      message: expect.stringContaining('keys: { "merchant": [...] }'),
    });
    expect(rowVersions(result.change, { 'public.merchant': ['other'] })).toEqual({
      ok: false,
      message: 'got a change of public.merchant without its key, expected a value of other',
    });
  });
});

const recordsOf: Readonly<Record<ChangeFormat, (change: Parameters<typeof dmsRecord>[0]) => string[]>> = {
  debezium: debeziumRecords,
  dms: (change) => [dmsRecord(change)],
  maxwell: (change) => [maxwellRecord(change)],
};

const sample = {
  kind: 'insert',
  key: 'a',
  oldKey: null,
  before: null,
  after: { merchant_id: 'a', risk: 'low', sector: null },
  commitTimeMs: 1_767_258_000_000,
  transaction: 1,
  within: 0,
  logPosition: 1,
} as const;
