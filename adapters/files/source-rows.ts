import type { MappedEvent, MappedRow, Mapping, MappingError, SourceRow } from '../../core/contract/mapping.ts';
import { unmappableTopic } from '../../core/contract/unmappable-header.ts';
import { wrapUnmappable } from '../../core/decode/unmappable.ts';
import { addTimer, createTimers, popDue, type Timers } from '../../core/engine/timers.ts';

/** One event on its way in: bytes for a topic. */
export type SourceItem = { readonly topic: string; readonly bytes: Uint8Array };

/** A row as a reader found it; damaged ones have their bytes only. */
export type ReadRow =
  | {
      readonly kind: 'row';
      readonly row: SourceRow;
      /** The row's own; null where the format has no bytes of a row, and its JSON stands in for them. */
      readonly bytes: Uint8Array | null;
    }
  /** Several that stand or fall together, such as those of one line. */
  | { readonly kind: 'rows'; readonly rows: readonly SourceRow[]; readonly bytes: Uint8Array }
  | { readonly kind: 'damaged'; readonly message: string; readonly bytes: Uint8Array };

const batchItems = 4096;

/**
 * Maps rows to items in a fixed order. A deferred event goes on just before the first event whose time is not before
 * its own, ordered by (eventTimeMs, row); those left over go on at the end. A row that cannot be mapped is an item too.
 */
export async function* mapRows(
  batches: AsyncIterable<readonly ReadRow[]>,
  mapping: Mapping,
): AsyncGenerator<readonly SourceItem[]> {
  const deferred = createTimers<SourceItem>();
  let rowNumber = 0;
  for await (const rows of batches) {
    const items: SourceItem[] = [];
    for (const row of rows) {
      mapRow({ row, rowNumber, mapping, deferred }, items);
      rowNumber += 1;
    }
    if (items.length > 0) yield items;
  }
  for (let items = takeLeft(deferred); items.length > 0; items = takeLeft(deferred)) yield items;
}

/** The items of one row alone, what it defers at the end. */
export function itemsOfRow(row: Omit<Step, 'deferred'>): readonly SourceItem[] {
  const items: SourceItem[] = [];
  const deferred = createTimers<SourceItem>();
  mapRow({ ...row, deferred }, items);
  return [...items, ...takeLeft(deferred)];
}

type Step = {
  readonly row: ReadRow;
  readonly rowNumber: number;
  readonly mapping: Mapping;
  readonly deferred: Timers<SourceItem>;
};

function mapRow({ row, rowNumber, mapping, deferred }: Step, items: SourceItem[]): void {
  const mapped = encodeRow({ row, rowNumber, mapping });
  if (mapped.kind === 'unmappable') {
    const { message, issues } = mapped.error;
    const bytes = bytesOf(row);
    const header = { topic: mapping.topic, sourceRow: rowNumber, message, issues };
    items.push({ topic: unmappableTopic, bytes: wrapUnmappable({ ...header, bytes }) });
    return;
  }
  for (const { item, eventTimeMs } of mapped.events) {
    for (let due = popDue(deferred, eventTimeMs); due !== undefined; due = popDue(deferred, eventTimeMs)) {
      items.push(due);
    }
    items.push(item);
  }
  for (const { item, eventTimeMs } of mapped.deferred) {
    addTimer(deferred, { timeMs: eventTimeMs, offset: rowNumber, value: item });
  }
}

type EncodedEvent = { readonly item: SourceItem; readonly eventTimeMs: number };
type EncodedRow =
  | { readonly kind: 'encoded'; readonly events: readonly EncodedEvent[]; readonly deferred: readonly EncodedEvent[] }
  | { readonly kind: 'unmappable'; readonly error: MappingError };

/** Maps and encodes one row; whatever a mapping throws or forgets is the row's error, never the run's. */
function encodeRow({ row, rowNumber, mapping }: Omit<Step, 'deferred'>): EncodedRow {
  if (row.kind === 'damaged') return { kind: 'unmappable', error: { message: row.message, issues: [] } };
  try {
    const events: EncodedEvent[] = [];
    const deferred: EncodedEvent[] = [];
    for (const one of row.kind === 'rows' ? row.rows : [row.row]) {
      const mapped: MappedRow = mapping.map(one, rowNumber);
      if (mapped.kind === 'unmappable') return mapped;
      events.push(...mapped.events.map(encodeEvent));
      deferred.push(...mapped.deferred.map(encodeEvent));
    }
    return { kind: 'encoded', events, deferred };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `mapping ${mapping.name} v${mapping.version} failed: ${reason}`;
    return { kind: 'unmappable', error: { message, issues: [] } };
  }
}

function encodeEvent({ topic, event, eventTimeMs }: MappedEvent): EncodedEvent {
  if (!Number.isSafeInteger(eventTimeMs)) throw new Error(`got eventTimeMs ${eventTimeMs}, expected a whole number`);
  return { item: { topic, bytes: Buffer.from(JSON.stringify(event)) }, eventTimeMs };
}

/** A row's own bytes, or its JSON with big integers as text. */
function bytesOf(row: ReadRow): Uint8Array {
  if (row.kind !== 'row') return row.bytes;
  const toJson = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
  return row.bytes ?? Buffer.from(JSON.stringify(row.row, toJson));
}

function takeLeft(deferred: Timers<SourceItem>): readonly SourceItem[] {
  const items: SourceItem[] = [];
  while (items.length < batchItems) {
    const item = popDue(deferred, Infinity);
    if (item === undefined) break;
    items.push(item);
  }
  return items;
}
