import { join } from 'node:path';
import type { ColumnData } from '../../core/sinks/column-data.ts';
import type { TableSchema } from '../../core/sinks/table-schema.ts';
import type { Disk } from './disk.ts';
import { makeDirectory, offsetName, removeLeftover, temporarySuffix, writeFully } from './durable-file.ts';
import { withPath } from './failure.ts';
import {
  encodeNextGroup,
  type ParquetFile,
  startParquet,
  writeEncoded,
  writeFooter,
  writeGroup,
} from './parquet-file.ts';
import {
  addToGroup,
  giveBackRowGroup,
  type Pauses,
  takeRowGroup,
  type RowGroupBuffer,
  rowGroupRows,
} from './parquet-row-group.ts';

/** One file of a cut in the making: a temporary file of whole row groups, and the rows that wait for the next one. */
export type LakePart = {
  readonly disk: Disk;
  readonly dir: string;
  readonly temporaryPath: string;
  readonly file: ParquetFile;
  /** The rows that wait; null while there are none, so that the days of a cut share some buffers. */
  group: RowGroupBuffer | null;
};

/** Starts a part in a folder of the lake; the file is made with its first row group. */
export function createPart(part: {
  disk: Disk;
  dir: string;
  startOffset: number;
  epoch: number;
  schema: TableSchema;
}): LakePart {
  const { disk, dir, startOffset, epoch, schema } = part;
  const temporaryPath = join(dir, `${offsetName(startOffset)}-e${epoch}.parquet${temporarySuffix}`);
  return { disk, dir, temporaryPath, file: startParquet(schema), group: null };
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
    const group = (part.group ??= takeRowGroup(part.file.schema));
    const end = Math.min(to, start + rowGroupRows - group.rowCount);
    addToGroup(group, columns, rows, start, end);
    if (group.rowCount === rowGroupRows) flushPart(part);
    start = end;
  }
}

/** Writes the rows that wait as a row group. Throws `DISK_FULL`. */
export function flushPart(part: LakePart): void {
  appendTo(part, (write) => writeWaiting(part, write));
}

/** Writes what is left, then the footer. The file still has its temporary name, and nothing is synced. */
export function endPart(part: LakePart): void {
  appendTo(part, (write) => {
    writeWaiting(part, write);
    writeFooter(part.file, write);
  });
}

/** As `endPart`, with pauses while what is left is encoded. Nothing may be added to the part meanwhile. */
export async function endPartSlowly(part: LakePart, pauses: Pauses): Promise<void> {
  const { file, group } = part;
  const encoded = group === null ? null : await encodeNextGroup(file, group, pauses);
  if (group !== null) giveBackRowGroup(file.schema, group);
  part.group = null;
  appendTo(part, (write) => {
    if (encoded !== null) writeEncoded(file, encoded, write);
    writeFooter(file, write);
  });
}

function writeWaiting(part: LakePart, write: (bytes: Uint8Array) => void): void {
  const { file, group } = part;
  if (group === null) return;
  writeGroup(file, group, write);
  giveBackRowGroup(file.schema, group);
  part.group = null;
}

/** How many rows of a part wait for a full row group. */
export function waitingRowsOf({ group }: LakePart): number {
  return group === null ? 0 : group.rowCount;
}

/** Deletes the temporary file; one that cannot be deleted is left to the next process. */
export function removePart(part: LakePart): void {
  removeLeftover(part.disk, part.temporaryPath);
}

/** Opens the file for the moment only: a cut may have more days than a process may have open files. */
function appendTo(part: LakePart, run: (write: (bytes: Uint8Array) => void) => void): void {
  const { disk, dir, temporaryPath, file } = part;
  if (file.sizeBytes === 0) makeDirectory(disk, dir);
  withPath(temporaryPath, () => {
    const fd = disk.open(temporaryPath, file.sizeBytes === 0 ? 'w' : 'a');
    try {
      run((bytes) => writeFully(disk, fd, bytes));
    } finally {
      disk.close(fd);
    }
  });
}
