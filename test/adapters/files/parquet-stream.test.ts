import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readParquetFile } from '../../../adapters/files/parquet-reader.ts';
import { openParquetStream } from '../../../adapters/files/parquet-stream.ts';
import { type ColumnData, idColumn, internedTexts, numberColumn } from '../../../core/sinks/column-data.ts';
import { createInterner, internText } from '../../../core/decode/interner.ts';
import type { ColumnType, TableRow, TableSchema } from '../../../core/sinks/table-schema.ts';

let dir = '';
let path = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-parquet-'));
  path = join(dir, 'table.parquet');
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const types: readonly ColumnType[] = ['text', 'int64', 'int32', 'double', 'boolean', 'timestamp', 'json', 'bytes'];
const schema: TableSchema = {
  name: 'every_type',
  columns: [
    { name: 'row', type: 'int64', nullable: false },
    ...types.map((type) => ({ name: `a_${type}`, type, nullable: true })),
  ],
};

const safeMax = Number.MAX_SAFE_INTEGER;
const edges: readonly TableRow[] = [
  {
    row: 0,
    a_text: '',
    a_int64: safeMax,
    a_int32: 2147483647,
    a_double: -0.1,
    a_boolean: true,
    a_timestamp: 0,
    a_json: [],
    a_bytes: new Uint8Array(),
  },
  {
    row: 1,
    a_text: 'Zürich 東京 🦊',
    a_int64: -safeMax,
    a_int32: -2147483648,
    a_double: 5e-324,
    a_boolean: false,
    a_timestamp: -1,
    a_json: { k: 'é "x"' },
    a_bytes: new Uint8Array([0, 255, 34]),
  },
  { row: 2 },
  {
    row: 3,
    a_text: null,
    a_int64: 0,
    a_int32: 0,
    a_double: 1e308,
    a_boolean: null,
    a_timestamp: 1_750_000_000_123,
    a_json: 7,
    a_bytes: null,
  },
];

function writeParquetFile(table: { path: string; schema: TableSchema; rows: readonly TableRow[] }): void {
  const stream = openParquetStream(table);
  try {
    for (const row of table.rows) stream.push(row);
    stream.finish();
  } catch (error) {
    stream.abandon();
    throw error;
  }
}

/** What a row reads back as: every column, null where it had none. */
function whole(row: TableRow): TableRow {
  return Object.fromEntries(schema.columns.map(({ name }) => [name, row[name] ?? null]));
}

