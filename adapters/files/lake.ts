import { join } from 'node:path';
import type { TableRow } from '../../core/sinks/table-schema.ts';
import { type Disk, realDisk } from './disk.ts';
import { existsOn, makeDirectory, syncDirectory, temporarySuffix } from './durable-file.ts';
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

type ReadRows = { readonly columns?: readonly string[]; readonly fits?: (file: LakeFile) => boolean };

/** Tables of Parquet files in a directory, `<table>/event_date=YYYY-MM-DD/<start>-<end>.parquet`, cut at log offsets. */
export type Lake = {
  /** Starts to collect the effects of the records from an offset on. */
  readonly openCut: (startOffset: number) => LakeCut;
  /** Deletes the files of cuts that start at or after an offset, leftovers of a crash and folders that become empty. */
  readonly removeFrom: (offset: number) => void;
  /** A table's files by start offset, then date. */
  readonly listFiles: (table: string) => LakeFile[];
  /** A table's rows in batches, of the files that fit, in that order, within a file as they were written. */
  readonly readRows: (table: string, options?: ReadRows) => AsyncGenerator<TableRow[]>;
};

/**
 * Opens a lake, whose directory is made if need be. `epoch` is its writer's: what is unfinished bears it, so that a writer
 * who was taken over, and does not know yet, touches nothing of the next one.
 */
export function openLake({ dir, disk = realDisk, epoch = 0 }: { dir: string; disk?: Disk; epoch?: number }): Lake {
  makeDirectory(disk, dir);
  const listFiles = (table: string): LakeFile[] => listTable(disk, join(dir, table));
  return {
    openCut: (startOffset) => openCut({ disk, dir, startOffset, epoch }),
    removeFrom: (offset) => {
      removeFrom(disk, dir, offset);
    },
    listFiles,
    readRows: (table, { columns, fits = () => true } = {}) => readRows(disk, listFiles(table).filter(fits), columns),
  };
}

async function* readRows(
  disk: Disk,
  files: readonly LakeFile[],
  columns?: readonly string[],
): AsyncGenerator<TableRow[]> {
  for (const { path } of files) yield* readParquetBatches(columns ? { disk, path, columns } : { disk, path });
}

function listTable(disk: Disk, tableDir: string): LakeFile[] {
  if (!existsOn(disk, tableDir)) return [];
  const files: LakeFile[] = [];
  for (const path of withPath(tableDir, () => pathsBelow(disk, tableDir, ''))) {
    const match = /^(?:event_date=(.+)\/)?(\d{16})-(\d{16})\.parquet$/.exec(path);
    if (match === null) continue;
    const [, date = null, start, end] = match;
    files.push({ path: join(tableDir, path), startOffset: Number(start), endOffset: Number(end), date });
  }
  return files.sort((a, b) => a.startOffset - b.startOffset || compareText(a.date ?? '', b.date ?? ''));
}

/** The files of a directory and of those below, by their paths from it. */
function pathsBelow(disk: Disk, dir: string, prefix: string): string[] {
  return disk.list(dir).flatMap(({ name, isDirectory }) => {
    return isDirectory ? pathsBelow(disk, join(dir, name), `${prefix}${name}/`) : [prefix + name];
  });
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Deletes the files of a folder and of those below; whether the folder is empty then. */
function removeFrom(disk: Disk, dir: string, offset: number): boolean {
  let removed = false;
  let left = 0;
  for (const { name, isDirectory } of withPath(dir, () => disk.list(dir))) {
    const path = join(dir, name);
    const doomed = isDirectory ? removeFrom(disk, path, offset) : isDoomed(name, offset);
    if (doomed) withPath(path, () => (isDirectory ? disk.removeDirectory(path) : disk.remove(path)));
    if (doomed) removed = true;
    else left++;
  }
  if (removed) syncDirectory(disk, dir);
  return left === 0;
}

function isDoomed(name: string, offset: number): boolean {
  const match = /^(\d{16})(?:-\d{16}|-e\d+)?\.parquet(\.tmp)?$/.exec(name);
  return match !== null && (match[2] === temporarySuffix || Number(match[1]) >= offset);
}
