import { dirname } from 'node:path';
import type { ColumnData } from '../../core/sinks/column-data.ts';
import type { TableRow, TableSchema } from '../../core/sinks/table-schema.ts';
import { type Disk, realDisk } from './disk.ts';
import { makeDirectory, removeIfAny, syncDirectory, temporarySuffix, writeFully } from './durable-file.ts';
import { withPath } from './failure.ts';
import { startParquet, writeFooter, writeGroup } from './parquet-file.ts';
import { addToGroup, takeRowGroup, rowGroupRows } from './parquet-row-group.ts';
import { columnsOfRows, rowNumbers } from './parquet-rows.ts';

/** A Parquet file that is written row by row or in columns; memory holds one row group. */
export type ParquetStream = {
  readonly push: (row: TableRow) => void;
  /** Adds the rows `[fromRow, toRow)` of columns in the schema's order; not to be mixed with `push`. */
  readonly append: (columns: readonly ColumnData[], fromRow: number, toRow: number) => void;
  /** Ends the file, makes it durable and gives it its name. */
  readonly finish: () => void;
  /** Throws the unfinished file away. */
  readonly abandon: () => void;
};

/** Rows that `push` holds until they go into columns together. */
const pushedRowsMax = 1024;

/** Starts a Parquet file; it has its name only once it is finished. Throws `DISK_FULL`. */
export function openParquetStream(options: { path: string; schema: TableSchema; disk?: Disk }): ParquetStream {
  const { path, schema, disk = realDisk } = options;
  makeDirectory(disk, dirname(path));
  const temporary = path + temporarySuffix;
  const fd = withPath(temporary, () => disk.open(temporary, 'w'));
  const file = startParquet(schema);
  const group = takeRowGroup(schema);
  const write = (bytes: Uint8Array): void => withPath(temporary, () => writeFully(disk, fd, bytes));
  let pushed: TableRow[] = [];
  const append = (columns: readonly ColumnData[], fromRow: number, toRow: number): void => {
    const rows = rowNumbers(toRow);
    for (let from = fromRow; from < toRow;) {
      const to = Math.min(toRow, from + rowGroupRows - group.rowCount);
      addToGroup(group, columns, rows, from, to);
      if (group.rowCount === rowGroupRows) writeGroup(file, group, write);
      from = to;
    }
  };
  const flush = (): void => {
    append(columnsOfRows(schema, pushed), 0, pushed.length);
    pushed = [];
  };
  return {
    append,
    push: (row) => {
      pushed.push(row);
      if (pushed.length === pushedRowsMax) flush();
    },
    finish: () => {
      flush();
      writeGroup(file, group, write);
      writeFooter(file, write);
      withPath(temporary, () => {
        disk.sync(fd);
        disk.close(fd);
        disk.rename(temporary, path);
      });
      syncDirectory(disk, dirname(path));
    },
    abandon: () => {
      disk.close(fd);
      removeIfAny(disk, temporary);
    },
  };
}
