import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBAppender, DuckDBInstance, DuckDBTimestampValue } from '@duckdb/node-api';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { constants, zstdCompressSync } from 'node:zlib';
import type { LakeCut } from '../adapters/files/lake-cut.ts';
import { openLake } from '../adapters/files/lake.ts';
import type { ColumnType, TableColumn } from '../core/sinks/table-schema.ts';
import { type LakeSample, type SampledTable, sampleLake } from './lake-sample.ts';
import type { Variant } from './run.ts';

const authorizationsMax = 33_000;
const batchRows = 4096;
const rowGroupRows = 32_768;

export const name = 'parquet';

/** All rows of so many decisions, from memory into synced Parquet files: our writer, and two that exist. */
export const variants: readonly Variant[] = [
  { name: 'own, from columns', run: () => writeCut(addColumns) },
  { name: 'own, from objects', run: () => writeCut(addRows) },
  { name: 'hyparquet-writer', run: () => inDirectory(writeByHyparquet) },
  { name: 'DuckDB appender and COPY', run: () => inDirectory(writeByDuckDb) },
];

let sample: Promise<LakeSample> | null = null;

async function inDirectory(write: (table: SampledTable, path: string) => void | Promise<void>): Promise<number> {
  sample ??= sampleLake(authorizationsMax);
  const { tables, decisions } = await sample;
  const dir = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  for (const table of tables) await write(table, join(dir, `${table.schema.name}.parquet`));
  rmSync(dir, { recursive: true });
  return decisions;
}

async function writeCut(add: (cut: LakeCut, table: SampledTable) => void): Promise<number> {
  sample ??= sampleLake(authorizationsMax);
  const { tables, decisions } = await sample;
  const dir = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  const cut = openLake({ dir }).openCut(0);
  for (const table of tables) add(cut, table);
  await cut.finish(decisions);
  rmSync(dir, { recursive: true });
  return decisions;
}

function addColumns(cut: LakeCut, { schema, columns, rows }: SampledTable): void {
  const table = cut.table(schema);
  for (let from = 0; from < rows.length; from += batchRows) {
    table.append(columns, from, Math.min(from + batchRows, rows.length));
  }
}

function addRows(cut: LakeCut, { schema, rows }: SampledTable): void {
  const table = cut.table(schema);
  for (let from = 0; from < rows.length; from += batchRows) table.appendRows(rows.slice(from, from + batchRows));
}

function writeByHyparquet({ schema, rows }: SampledTable, path: string): void {
  const compress = (bytes: Uint8Array): Uint8Array =>
    zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  const output = new ByteWriter();
  const writer = new ParquetWriter({
    writer: output,
    schema: [
      { name: 'root', num_children: schema.columns.length },
      ...schema.columns.map((column) => ({
        name: column.name,
        type: physicalTypes[column.type],
        repetition_type: column.nullable ? ('OPTIONAL' as const) : ('REQUIRED' as const),
      })),
    ],
    codec: 'ZSTD',
    compressors: { ZSTD: compress },
  });
  for (let from = 0; from < rows.length; from += rowGroupRows) {
    const group = rows.slice(from, from + rowGroupRows);
    const columnData = schema.columns.map((column) => ({
      name: column.name,
      data: group.map((row) => valueOf(column, row[column.name] ?? null)),
      ...encodingOf(column),
    }));
    void writer.write({ columnData, rowGroupSize: rowGroupRows });
  }
  void writer.finish();
  writeFileSync(path, new Uint8Array(output.getBuffer()), { flush: true });
}

const physicalTypes = {
  text: 'BYTE_ARRAY',
  json: 'BYTE_ARRAY',
  bytes: 'BYTE_ARRAY',
  boolean: 'BOOLEAN',
  double: 'DOUBLE',
  int32: 'INT32',
  int64: 'INT64',
  timestamp: 'INT64',
} as const;

function encodingOf({ type, isUnique }: TableColumn) {
  const isInteger = type === 'int32' || type === 'int64' || type === 'timestamp';
  if (isInteger) return { encoding: 'DELTA_BINARY_PACKED' } as const;
  return isUnique ? ({ encoding: 'DELTA_LENGTH_BYTE_ARRAY', statistics: false } as const) : {};
}

function valueOf({ type, isUnique }: TableColumn, value: unknown): unknown {
  if (value === null) return null;
  const text = type === 'json' ? JSON.stringify(value) : value;
  return isUnique && typeof text === 'string' ? Buffer.from(text) : text;
}

const sqlTypes: Readonly<Record<ColumnType, string>> = {
  text: 'VARCHAR',
  json: 'VARCHAR',
  bytes: 'BLOB',
  boolean: 'BOOLEAN',
  double: 'DOUBLE',
  int32: 'INTEGER',
  int64: 'BIGINT',
  timestamp: 'TIMESTAMP',
};

async function writeByDuckDb({ schema, rows }: SampledTable, path: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const columns = schema.columns.map((column) => `"${column.name}" ${sqlTypes[column.type]}`);
  await connection.run(`CREATE TABLE rows (${columns.join(', ')})`);
  const appender = await connection.createAppender('rows');
  for (const row of rows) {
    for (const { name: column, type } of schema.columns) appendCell(appender, type, row[column] ?? null);
    appender.endRow();
  }
  appender.closeSync();
  await connection.run(`COPY rows TO '${path}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`);
  connection.closeSync();
  instance.closeSync();
}

function appendCell(appender: DuckDBAppender, type: ColumnType, value: unknown): void {
  if (value === null) appender.appendNull();
  else if (type === 'double') appender.appendDouble(Number(value));
  else if (type === 'int32') appender.appendInteger(Number(value));
  else if (type === 'int64') appender.appendBigInt(BigInt(Number(value)));
  else if (type === 'boolean') appender.appendBoolean(value === true);
  else if (type === 'timestamp') appender.appendTimestamp(new DuckDBTimestampValue(BigInt(Number(value)) * 1000n));
  else appender.appendVarchar(typeof value === 'string' ? value : JSON.stringify(value));
}
