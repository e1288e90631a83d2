import { constants, zstdCompressSync } from 'node:zlib';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { TableRow, TableSchema } from '../../core/sinks/table-schema.ts';
import { writeDurably, writeFully, writeRenamed } from './durable-file.ts';
import { columnSource, declareJson, parquetSchema } from './parquet-columns.ts';

/** Rows of one table on their way to a file, column by column; a value per schema column, null for an absent key. */
export type TableBuffer = {
  readonly schema: TableSchema;
  readonly columns: readonly unknown[][];
  readonly rowCount: () => number;
  readonly push: (row: TableRow) => void;
};

/**
 * Rows of a row group. The cost of a row does not depend on it (alike from 8 thousand to 100 thousand rows), but a group is
 * held whole while it is written, with a dictionary for each column, and again as objects while it is read: with wide
 * rows a greater one spends its time in garbage collection.
 */
export const rowGroupRows = 32_768;

/** zlib's zstd at its fastest level writes quicker than the JavaScript snappy of the library, and half the bytes. */
const zstdLevel = 1;

/** Starts an empty buffer of a table. */
export function createTableBuffer(schema: TableSchema): TableBuffer {
  const names = schema.columns.map(({ name }) => name);
  const columns: unknown[][] = names.map(() => []);
  let rowCount = 0;
  const push = (row: TableRow): void => {
    for (let i = 0; i < names.length; i++) {
      const values = columns[i];
      if (values !== undefined) values[rowCount] = row[names[i] ?? ''] ?? null;
    }
    rowCount++;
  };
  return { schema, columns, rowCount: () => rowCount, push };
}

/** The buffer of some rows. */
function bufferOf(schema: TableSchema, rows: Iterable<TableRow>): TableBuffer {
  const buffer = createTableBuffer(schema);
  for (const row of rows) buffer.push(row);
  return buffer;
}

/**
 * Writes a table as one Parquet file, whole or not at all; it may have no rows. Throws `DISK_FULL`, and an assertion when
 * a value is not of its column's type.
 */
export function writeParquetFile(table: { path: string; schema: TableSchema; rows: Iterable<TableRow> }): void {
  writeDurably(table.path, (fd) => writeParquet(fd, bufferOf(table.schema, table.rows)));
}

/** As `writeParquetFile` from a buffer, but the caller syncs the directory. */
export function writeParquetBuffer(path: string, buffer: TableBuffer): void {
  writeRenamed(path, (fd) => writeParquet(fd, buffer));
}

function writeParquet(fd: number, { schema, columns }: TableBuffer): void {
  const writer = openParquetWriter(fd, schema);
  writer.write(columns);
  writer.finish();
}

/** A Parquet file in the making on an open file: row groups, then the footer. */
export type TableWriter = { readonly write: (columns: readonly unknown[][]) => void; readonly finish: () => void };

/** Starts a table's Parquet file; each write takes whole columns and makes row groups of them. */
export function openParquetWriter(fd: number, schema: TableSchema): TableWriter {
  const elements = parquetSchema(schema);
  const writer = new ParquetWriter({
    writer: fileWriter(fd),
    schema: elements,
    codec: 'ZSTD',
    compressors: { ZSTD: compress },
    createdBy: 'weir',
  });
  return {
    write: (columns) => {
      const columnData = schema.columns.map((column, i) =>
        columnSource({ table: schema.name, column, values: columns[i] ?? [] }),
      );
      // The file is written synchronously: there is no promise to wait for.
      void writer.write({ columnData, rowGroupSize: rowGroupRows });
    },
    finish: () => {
      declareJson(elements, schema);
      void writer.finish();
    },
  };
}

/** The buffer of the last file that was finished: growing one anew for every file would keep the collector busy. */
let spareBuffer = new ArrayBuffer(1024);

/** The library's writer, emptied into the file after every row group. */
function fileWriter(fd: number): ByteWriter {
  const writer = new ByteWriter();
  writer.buffer = spareBuffer;
  writer.view = new DataView(spareBuffer);
  spareBuffer = new ArrayBuffer(1024);
  const flush = (): void => {
    writeFully(fd, new Uint8Array(writer.buffer, 0, writer.index));
    writer.index = 0;
  };
  const finish = (): void => {
    flush();
    spareBuffer = writer.buffer;
  };
  return Object.assign(writer, { flush, finish });
}

function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: zstdLevel } });
}
