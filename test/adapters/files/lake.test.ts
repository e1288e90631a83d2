import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addRows, collectRows, type LakeRows } from '../../../adapters/files/lake-cut.ts';
import { type Lake, openLake } from '../../../adapters/files/lake.ts';
import type { TableRow, TableSchema } from '../../../core/sinks/table-schema.ts';

let dir = '';
let lake: Lake;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-lake-'));
  lake = openLake({ dir });
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const decisions: TableSchema = {
  name: 'decisions',
  partitionBy: 'event_time_ms',
  columns: [
    { name: 'event_time_ms', type: 'int64', nullable: false },
    { name: 'event_id', type: 'text', nullable: false },
  ],
};
const metrics: TableSchema = { name: 'metrics', columns: [{ name: 'count', type: 'int64', nullable: false }] };
const dayMs = 86_400_000;
const day0Ms = Date.UTC(2026, 0, 31);

function decision(day: number, id: string): TableRow {
  return { event_time_ms: day0Ms + day * dayMs + 5, event_id: id };
}

function rowsOf(tables: readonly (readonly [TableSchema, readonly TableRow[]])[]): LakeRows {
  const collected = collectRows();
  for (const [schema, rows] of tables) addRows(collected, schema, rows);
  return collected;
}

function writeThreeCuts(): void {
  lake.writeCut({
    startOffset: 0,
    endOffset: 10,
    rows: rowsOf([[decisions, [decision(1, 'b'), decision(0, 'a'), decision(1, 'c')]]]),
  });
  lake.writeCut({
    startOffset: 10,
    endOffset: 20,
    rows: rowsOf([
      [decisions, [decision(0, 'd')]],
      [metrics, [{ count: 1 }]],
    ]),
  });
  lake.writeCut({
    startOffset: 20,
    endOffset: 30,
    rows: rowsOf([
      [decisions, [decision(2, 'e')]],
      [metrics, []],
    ]),
  });
}

function relativePaths(table: string): string[] {
  return lake.listFiles(table).map(({ path }) => path.slice(dir.length + 1));
}

async function ids(): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const batch of lake.readRows('decisions', { columns: ['event_id'] }))
    found.push(...batch.map((row) => row['event_id']));
  return found;
}

test('a cut is a file a day, listed by start offset and then date', () => {
  writeThreeCuts();
  expect(relativePaths('decisions')).toEqual([
    'decisions/event_date=2026-01-31/0000000000000000-0000000000000010.parquet',
    'decisions/event_date=2026-02-01/0000000000000000-0000000000000010.parquet',
    'decisions/event_date=2026-01-31/0000000000000010-0000000000000020.parquet',
    'decisions/event_date=2026-02-02/0000000000000020-0000000000000030.parquet',
  ]);
  expect(lake.listFiles('decisions')[1]).toMatchObject({ startOffset: 0, endOffset: 10, date: '2026-02-01' });
});

test('a table without a partition column has one folder, and none without rows', () => {
  writeThreeCuts();
  expect(relativePaths('metrics')).toEqual(['metrics/0000000000000010-0000000000000020.parquet']);
  expect(lake.listFiles('metrics')[0]?.date).toBeNull();
  expect(lake.listFiles('absent')).toEqual([]);
});

test('rows come back in start offset order, within a file as they were written', async () => {
  writeThreeCuts();
  expect(await ids()).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('DuckDB reads a table with its dates', async () => {
  writeThreeCuts();
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const sql = `SELECT event_date::VARCHAR, count(*)::INT FROM read_parquet('${dir}/decisions/**/*.parquet', hive_partitioning = true) GROUP BY 1 ORDER BY 1`;
  expect((await connection.runAndReadAll(sql)).getRowsJson()).toEqual([
    ['2026-01-31', 2],
    ['2026-02-01', 2],
    ['2026-02-02', 1],
  ]);
  connection.closeSync();
  instance.closeSync();
});

test('removing from an offset leaves the cuts before it, no leftovers and no empty folders', async () => {
  writeThreeCuts();
  writeFileSync(join(dir, 'decisions/event_date=2026-01-31/0000000000000000-0000000000000010.parquet.tmp'), 'half');
  mkdirSync(join(dir, 'decisions/event_date=2026-03-09'));
  lake.removeFrom(10);
  expect(await ids()).toEqual(['a', 'b', 'c']);
  expect(new Set(readdirSync(dir, { recursive: true, encoding: 'utf8' }))).toEqual(
    new Set([
      'decisions',
      'decisions/event_date=2026-01-31',
      'decisions/event_date=2026-01-31/0000000000000000-0000000000000010.parquet',
      'decisions/event_date=2026-02-01',
      'decisions/event_date=2026-02-01/0000000000000000-0000000000000010.parquet',
    ]),
  );
});

test('the same cut written again after a crash gives the same bytes', () => {
  writeThreeCuts();
  const before = lake.listFiles('decisions').map(({ path }) => readFileSync(path));
  lake.removeFrom(0);
  expect(readdirSync(dir)).toEqual([]);
  writeThreeCuts();
  writeThreeCuts();
  expect(lake.listFiles('decisions').map(({ path }) => readFileSync(path))).toEqual(before);
});

test('a row without its partition time is refused', () => {
  expect(() => rowsOf([[decisions, [{ event_id: 'x' }]]])).toThrow('decisions.event_time_ms: got undefined');
});
