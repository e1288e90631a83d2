import { type ColumnData, listedTexts } from '../core/sinks/column-data.ts';
import type { TableColumn, TableRow, TableSchema } from '../core/sinks/table-schema.ts';
import type { LogRecord } from '../core/engine/record.ts';
import { arrive, createState, step } from '../core/pipeline.ts';
import { lakeRows, lakeTables } from '../core/sinks/tables.ts';
import { assemble, shippedFiles } from '../runtime/assemble.ts';
import { serialise } from '../simulate/item.ts';
import { simulatePayments } from '../simulate/payments.ts';

/** The rows of one table of the lake, as objects and as columns. */
export type SampledTable = {
  readonly schema: TableSchema;
  readonly rows: readonly TableRow[];
  readonly columns: readonly ColumnData[];
};

/** What decisions about the simulated world are in the lake. */
export type LakeSample = { readonly decisions: number; readonly tables: readonly SampledTable[] };

const batchRecords = 1000;

/** Runs the pipeline over the first authorizations of the simulated world and what follows from them. */
export async function sampleLake(authorizationsMax: number): Promise<LakeSample> {
  const { weir } = await assemble(shippedFiles);
  const { plan } = weir.features;
  const state = createState(weir);
  const tables = lakeTables(plan);
  const rows = new Map<TableSchema, TableRow[]>();
  const records = recordsOf(authorizationsMax);
  for (let from = 0; from < records.length; from += batchRecords) {
    const arrivals = records.slice(from, from + batchRecords).map(arrive);
    const effects = step(weir, state, { arrivals, known: new Map(), recorded: new Map() });
    for (const [schema, added] of lakeRows(tables, plan, effects)) {
      rows.set(schema, [...(rows.get(schema) ?? []), ...added]);
    }
  }
  const decisions = rows.get(tables.decisions)?.length ?? 0;
  const filled = [...rows].filter(([, added]) => added.length > 0);
  return {
    decisions,
    tables: filled.map(([schema, added]) => ({
      schema,
      rows: added,
      columns: schema.columns.map((column) => columnOf(column, added)),
    })),
  };
}

function recordsOf(authorizationsMax: number): LogRecord[] {
  const records: LogRecord[] = [];
  for (const item of simulatePayments({ seed: 1, authorizationsMax })) {
    const ingestTimeMs = item.event.eventTimeMs;
    records.push({ topic: item.topic, partition: 0, offset: records.length, ingestTimeMs, bytes: serialise(item) });
  }
  return records;
}

/** A column as the stages have it: numbers, texts by number, spans of bytes, hashes as words. */
function columnOf({ name, type, isUnique }: TableColumn, rows: readonly TableRow[]): ColumnData {
  const values = rows.map((row) => row[name] ?? null);
  if (type === 'bytes') return { kind: 'values', values };
  if (type !== 'text' && type !== 'json') {
    const numbers = Float64Array.from(values, (value) => (value === null ? Number.NaN : Number(value)));
    return { kind: 'numbers', values: numbers, start: 0, stride: 1 };
  }
  const texts = values.map((value) => (value === null ? null : textOf(value, type)));
  const hash = /^(?:[0-9a-f]{32}|[0-9a-f]{64})(?=:|$)/.exec(texts[0] ?? '')?.[0];
  if (!isUnique) return idsOf(texts);
  return hash === undefined ? spansOf(texts) : hashesOf(texts, hash.length);
}

function textOf(value: unknown, type: 'text' | 'json'): string {
  return typeof value === 'string' && type === 'text' ? value : JSON.stringify(value);
}

function idsOf(texts: readonly (string | null)[]): ColumnData {
  const known = new Map<string, number>();
  const bytes: Uint8Array[] = [];
  const ids = Int32Array.from(texts, (text) => {
    if (text === null) return -1;
    const id = known.get(text) ?? bytes.length;
    if (id === bytes.length) bytes.push(Buffer.from(text));
    known.set(text, id);
    return id;
  });
  return { kind: 'ids', ids, start: 0, stride: 1, textOf: listedTexts(bytes) };
}

function spansOf(texts: readonly (string | null)[]): ColumnData {
  const parts = texts.map((text) => Buffer.from(text ?? ''));
  const ends = new Uint32Array(parts.length);
  let end = 0;
  parts.forEach((part, row) => {
    end += part.length;
    ends[row] = end;
  });
  const starts = ends.map((partEnd, row) => partEnd - (parts[row]?.length ?? 0));
  return { kind: 'spans', bytes: new Uint8Array(Buffer.concat(parts)), starts, ends };
}

function hashesOf(texts: readonly (string | null)[], digits: number): ColumnData {
  const words = texts.flatMap((text) =>
    Array.from({ length: digits / 8 }, (_, word) => Number.parseInt((text ?? '').slice(word * 8, word * 8 + 8), 16)),
  );
  const endings = idsOf(texts.map((text) => (text ?? '').slice(digits)));
  const hashes = { kind: 'hex', words: Uint32Array.from(words), wordsPerRow: digits / 8 } as const;
  return endings.kind === 'ids' ? { ...hashes, endings } : hashes;
}
