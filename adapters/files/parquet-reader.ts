import { zstdDecompressSync } from 'node:zlib';
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { WeirError } from '../../core/contract/failure.ts';
import type { TableRow } from '../../core/sinks/table-schema.ts';
import { type Disk, realDisk } from './disk.ts';
import { withPath, wrapFsError } from './failure.ts';

/**
 * Every row of a Parquet file, of some columns or all. Integers come as numbers, timestamps as milliseconds UTC, JSON
 * parsed, bytes as bytes. Throws `PARQUET_UNREADABLE`, and `INTEGER_TOO_LARGE` for one beyond 2^53 - 1.
 */
export async function readParquetFile(file: ParquetSource): Promise<TableRow[]> {
  const rows: TableRow[] = [];
  for await (const batch of readParquetBatches(file)) for (const row of batch) rows.push(row);
  return rows;
}

/** What to read: a file, and the columns of it unless all are wanted. */
export type ParquetSource = { readonly path: string; readonly columns?: readonly string[]; readonly disk?: Disk };

/** As `readParquetFile`, one row group at a time. */
export async function* readParquetBatches(file: ParquetSource): AsyncGenerator<TableRow[]> {
  const { path, columns, disk = realDisk } = file;
  const fd = withPath(path, () => disk.open(path, 'r'));
  try {
    const source = fileSlices(disk, path, fd);
    const metadata = await readable(path, parquetMetadataAsync(source));
    const integers = integerColumns(metadata);
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      const options = { file: source, metadata, rowStart, rowEnd, utf8: false, compressors, parsers };
      const rows = await readable(path, parquetReadObjects(columns ? { ...options, columns: [...columns] } : options));
      for (const name of integers) toNumbers({ path, name, rows });
      yield rows;
      rowStart = rowEnd;
    }
  } finally {
    disk.close(fd);
  }
}

const compressors = { ZSTD: (input: Uint8Array): Uint8Array => zstdDecompressSync(input) };

const parsers = {
  timestampFromMilliseconds: Number,
  timestampFromMicroseconds: (micros: bigint): number => Number(micros / 1000n),
  timestampFromNanoseconds: (nanos: bigint): number => Number(nanos / 1_000_000n),
};

function fileSlices(disk: Disk, path: string, fd: number): AsyncBuffer {
  const byteLength = withPath(path, () => disk.sizeOf(fd));
  const slice = (start: number, end = byteLength): ArrayBuffer => {
    const bytes = new Uint8Array(end - start);
    let done = 0;
    while (done < bytes.length) {
      const count = withPath(path, () => disk.read(fd, bytes, done, start + done));
      if (count === 0) throw new Error(`the file ended at byte ${start + done}, expected ${end}`);
      done += count;
    }
    return bytes.buffer;
  };
  return { byteLength, slice };
}

async function readable<Result>(path: string, reading: Promise<Result>): Promise<Result> {
  try {
    return await reading;
  } catch (cause) {
    const wrapped = wrapFsError(cause, path);
    if (wrapped instanceof WeirError) throw wrapped;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new WeirError({
      code: 'PARQUET_UNREADABLE',
      message: `${path}: expected a Parquet file, but ${message}`,
      fix: `Restore ${path} from a copy, or check that it is a Parquet file.`,
      facts: { path },
      cause,
    });
  }
}

function integerColumns({ schema }: FileMetaData): string[] {
  return schema.filter(({ type }) => type === 'INT64').map(({ name }) => name);
}

function toNumbers({ path, name, rows }: { path: string; name: string; rows: Record<string, unknown>[] }): void {
  for (const row of rows) {
    const value = row[name];
    if (typeof value !== 'bigint') continue;
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw tooLarge(path, name);
    row[name] = number;
  }
}

function tooLarge(path: string, column: string): WeirError {
  return new WeirError({
    code: 'INTEGER_TOO_LARGE',
    message: `${path}: column ${column} has an integer beyond 2^53 - 1, expected safe integers`,
    fix: `Write ${column} as text.`,
    facts: { path, column },
  });
}
