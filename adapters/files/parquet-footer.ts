import type { TableColumn, TableSchema } from '../../core/sinks/table-schema.ts';
import { appendBytes, appendUint32, type ByteList, createByteList, usedBytes } from './parquet-bytes.ts';
import { type ColumnChunk, encodings } from './parquet-page.ts';
import { appendThrift, i32, i64, struct, thriftList, thriftText, type ThriftValue } from './parquet-thrift.ts';

/** What begins and ends a Parquet file. */
export const magic = Buffer.from('PAR1');

/** Rows that were written together, with a chunk a column of the schema. */
export type RowGroup = { readonly rowCount: number; readonly chunks: readonly ColumnChunk[] };

/** The end of a Parquet file: what is where, and the schema. */
export function parquetFooter(schema: TableSchema, groups: readonly RowGroup[]): Uint8Array {
  const list: ByteList = createByteList(4096);
  const { columns } = schema;
  const root = struct([4, thriftText('root')], [5, i32(columns.length)]);
  appendThrift(
    list,
    struct(
      [1, i32(1)],
      [2, thriftList([root, ...columns.map(schemaElement)])],
      [3, i64(groups.reduce((sum, { rowCount }) => sum + rowCount, 0))],
      [4, thriftList(groups.map((group) => rowGroup(columns, group)))],
      [6, thriftText('weir')],
      // Says that least and greatest values are in the order of their type.
      [7, thriftList(columns.map(() => struct([1, struct()])))],
    ),
  );
  appendUint32(list, list.length);
  appendBytes(list, magic);
  return usedBytes(list);
}

const types = { boolean: 0, int32: 1, int64: 2, double: 5, bytes: 6 } as const;
const convertedTypes = { utf8: 0, json: 19 } as const;
const physicalTypes = {
  text: types.bytes,
  json: types.bytes,
  bytes: types.bytes,
  boolean: types.boolean,
  double: types.double,
  int32: types.int32,
  int64: types.int64,
  timestamp: types.int64,
} as const;

function schemaElement({ name, type, nullable }: TableColumn): ThriftValue {
  return struct(
    [1, i32(physicalTypes[type])],
    [3, i32(nullable ? 1 : 0)],
    [4, thriftText(name)],
    [6, convertedType(type)],
    [10, type === 'timestamp' ? utcMilliseconds : null],
  );
}

/** JSON by the converted type, not the newer logical one alone, which DuckDB 1.5 takes for bytes. */
function convertedType(type: TableColumn['type']): ThriftValue | null {
  if (type === 'text') return i32(convertedTypes.utf8);
  return type === 'json' ? i32(convertedTypes.json) : null;
}

const utcMilliseconds = struct([8, struct([1, { kind: 'boolean', value: true }], [2, struct([1, struct()])])]);

function rowGroup(columns: readonly TableColumn[], { rowCount, chunks }: RowGroup): ThriftValue {
  const sizeOf = (size: (chunk: ColumnChunk) => number): number => chunks.reduce((sum, chunk) => sum + size(chunk), 0);
  return struct(
    [1, thriftList(chunks.map((chunk, i) => columnChunk(columns[i], chunk)))],
    [2, i64(sizeOf(({ rawSizeBytes }) => rawSizeBytes))],
    [3, i64(rowCount)],
    [5, i64(chunks[0]?.startOffset ?? magic.length)],
    [6, i64(sizeOf(({ sizeBytes }) => sizeBytes))],
  );
}

function columnChunk(column: TableColumn | undefined, chunk: ColumnChunk): ThriftValue {
  if (column === undefined) throw new Error('got more chunks than columns');
  const used = [chunk.encoding, encodings.rle, ...(chunk.hasDictionary ? [encodings.plain] : [])];
  const metadata = struct(
    [1, i32(physicalTypes[column.type])],
    [2, thriftList([...new Set(used)].map(i32))],
    [3, thriftList([thriftText(column.name)])],
    [4, i32(chunk.codec)],
    [5, i64(chunk.valueCount)],
    [6, i64(chunk.rawSizeBytes)],
    [7, i64(chunk.sizeBytes)],
    [9, i64(chunk.dataOffset)],
    [11, chunk.hasDictionary ? i64(chunk.startOffset) : null],
    [12, statistics(chunk)],
  );
  return struct([2, i64(chunk.startOffset)], [3, metadata]);
}

function statistics({ nullCount, bounds }: ColumnChunk): ThriftValue {
  return struct(
    [3, i64(nullCount)],
    [5, bounds && { kind: 'binary', bytes: bounds.greatest }],
    [6, bounds && { kind: 'binary', bytes: bounds.least }],
  );
}
