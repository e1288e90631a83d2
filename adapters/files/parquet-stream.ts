import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TableRow, TableSchema } from '../../core/sinks/table-schema.ts';
import { makeDirectory, syncDirectory, temporarySuffix } from './durable-file.ts';
import { withPath } from './failure.ts';
import { createTableBuffer, openParquetWriter, rowGroupRows } from './parquet-table.ts';

/** A Parquet file that is written row by row; memory holds one row group. */
export type ParquetStream = {
  readonly push: (row: TableRow) => void;
  /** Ends the file, makes it durable and gives it its name. */
  readonly finish: () => void;
  /** Throws the unfinished file away. */
  readonly abandon: () => void;
};

/** Starts a Parquet file; it has its name only once it is finished. Throws `DISK_FULL`. */
export function openParquetStream({ path, schema }: { path: string; schema: TableSchema }): ParquetStream {
  makeDirectory(dirname(path));
  const temporary = path + temporarySuffix;
  const fd = withPath(temporary, () => openSync(temporary, 'w'));
  const writer = openParquetWriter(fd, schema);
  let buffer = createTableBuffer(schema);
  const flush = (): void => {
    if (buffer.rowCount() === 0) return;
    writer.write(buffer.columns);
    buffer = createTableBuffer(schema);
  };
  return {
    push: (row) => {
      buffer.push(row);
      if (buffer.rowCount() === rowGroupRows) withPath(temporary, flush);
    },
    finish: () => {
      withPath(temporary, () => {
        flush();
        writer.finish();
        fsyncSync(fd);
        closeSync(fd);
        renameSync(temporary, path);
      });
      syncDirectory(dirname(path));
    },
    abandon: () => {
      closeSync(fd);
      rmSync(temporary, { force: true });
    },
  };
}
