import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Lake, openLake } from '../../../adapters/files/lake.ts';
import { type ColumnData, idColumn, listedTexts, numberColumn } from '../../../core/sinks/column-data.ts';
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

function writeCut(startOffset: number, tables: readonly (readonly [TableSchema, readonly TableRow[]])[]): void {
  const cut = lake.openCut(startOffset);
  for (const [schema, rows] of tables) cut.table(schema).appendRows(rows);
  cut.finishSync(startOffset + 10);
}

function writeThreeCuts(): void {
  writeCut(0, [[decisions, [decision(1, 'b'), decision(0, 'a'), decision(1, 'c')]]]);
  writeCut(10, [
    [decisions, [decision(0, 'd')]],
    [metrics, [{ count: 1 }]],
  ]);
  writeCut(20, [
    [decisions, [decision(2, 'e')]],
    [metrics, []],
  ]);
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
  const table = lake.openCut(0).table(decisions);
  expect(() => table.appendRows([{ event_id: 'x' }])).toThrow('decisions.event_time_ms, row 0: got object');
});

test('finishing without blocking gives the same files as in one go', async () => {
  writeThreeCuts();
  const [file] = lake.listFiles('decisions');
  const before = readFileSync(file?.path ?? '');
  lake.removeFrom(0);
  const cut = lake.openCut(0);
  cut.table(decisions).appendRows([decision(0, 'a')]);
  await cut.finish(10);
  expect(relativePaths('decisions')).toEqual([file?.path.slice(dir.length + 1)]);
  expect(readFileSync(file?.path ?? '')).toEqual(before);
});

const day = 40_000;
/** So many rows that full row groups go out before the end, and of so many days that a day's rows go out early. */
const manyRows = Array.from({ length: day * 5 }, (_, row) => decision(row < day ? 0 : row % 7, `id-${row % 900}`));

test('the same rows as objects, as columns and in other portions give the same bytes', () => {
  const whole = lake.openCut(0);
  whole.table(decisions).appendRows(manyRows);
  whole.finishSync(10);
  const before = lake.listFiles('decisions').map(({ path }) => readFileSync(path));
  expect(before.length).toBe(7);
  lake.removeFrom(0);
  const texts = manyRows.map((row) => Buffer.from(String(row['event_id'])));
  const columns: ColumnData[] = [
    numberColumn(Float64Array.from(manyRows, (row) => Number(row['event_time_ms']))),
    idColumn(
      Int32Array.from(manyRows, (_, row) => row),
      listedTexts(texts),
    ),
  ];
  const pieces = lake.openCut(0);
  for (let row = 0; row < manyRows.length; row += 4096) {
    pieces.table(decisions).append(columns, row, Math.min(row + 4096, manyRows.length));
  }
  pieces.finishSync(10);
  expect(
    lake
      .listFiles('decisions')
      .map(({ path }) => readFileSync(path))
      .every((bytes, i) => before[i]?.equals(bytes)),
  ).toBe(true);
});

test('a cut that is not finished leaves temporary files only, which the next opening removes', () => {
  lake.openCut(0).table(decisions).appendRows(manyRows);
  expect(lake.listFiles('decisions')).toEqual([]);
  expect(
    readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.parquet.tmp')).length,
  ).toBeGreaterThan(1);
  lake.removeFrom(0);
  expect(readdirSync(dir)).toEqual([]);
});

test('an abandoned cut leaves no file', () => {
  const cut = lake.openCut(0);
  cut.table(decisions).appendRows(manyRows);
  cut.abandon();
  expect(readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes('.parquet'))).toEqual(
    [],
  );
});

test('a writer that was taken over touches nothing of the next one, whatever it still does', async () => {
  const stale = openLake({ dir, epoch: 1 }).openCut(0);
  stale.table(decisions).appendRows([decision(0, 'stale')]);
  const finishing = stale.finish(10, () => {
    throw new Error('fenced');
  });
  const next = openLake({ dir, epoch: 2 });
  next.removeFrom(0);
  const cut = next.openCut(0);
  cut.table(decisions).appendRows([decision(0, 'next')]);
  const [fenced] = await Promise.allSettled([finishing, cut.finish(10)]);
  expect(fenced).toMatchObject({ status: 'rejected' });
  expect(await ids()).toEqual(['next']);
});

test('a cut that is ended with pauses has the bytes of one that is ended in one go', async () => {
  const rows = Array.from({ length: 5000 }, (_, number) => decision(number % 3, `p${number}`));
  writeCut(0, [[decisions, rows]]);
  const slow = lake.openCut(100);
  slow.table(decisions).appendRows(rows);
  await slow.finish(110);
  const files = lake.listFiles('decisions').map(({ path }) => readFileSync(path));
  expect(files.length).toBe(6);
  for (const day of [0, 1, 2]) expect(files[day + 3]?.equals(files[day] ?? Buffer.of())).toBe(true);
});
