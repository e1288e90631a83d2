import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ColumnData } from '../../core/sinks/column-data.ts';
import type { TableSchema } from '../../core/sinks/table-schema.ts';
import { makeDirectory, offsetName, temporarySuffix, writeFully } from './durable-file.ts';
import { withPath } from './failure.ts';
import { type ParquetFile, startParquet, writeFooter, writeGroup } from './parquet-file.ts';
import { addToGroup, giveBackRowGroup, takeRowGroup, type RowGroupBuffer, rowGroupRows } from './parquet-row-group.ts';

/** One file of a cut in the making: a temporary file of whole row groups, and the rows that wait for the next one. */
export type LakePart = {
  readonly dir: string;
  readonly temporaryPath: string;
  readonly file: ParquetFile;
  readonly group: RowGroupBuffer;
};

/** Starts a part in a folder of the lake; the file is made with its first row group. */
export function createPart(part: { dir: string; startOffset: number; schema: TableSchema }): LakePart {
  const { dir, startOffset, schema } = part;
  const temporaryPath = join(dir, `${offsetName(startOffset)}.parquet${temporarySuffix}`);
  return { dir, temporaryPath, file: startParquet(schema), group: takeRowGroup(schema) };
}

/** Adds the rows `rows[from, to)` and writes the row groups that are full. Plain arguments: pieces may be short. */
export function addToPart(
  part: LakePart,
  columns: readonly ColumnData[],
  rows: Int32Array,
  from: number,
  to: number,
): void {
  for (let start = from; start < to;) {
    const end = Math.min(to, start + rowGroupRows - part.group.rowCount);
    addToGroup(part.group, columns, rows, start, end);
    if (part.group.rowCount === rowGroupRows) flushPart(part);
    start = end;
  }
}

/** Writes the rows that wait as a row group. Throws `DISK_FULL`. */
export function flushPart(part: LakePart): void {
  appendTo(part, (write) => writeGroup(part.file, part.group, write));
}

/** Writes what is left, then the footer. The file still has its temporary name, and nothing is synced. */
export function endPart(part: LakePart): void {
  appendTo(part, (write) => {
    writeGroup(part.file, part.group, write);
    writeFooter(part.file, write);
  });
  giveBackRowGroup(part.file.schema, part.group);
}

/** Deletes the temporary file. */
export function removePart(part: LakePart): void {
  rmSync(part.temporaryPath, { force: true });
}

/** Opens the file for the moment only: a cut may have more days than a process may have open files. */
function appendTo({ dir, temporaryPath, file }: LakePart, run: (write: (bytes: Uint8Array) => void) => void): void {
  if (file.sizeBytes === 0) makeDirectory(dir);
  withPath(temporaryPath, () => {
    const fd = openSync(temporaryPath, file.sizeBytes === 0 ? 'w' : 'a');
    try {
      run((bytes) => writeFully(fd, bytes));
    } finally {
      closeSync(fd);
    }
  });
}