async function query(sql: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

describe('a Parquet file', () => {
  test('reads back as it was written, with nulls, empty and extreme values', async () => {
    writeParquetFile({ path, schema, rows: edges });
    expect(await readParquetFile({ path })).toEqual(edges.map(whole));
    expect(await readParquetFile({ path, columns: ['a_int64'] })).toEqual(
      edges.map((row) => ({ a_int64: row['a_int64'] ?? null })),
    );
    expect(existsSync(`${path}.tmp`)).toBe(false);
  });

  test('is the same to DuckDB', async () => {
    writeParquetFile({ path, schema, rows: edges });
    const rows = await query(
      `SELECT a_text, a_int64::VARCHAR, a_int32, a_double, a_boolean, epoch_ms(a_timestamp)::VARCHAR, a_json::VARCHAR, hex(a_bytes) FROM '${path}' ORDER BY row`,
    );
    expect(rows).toEqual([
      ['', '9007199254740991', 2147483647, -0.1, true, '0', '[]', ''],
      ['Zürich 東京 🦊', '-9007199254740991', -2147483648, 5e-324, false, '-1', '{"k":"é \\"x\\""}', '00FF22'],
      [null, null, null, null, null, null, null, null],
      [null, '0', 0, 1e308, null, '1750000000123', '7', null],
    ]);
  });

  test('keeps its column types without a single row', async () => {
    writeParquetFile({ path, schema, rows: [] });
    expect(await readParquetFile({ path })).toEqual([]);
    const columns = await query(`SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '${path}')`);
    expect(columns).toEqual([
      ['row', 'BIGINT'],
      ['a_text', 'VARCHAR'],
      ['a_int64', 'BIGINT'],
      ['a_int32', 'INTEGER'],
      ['a_double', 'DOUBLE'],
      ['a_boolean', 'BOOLEAN'],
      ['a_timestamp', 'TIMESTAMP WITH TIME ZONE'],
      ['a_json', 'JSON'],
      ['a_bytes', 'BLOB'],
    ]);
  });

  test('of several row groups, with texts that repeat and texts that do not, is the same to DuckDB', async () => {
    const count = 70_000;
    const rows = Array.from({ length: count }, (_, row) => ({
      row,
      a_text: `id-${row * 7919}`,
      a_json: row % 3,
      a_double: row % 7 === 0 ? null : Math.sqrt(row),
      a_int32: row % 100,
      a_int64: 1_000_000_000_000 - row * 3,
    }));
    writeParquetFile({ path, schema, rows });
    const sums = await query(
      `SELECT count(*), count(DISTINCT a_text), count(a_double), sum(a_int32)::BIGINT, sum(a_int64)::VARCHAR, sum(a_json::INT)::BIGINT FROM '${path}'`,
    );
    const int64Sum = rows.reduce((sum, row) => sum + BigInt(row.a_int64), 0n);
    const jsonSum = rows.reduce((sum, row) => sum + row.a_json, 0);
    expect(sums).toEqual([[String(count), String(count), '60000', '3465000', String(int64Sum), String(jsonSum)]]);
    expect((await readParquetFile({ path, columns: ['row', 'a_text'] })).at(-1)).toEqual({
      row: count - 1,
      a_text: 'id-554322081',
    });
  });

  test('reads back as it was written for any rows', async () => {
    const values: Record<string, fc.Arbitrary<unknown>> = {
      a_text: fc.string({ unit: 'grapheme' }),
      a_int64: fc.maxSafeInteger(),
      a_int32: fc.integer(),
      a_double: fc.double({ noNaN: true }),
      a_boolean: fc.boolean(),
      a_timestamp: fc.integer({ min: -1e12, max: 4e12 }),
      a_json: fc.array(fc.oneof(fc.string(), fc.integer(), fc.constant(null))),
      a_bytes: fc.uint8Array(),
    };
    const row = fc.record(Object.fromEntries(Object.entries(values).map(([name, value]) => [name, fc.option(value)])));
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 40 }), async (rows) => {
        const numbered: TableRow[] = rows.map((columns, i) => ({ ...columns, row: i }));
        writeParquetFile({ path, schema, rows: numbered });
        expect(await readParquetFile({ path })).toEqual(numbered.map(whole));
      }),
      { numRuns: 60 },
    );
  });

  test('reads back as it was written from columns, whatever the numbers and however they repeat', async () => {
    const numbers = fc.oneof(
      fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 200 }),
      fc.array(fc.constantFrom(0, -0, 1.5, 7), { maxLength: 300 }),
    );
    const integers = fc
      .tuple(
        fc.maxSafeInteger(),
        fc.nat({ max: 45 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 300 }),
      )
      .map(([base, bits, shares]) => shares.map((share) => Math.trunc(base / 2) + Math.floor(share * 2 ** bits)));
    await fc.assert(
      fc.asyncProperty(numbers, integers, fc.nat({ max: 4 }), async (doubles, wholes, nullEach) => {
        const count = Math.min(doubles.length, wholes.length);
        const isNull = (row: number): boolean => nullEach > 0 && row % (nullEach + 1) === 0;
        const column = (values: readonly number[]): ColumnData =>
          numberColumn(Float64Array.from(values, (value, row) => (isNull(row) ? Number.NaN : value)));
        const narrow = {
          name: 'narrow',
          columns: ['double', 'int64'].map((name) => ({ name, type: name as ColumnType, nullable: true })),
        };
        const stream = openParquetStream({ path, schema: narrow });
        stream.append([column(doubles), column(wholes)], 0, count);
        stream.finish();
        const expected = Array.from({ length: count }, (_, row) =>
          isNull(row) ? { double: null, int64: null } : { double: doubles[row], int64: wholes[row] },
        );
        expect(await readParquetFile({ path })).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  test('is not written when a value is of another type, and the message does not quote it', () => {
    const wrong: [string, unknown][] = [
      ['a_text', 4111],
      ['a_int64', 2 ** 53],
      ['a_int32', 2 ** 31],
      ['a_double', Number.NaN],
      ['a_boolean', 'secret-value'],
      ['a_timestamp', 1.5],
      ['a_bytes', 'secret-value'],
      ['row', null],
    ];
    for (const [name, value] of wrong) {
      const rows = [{ row: 0, [name]: value }];
      expect(() => writeParquetFile({ path, schema, rows })).toThrow(
        new RegExp(`every_type\\.${name}, row 0: got (?!.*secret)`),
      );
    }
    expect(existsSync(path)).toBe(false);
  });

  test('that was cut or is something else is refused with its path', async () => {
    writeParquetFile({ path, schema, rows: edges });
    truncateSync(path, 300);
    await expect(readParquetFile({ path })).rejects.toMatchObject({ code: 'PARQUET_UNREADABLE', facts: { path } });
    writeFileSync(path, '');
    await expect(readParquetFile({ path })).rejects.toMatchObject({ code: 'PARQUET_UNREADABLE' });
    await expect(readParquetFile({ path: join(dir, 'absent') })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});

test('texts by id are the file that the same texts as rows are, of one tenant, of several', () => {
  const texts: TableSchema = { name: 'texts', columns: [{ name: 'text', type: 'text', nullable: true }] };
  const seen = { one: 0, several: 0, shared: 0 };
  const cell = fc.tuple(fc.constantFrom('a', 'b', 'ä', 'longer'), fc.nat({ max: 2 }), fc.boolean());
  fc.assert(
    fc.property(fc.array(fc.array(cell, { maxLength: 12 }), { maxLength: 5 }), (portions) => {
      const interner = createInterner();
      const stream = openParquetStream({ path, schema: texts });
      const textOf = internedTexts(interner);
      for (const portion of portions) {
        const ids = Int32Array.from(portion, ([text, scope, isNull]) =>
          isNull ? -1 : internText(interner, text, scope),
        );
        stream.append([idColumn(ids, textOf)], 0, ids.length);
      }
      stream.finish();
      const bytes = readFileSync(path);
      const present = portions.flat().filter(([, , isNull]) => !isNull);
      const scopes = new Set(present.map(([, scope]) => scope)).size;
      if (scopes === 1) seen.one++;
      if (scopes > 1) seen.several++;
      if (new Set(present.map(([text]) => text)).size < interner.size) seen.shared++;
      const rows = portions.flat().map(([text, , isNull]) => ({ text: isNull ? null : text }));
      writeParquetFile({ path, schema: texts, rows });
      expect(bytes.equals(readFileSync(path))).toBe(true);
    }),
    { numRuns: 100 },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(2);
});
