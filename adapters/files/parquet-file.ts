import type { TableSchema } from '../../core/sinks/table-schema.ts';
import { magic, parquetFooter, type RowGroup } from './parquet-footer.ts';
import {
  encodeGroup,
  encodeGroupSlowly,
  type EncodedGroup,
  type Pauses,
  type RowGroupBuffer,
} from './parquet-row-group.ts';

/** A Parquet file in the making: row groups, then the footer. It says the bytes; where they go is the caller's. */
export type ParquetFile = { readonly schema: TableSchema; readonly groups: RowGroup[]; sizeBytes: number };

/** Starts a file, which has no bytes yet. */
export function startParquet(schema: TableSchema): ParquetFile {
  return { schema, groups: [], sizeBytes: 0 };
}

/** Writes the buffer's rows as the next row group and empties the buffer; nothing when it has none. */
export function writeGroup(file: ParquetFile, buffer: RowGroupBuffer, write: (bytes: Uint8Array) => void): void {
  if (buffer.rowCount === 0) return;
  writeEncoded(file, encodeGroup(buffer, endOf(file)), write);
}

/** Encodes the buffer's rows as the next row group, with pauses; null when it has none. */
export async function encodeNextGroup(
  file: ParquetFile,
  buffer: RowGroupBuffer,
  pauses: Pauses,
): Promise<EncodedGroup | null> {
  return buffer.rowCount === 0 ? null : encodeGroupSlowly(buffer, endOf(file), pauses);
}

/** Writes a row group that was encoded as the next one. */
export function writeEncoded(
  file: ParquetFile,
  { bytes, group }: EncodedGroup,
  write: (bytes: Uint8Array) => void,
): void {
  writeStart(file, write);
  write(bytes);
  file.sizeBytes += bytes.length;
  file.groups.push(group);
}

/** Ends the file. */
export function writeFooter(file: ParquetFile, write: (bytes: Uint8Array) => void): void {
  writeStart(file, write);
  write(parquetFooter(file.schema, file.groups));
}

function endOf({ sizeBytes }: ParquetFile): number {
  return Math.max(sizeBytes, magic.length);
}

function writeStart(file: ParquetFile, write: (bytes: Uint8Array) => void): void {
  if (file.sizeBytes > 0) return;
  write(magic);
  file.sizeBytes = magic.length;
}
