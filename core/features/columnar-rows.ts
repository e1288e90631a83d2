import type { EventColumns } from '../decode/event-columns.ts';

/**
 * The rows whose values can still change, in the order of their offsets: a queue of segments that gives up its oldest
 * segment once no row of it is needed. Rows are numbered from the first one ever.
 */
export type PendingRows = {
  readonly segments: RowSegment[];
  /** Segments that were given up, to be used again. */
  readonly spare: RowSegment[];
  readonly shape: RowShape;
  /** The first row that is held, a multiple of a segment; and the next row's number. */
  head: number;
  tail: number;
  /** The first row that may still be needed. */
  firstNeeded: number;
};

/** How many of what each row holds. */
export type RowShape = { readonly keys: number; readonly fields: number; readonly features: number };

/** Rows side by side, a column a property. */
export type RowSegment = {
  readonly offset: Float64Array;
  readonly eventTimeMs: Float64Array;
  readonly tenant: Int32Array;
  readonly account: Int32Array;
  /** How many changes came after it settled; -1 before that. */
  readonly revision: Int32Array;
  readonly flags: Uint8Array;
  /** When it settles, then when it is final; and the row behind it in its list of the wheel. */
  readonly dueMs: Float64Array;
  readonly next: Int32Array;
  /** The state's key for each of the plan's keys; -1 where the event lacks the field. */
  readonly keys: Int32Array;
  readonly fields: Float64Array;
  readonly decision: Float64Array;
  /** As last sent, where it is not the decision's. */
  readonly settled: Float64Array;
  readonly idStart: Uint32Array;
  readonly idEnd: Uint32Array;
  text: Uint8Array;
  textBytes: number;
};

/** What is known of a row beside its numbers, a bit each. */
export const rowFlags = {
  late: 1,
  tooLate: 2,
  /** Its decision was adopted, not computed. */
  adopted: 4,
  /** It can no longer change. */
  final: 8,
  /** It is to be sent at the end of the batch. */
  changed: 16,
  /** It was sent: its settled values are the decision's, or with `differs` those of its own. */
  sent: 32,
  differs: 64,
} as const;

const segmentBits = 10;
const segmentRows = 2 ** segmentBits;
const spareMax = 8;
const textBytesFirst = segmentRows * 24;

/** A queue without rows. */
export function createPendingRows(shape: RowShape): PendingRows {
  return { segments: [], spare: [], shape, head: 0, tail: 0, firstNeeded: 0 };
}

/** The segment that holds a row. */
export function rowSegment(rows: PendingRows, row: number): RowSegment {
  return rows.segments[(row - rows.head) >> segmentBits]!;
}

/** The row's number in its segment. */
export function rowSlot(row: number): number {
  return row & (segmentRows - 1);
}

/** Adds a row for row `r` of a batch; its keys, fields and decision are the caller's to write. Gives its number. */
export function addRow(rows: PendingRows, columns: EventColumns, r: number, offset: number, flags: number): number {
  const row = rows.tail++;
  const slot = rowSlot(row);
  if ((row - rows.head) >> segmentBits === rows.segments.length) {
    rows.segments.push(rows.spare.pop() ?? createSegment(rows.shape));
  }
  const segment = rowSegment(rows, row);
  segment.offset[slot] = offset;
  segment.eventTimeMs[slot] = columns.eventTimeMs[r]!;
  segment.tenant[slot] = columns.tenant[r]!;
  segment.account[slot] = columns.account[r]!;
  segment.revision[slot] = -1;
  segment.flags[slot] = flags;
  copyId(segment, columns, r);
  segment.idStart[slot] = segment.textBytes - (columns.eventIdEnd[r]! - columns.eventIdStart[r]!);
  segment.idEnd[slot] = segment.textBytes;
  return row;
}

/** The number of a row that is held by the remainder of it that links keep. */
export function rowOfLink(rows: PendingRows, link: number): number {
  const ahead = link - (rows.head % rowLinks);
  return rows.head + (ahead < 0 ? ahead + rowLinks : ahead);
}

/** Links hold the number of a row modulo this. */
export const rowLinks = 2 ** 31 - 1;

/** The number of the row at an offset; -1 when there is none. */
export function findRow(rows: PendingRows, offset: number): number {
  let low = rows.head;
  let high = rows.tail;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (rowSegment(rows, middle).offset[rowSlot(middle)]! < offset) low = middle + 1;
    else high = middle;
  }
  return low < rows.tail && rowSegment(rows, low).offset[rowSlot(low)] === offset ? low : -1;
}

/** Gives up the oldest segments whose rows are all final. Between batches, when no row is to be sent. */
export function dropFinalRows(rows: PendingRows): void {
  let needed = rows.firstNeeded;
  while (needed < rows.tail && (rowSegment(rows, needed).flags[rowSlot(needed)]! & rowFlags.final) !== 0) needed++;
  rows.firstNeeded = needed;
  const spent = Math.min((needed - rows.head) >> segmentBits, rows.segments.length);
  if (spent === 0) return;
  for (const segment of rows.segments.splice(0, spent)) {
    segment.textBytes = 0;
    if (rows.spare.length < spareMax) rows.spare.push(segment);
  }
  rows.head += spent * segmentRows;
}

function createSegment({ keys, fields, features }: RowShape): RowSegment {
  return {
    offset: new Float64Array(segmentRows),
    eventTimeMs: new Float64Array(segmentRows),
    tenant: new Int32Array(segmentRows),
    account: new Int32Array(segmentRows),
    revision: new Int32Array(segmentRows),
    flags: new Uint8Array(segmentRows),
    dueMs: new Float64Array(segmentRows),
    next: new Int32Array(segmentRows),
    keys: new Int32Array(segmentRows * keys),
    fields: new Float64Array(segmentRows * fields),
    decision: new Float64Array(segmentRows * features),
    settled: new Float64Array(segmentRows * features),
    idStart: new Uint32Array(segmentRows),
    idEnd: new Uint32Array(segmentRows),
    text: new Uint8Array(textBytesFirst),
    textBytes: 0,
  };
}

function copyId(segment: RowSegment, columns: EventColumns, r: number): void {
  const start = columns.eventIdStart[r]!;
  const end = columns.eventIdEnd[r]!;
  if (segment.textBytes + end - start > segment.text.length) {
    const larger = new Uint8Array((segment.text.length + end - start) * 2);
    larger.set(segment.text);
    segment.text = larger;
  }
  const { text } = segment;
  for (let at = start; at < end; at++) text[segment.textBytes++] = columns.text[at]!;
}
