import type { SchemaElement } from 'hyparquet';
import type { ColumnSource } from 'hyparquet-writer';
import type { ColumnType, TableColumn, TableSchema } from '../../core/sinks/table-schema.ts';

/** A table's schema as Parquet says it. */
export function parquetSchema({ columns }: TableSchema): SchemaElement[] {
  return [{ name: 'root', num_children: columns.length }, ...columns.map(schemaElement)];
}

/**
 * Says in the schema of a written file, before its footer, which of its texts are JSON. By the converted type, not the
 * newer logical one alone, which DuckDB 1.5 takes for bytes.
 */
export function declareJson(elements: readonly SchemaElement[], { columns }: TableSchema): void {
  columns.forEach(({ type }, index) => {
    const element = elements[index + 1];
    if (type === 'json' && element !== undefined) element.converted_type = 'JSON';
  });
}

/**
 * A column's values as the writer takes them, with the encoding that is cheapest for the type: deltas for integers, a
 * dictionary for values that repeat, split bytes for doubles and lengths, then bytes for texts that do not. Throws a
 * `TypeError` when a value is not of the column's type, without quoting it.
 */
export function columnSource(source: { table: string; column: TableColumn; values: unknown[] }): ColumnSource {
  check(source);
  const { column, values } = source;
  const { name } = column;
  switch (column.type) {
    case 'int32':
    case 'int64':
    case 'timestamp':
      // This encoding takes numbers for int64; the plain one wants a BigInt each.
      return { name, data: values, encoding: 'DELTA_BINARY_PACKED' };
    case 'boolean':
      return { name, data: values, encoding: 'PLAIN', statistics: false };
    case 'double':
      return repeats(values)
        ? { name, data: values, statistics: false }
        : { name, data: values, encoding: 'BYTE_STREAM_SPLIT', statistics: false };
    case 'text':
      return textSource(name, values);
    case 'json':
      return plainText(
        name,
        values.map((value) => (value === null ? null : JSON.stringify(value))),
      );
    case 'bytes':
      return { name, data: values, encoding: 'DELTA_LENGTH_BYTE_ARRAY', statistics: false };
  }
}

function check({ table, column, values }: { table: string; column: TableColumn; values: unknown[] }): void {
  const accepts = acceptance[column.type];
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value === null ? column.nullable : accepts(value)) continue;
    throw new TypeError(`${table}.${column.name}, row ${row}: got ${describe(value)}, expected ${column.type}`);
  }
}

const acceptance: { readonly [type in ColumnType]: (value: unknown) => boolean } = {
  text: (value) => typeof value === 'string',
  json: (value) => typeof value !== 'function' && typeof value !== 'bigint',
  bytes: (value) => value instanceof Uint8Array,
  boolean: (value) => typeof value === 'boolean',
  double: (value) => typeof value === 'number' && !Number.isNaN(value),
  int32: (value) => typeof value === 'number' && (value | 0) === value,
  int64: Number.isSafeInteger,
  timestamp: Number.isSafeInteger,
};

function describe(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'number' ? 'a number that is not' : `a ${typeof value}`;
}

/** Left to itself the writer builds a dictionary even of ids that hardly repeat, and then throws it away. */
function textSource(name: string, texts: unknown[]): ColumnSource {
  if (repeats(texts)) return { name, data: texts };
  return plainText(name, texts);
}

function plainText(name: string, texts: unknown[]): ColumnSource {
  return { name, data: utf8(texts), encoding: 'DELTA_LENGTH_BYTE_ARRAY', statistics: false };
}

const sampleSize = 1000;

/** Whether at least half of a sample spread over the column are values that the sample had already. */
function repeats(data: readonly unknown[]): boolean {
  const step = Math.max(1, Math.floor(data.length / sampleSize));
  const seen = new Set<unknown>();
  let sampled = 0;
  for (let i = 0; i < data.length; i += step, sampled++) seen.add(data[i]);
  return seen.size * 2 <= sampled;
}

/**
 * Encodes all texts into one buffer, of the texts' own length where all of them are ASCII: an allocation and a call into
 * the runtime for each would cost more than the rest.
 */
function utf8(data: readonly unknown[]): (Uint8Array | null)[] {
  const texts = data.filter((text) => typeof text === 'string');
  const joined = texts.join('');
  const arena = new TextEncoder().encode(joined);
  if (arena.length !== joined.length) return data.map((text) => (typeof text === 'string' ? Buffer.from(text) : null));
  let end = 0;
  return data.map((text) => {
    if (typeof text !== 'string') return null;
    const start = end;
    end += text.length;
    return arena.subarray(start, end);
  });
}

function schemaElement({ name, type, nullable }: TableColumn): SchemaElement {
  const repetition_type = nullable ? 'OPTIONAL' : 'REQUIRED';
  switch (type) {
    case 'text':
      return { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type };
    case 'json':
      // Text until `declareJson`: for a JSON column the library copies, encodes and hashes every value.
      return { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type };
    case 'bytes':
      return { name, type: 'BYTE_ARRAY', repetition_type };
    case 'boolean':
      return { name, type: 'BOOLEAN', repetition_type };
    case 'double':
      return { name, type: 'DOUBLE', repetition_type };
    case 'int32':
      return { name, type: 'INT32', repetition_type };
    case 'int64':
      return { name, type: 'INT64', repetition_type };
    case 'timestamp':
      return {
        name,
        type: 'INT64',
        logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
        repetition_type,
      };
  }
}
