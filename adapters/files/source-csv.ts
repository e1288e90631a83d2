import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import { WeirError } from '../../core/contract/failure.ts';
import type { SourceBytes } from './source-bytes.ts';
import { keptSizeBytesMax, lineSizeBytesMax, splitLines, type SourceLine } from './source-lines.ts';
import type { ReadRow } from './source-rows.ts';

/** A CSV source: RFC 4180 in UTF-8, commas between the fields, and a header row. */
export type Csv = { readonly columns: readonly string[]; rows(): AsyncGenerator<readonly ReadRow[]> };

/**
 * Reads the header. Throws a `WeirError` when there is none, or a column is named twice or not at all. A row that is not
 * CSV, is not UTF-8 or has another number of fields than the header comes as damaged, with its own bytes.
 */
export async function openCsv(input: SourceBytes, path: string): Promise<Csv> {
  const columns = await readHeader(input, path);
  return { columns, rows: () => readRows(input, columns) };
}

async function readHeader(input: SourceBytes, path: string): Promise<readonly string[]> {
  for await (const [line] of splitLines(input.peek(), 'csv')) {
    if (line === undefined) continue;
    const columns = parseLines([line])[0];
    if (columns === undefined || columns === null || line.damage !== null) {
      throw headerError(path, 'got a first row that is not CSV');
    }
    if (columns.includes('')) throw headerError(path, 'got a column without a name');
    const twice = columns.find((column, index) => columns.indexOf(column) !== index);
    if (twice !== undefined) throw headerError(path, `got the column ${JSON.stringify(twice)} twice`);
    return columns;
  }
  throw headerError(path, 'got no rows at all');
}

function headerError(path: string, what: string): WeirError {
  return new WeirError({
    code: 'SOURCE_HEADER_BAD',
    message: `${path}: ${what}, expected a header row with the names of the columns`,
    fix: 'Give the file a header row.',
    facts: { path },
  });
}

async function* readRows(input: SourceBytes, columns: readonly string[]): AsyncGenerator<readonly ReadRow[]> {
  let isHeader = true;
  for await (const lines of splitLines(input.chunks(), 'csv')) {
    const data = isHeader ? lines.slice(1) : lines;
    isHeader = false;
    if (data.length === 0) continue;
    const records = parseLines(data);
    yield data.map((line, index) => toRow(line, records[index] ?? null, columns));
  }
}

function toRow({ bytes, damage }: SourceLine, fields: Fields | null, columns: readonly string[]): ReadRow {
  if (damage === 'tooLong') {
    const message = `got a row of more than ${lineSizeBytesMax} bytes, of which the first ${keptSizeBytesMax} are here`;
    return { kind: 'damaged', message, bytes };
  }
  if (damage === 'badQuote') {
    return { kind: 'damaged', message: 'got a quote that does not close at the end of a field, expected CSV', bytes };
  }
  if (fields === null) return { kind: 'damaged', message: 'got a row that is not CSV in UTF-8', bytes };
  if (fields.length !== columns.length) {
    return {
      kind: 'damaged',
      message: `got ${fields.length} fields, expected ${columns.length} as in the header`,
      bytes,
    };
  }
  const row: Record<string, string> = {};
  for (let index = 0; index < columns.length; index += 1) row[columns[index] ?? ''] = fields[index] ?? '';
  return { kind: 'row', row, bytes };
}

type Fields = readonly string[];

/** The fields of each line, null for a damaged one: all at once when all are good, else one by one to find the bad ones. */
function parseLines(lines: readonly SourceLine[]): readonly (Fields | null)[] {
  const records = lines.every((line) => line.damage === null) ? tryParse(lines) : null;
  if (records !== null && records.length === lines.length) return records;
  if (lines.length === 1) return [null];
  return lines.map((line) => parseLines([line])[0] ?? null);
}

const lineEnd = Buffer.from('\n');

function tryParse(lines: readonly SourceLine[]): readonly Fields[] | null {
  const bytes = Buffer.concat(lines.flatMap((line) => [line.bytes, lineEnd]));
  if (!isUtf8(bytes)) return null;
  try {
    return parse(bytes, { record_delimiter: '\n', relax_column_count: true });
  } catch {
    return null;
  }
}
