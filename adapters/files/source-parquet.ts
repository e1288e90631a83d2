import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetScan,
  parquetSchema,
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
} from 'hyparquet';
import { WeirError } from '../../core/contract/failure.ts';
import { wrapFsError } from './failure.ts';
import type { ReadRow } from './source-rows.ts';

/** A Parquet file, read a row group at a time. */
export type Parquet = {
  readonly columns: readonly string[];
  readonly rowsTotal: number;
  readonly sizeBytes: number;
  /** The rows with these columns only. Throws a `WeirError` when the file is damaged or a row group is too large. */
  rows(columns: readonly string[]): AsyncGenerator<readonly ReadRow[]>;
};

/** A row group is decoded whole, at 8 to some 40 bytes a value of the columns that are read. */
const groupRowsMax = 4 * 1024 * 1024;

const batchRows = 4096;

/** Opens a Parquet file. Throws a `WeirError` when it cannot be read or is none. */
export async function openParquet(path: string): Promise<Parquet> {
  return withParquet(path, async () => {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    return {
      columns: parquetSchema(metadata).children.map((child) => child.element.name),
      rowsTotal: Number(metadata.num_rows),
      sizeBytes: file.byteLength,
      rows: (columns) => readRows({ path, file, metadata }, columns),
    };
  });
}

type OpenFile = { readonly path: string; readonly file: AsyncBuffer; readonly metadata: FileMetaData };

async function* readRows(open: OpenFile, columns: readonly string[]): AsyncGenerator<readonly ReadRow[]> {
  let groupStart = 0;
  for (const group of open.metadata.row_groups) {
    const groupRows = Number(group.num_rows);
    if (groupRows > groupRowsMax) throw groupTooLarge(open.path, groupRows);
    const values: Column[] = [];
    for (const column of columns) {
      values.push(await readColumn(open, { column, rowStart: groupStart, rowEnd: groupStart + groupRows }));
    }
    for (let start = 0; start < groupRows; start += batchRows) {
      yield buildRows(values, { start, end: Math.min(start + batchRows, groupRows) });
    }
    groupStart += groupRows;
  }
}

/** The values of one column of a row group, as doubles where all of them are numbers. */
type Column = { readonly name: string; readonly values: ArrayLike<unknown> };

/** Rows of the whole file, `[rowStart, rowEnd)`. */
type ColumnRange = { readonly column: string; readonly rowStart: number; readonly rowEnd: number };

async function readColumn({ path, file, metadata }: OpenFile, range: ColumnRange): Promise<Column> {
  const { column, rowStart, rowEnd } = range;
  const values = await withParquet(path, async () => {
    const scan = await parquetScan({ file, metadata, columns: [column], compressors, parsers });
    return scan.readColumn(range);
  });
  if (values.length !== rowEnd - rowStart) {
    throw damaged(path, `got ${values.length} values of column ${column}, expected ${rowEnd - rowStart}`);
  }
  return { name: column, values: compact(values) };
}

function compact(values: ArrayLike<unknown>): ArrayLike<unknown> {
  const numbers = new Float64Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (typeof value === 'number') numbers[index] = value;
    else if (typeof value === 'bigint' && isSafe(value)) numbers[index] = Number(value);
    else return values;
  }
  return numbers;
}

function isSafe(value: bigint): boolean {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
}

function buildRows(columns: readonly Column[], range: { readonly start: number; readonly end: number }): ReadRow[] {
  const rows: ReadRow[] = [];
  for (let index = range.start; index < range.end; index += 1) {
    const row: Record<string, unknown> = {};
    for (const { name, values } of columns) {
      const value = values[index] ?? null;
      row[name] = typeof value === 'bigint' && isSafe(value) ? Number(value) : value;
    }
    rows.push({ kind: 'row', row, bytes: null });
  }
  return rows;
}

const compressors: Compressors = {
  ZSTD: (input) => zstdDecompressSync(input),
  GZIP: (input) => gunzipSync(input),
  BROTLI: (input) => brotliDecompressSync(input),
};

/** Timestamps as milliseconds UTC, rounded down: a number a row instead of an object a row. */
const parsers = {
  timestampFromMilliseconds: (millis: bigint): number => Number(millis),
  timestampFromMicroseconds: (micros: bigint): number => Math.floor(Number(micros) / 1000),
  timestampFromNanoseconds: (nanos: bigint): number => Number(nanos / 1_000_000n),
};

/** Runs hyparquet; what it throws about the file's content becomes a `WeirError`. */
async function withParquet<Result>(path: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    const wrapped = wrapFsError(error, path);
    if (wrapped !== error || wrapped instanceof WeirError) throw wrapped;
    const reason = error instanceof Error ? error.message : String(error);
    throw damaged(path, reason, error);
  }
}

function damaged(path: string, reason: string, cause?: unknown): WeirError {
  return new WeirError({
    code: 'PARQUET_UNREADABLE',
    message: `${path}: got a file that cannot be read as Parquet: ${reason}`,
    fix: 'Check that the file was copied whole.',
    facts: { path },
    cause,
  });
}

function groupTooLarge(path: string, groupRows: number): WeirError {
  return new WeirError({
    code: 'PARQUET_GROUP_TOO_LARGE',
    message: `${path}: got a row group of ${groupRows} rows, expected at most ${groupRowsMax}`,
    fix: 'Write the file again with smaller row groups.',
    facts: { path, groupRows },
  });
}
