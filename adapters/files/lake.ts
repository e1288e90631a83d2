import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TableRow } from '../../core/sinks/table-schema.ts';
import { makeDirectory, syncDirectory, temporarySuffix } from './durable-file.ts';
import { withPath } from './failure.ts';
import { readParquetBatches } from './parquet-reader.ts';
import { type LakeCut, openCut } from './lake-cut.ts';

/** One Parquet file of the lake. `date` is the day of its rows, UTC, null in a table without a partition column. */
export type LakeFile = {
  readonly path: string;
  readonly startOffset: number;
  readonly endOffset: number;
  readonly date: string | null;
};

/** Tables of Parquet files in a directory, `<table>/event_date=YYYY-MM-DD/<start>-<end>.parquet`, cut at log offsets. */
export type Lake = {
  /** Starts to collect the effects of the records from an offset on. */
  readonly openCut: (startOffset: number) => LakeCut;
  /** Deletes the files of cuts that start at or after an offset, leftovers of a crash and folders that become empty. */
  readonly removeFrom: (offset: number) => void;
  /** A table's files by start offset, then date. */
  readonly listFiles: (table: string) => LakeFile[];
  /** A table's rows in batches, file by file in that order, within a file as they were written. */
  readonly readRows: (table: string, options?: { columns?: readonly string[] }) => AsyncGenerator<TableRow[]>;
};

/** Opens a lake, whose directory is made if need be. */
export function openLake({ dir }: { dir: string }): Lake {
  makeDirectory(dir);
  const listFiles = (table: string): LakeFile[] => listTable(join(dir, table));
  return {
    openCut: (startOffset) => openCut({ dir, startOffset }),
    removeFrom: (offset) => {
      removeFrom(dir, offset);
    },
    listFiles,
    readRows: (table, options = {}) => readRows(listFiles(table), options.columns),
  };
}

async function* readRows(files: readonly LakeFile[], columns?: readonly string[]): AsyncGenerator<TableRow[]> {
  for (const { path } of files) yield* readParquetBatches(columns ? { path, columns } : { path });
}

function listTable(tableDir: string): LakeFile[] {
  if (!existsSync(tableDir)) return [];
  const files: LakeFile[] = [];
  for (const path of withPath(tableDir, () => readdirSync(tableDir, { recursive: true, encoding: 'utf8' }))) {
    const match = /^(?:event_date=(.+)\/)?(\d{16})-(\d{16})\.parquet$/.exec(path);
    if (match === null) continue;
    const [, date = null, start, end] = match;
    files.push({ path: join(tableDir, path), startOffset: Number(start), endOffset: Number(end), date });
  }
  return files.sort((a, b) => a.startOffset - b.startOffset || compareText(a.date ?? '', b.date ?? ''));
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Deletes the files of a folder and of those below; whether the folder is empty then. */
function removeFrom(dir: string, offset: number): boolean {
  let removed = false;
  let left = 0;
  for (const entry of withPath(dir, () => readdirSync(dir, { withFileTypes: true }))) {
    const path = join(dir, entry.name);
    const doomed = entry.isDirectory() ? removeFrom(path, offset) : isDoomed(entry.name, offset);
    if (doomed) withPath(path, () => (entry.isDirectory() ? rmdirSync(path) : rmSync(path)));
    if (doomed) removed = true;
    else left++;
  }
  if (removed) syncDirectory(dir);
  return left === 0;
}

function isDoomed(name: string, offset: number): boolean {
  const match = /^(\d{16})(?:-\d{16})?\.parquet(\.tmp)?$/.exec(name);
  return match !== null && (match[2] === temporarySuffix || Number(match[1]) >= offset);
}
