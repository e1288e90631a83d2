import { type ColumnSpace, createColumnSpace, measureLayout } from '../decode/column-space.ts';
import type { EventColumns } from '../decode/event-columns.ts';
import {
  addPage,
  createPageBook,
  createPages,
  dropPages,
  type Pages,
  type PageSegment,
  touch,
  touchRange,
  type Within,
} from '../engine/pages.ts';

/**
 * The rows whose values can still change, in the order of their offsets: a queue of segments that gives up its oldest
 * segment once no row of it is needed. Rows are numbered from the first one ever.
 */
export type PendingRows = {
  readonly segments: RowSegment[];
  readonly pages: Pages;
  readonly shape: RowShape;
  /** The ids of the rows' events, one behind the other; none lies in two segments. */
  readonly texts: Pages;
  /** Where the next id goes, counted from the first byte ever. */
  textEnd: number;
  /** The first row that is held, a multiple of a segment; and the next row's number. */
  head: number;
  tail: number;
  /** The first row that may still be needed. */
  firstNeeded: number;
};

/** What a checkpoint holds of the rows beside their segments. */
export type RowsRest = Pick<PendingRows, 'tail' | 'firstNeeded' | 'textEnd'>;

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
  /** No checkpoint holds it. */
  readonly next: Int32Array;
  /** The state's key for each of the plan's keys; -1 where the event lacks the field. */
  readonly keys: Int32Array;
  readonly fields: Float64Array;
  readonly decision: Float64Array;
  /** As last sent, where it is not the decision's. */
  readonly settled: Float64Array;
  /** Where its event's id is in `texts`, counted from the first byte ever, and how long it is. */
  readonly idAt: Float64Array;
  readonly idBytes: Uint32Array;
  readonly page: PageSegment;
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
const textSegmentBits = 16;
const textSegmentBytes = 2 ** textSegmentBits;

/** A queue without rows, or the one of a checkpoint. */
export function createPendingRows(
  shape: RowShape,
  { book, rest }: Within<RowsRest> = { book: createPageBook() },
): PendingRows {
  const pages = createPages(
    book,
    measureLayout((space) => layOutRows(space, shape)),
  );
  const texts = createPages(book, textSegmentBytes);
  const segments = pages.segments.flatMap((page) => (page === undefined ? [] : [segmentOver(page, shape)]));
  const { tail, firstNeeded, textEnd } = rest ?? { tail: 0, firstNeeded: 0, textEnd: 0 };
  return { segments, pages, shape, texts, textEnd, head: pages.first * segmentRows, tail, firstNeeded };
}

/** What a checkpoint holds of the rows beside their segments. */
export function restOfRows({ tail, firstNeeded, textEnd }: PendingRows): RowsRest {
  return { tail, firstNeeded, textEnd };
}

/** Must be called before what changes of a row after it was added is written: revision, flags, moment. */
export function touchRow({ page, revision, flags, dueMs }: RowSegment, slot: number): void {
  touch(page, revision.byteOffset + slot * 4);
  touch(page, flags.byteOffset + slot);
  touch(page, dueMs.byteOffset + slot * 8);
}

/** Must be called before a row's settled values are written. */
export function touchSettled({ page, settled }: RowSegment, slot: number, features: number): void {
  const start = settled.byteOffset + slot * features * 8;
  touchRange(page, start, start + features * 8);
}

/** The bytes of an id of `texts`, and where it begins in them. */
export function idBytesAt(rows: PendingRows, idAt: number): { readonly bytes: Uint8Array; readonly start: number } {
  const page = rows.texts.segments[Math.floor(idAt / textSegmentBytes) - rows.texts.first]!;
  return { bytes: page.bytes, start: idAt % textSegmentBytes };
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
    rows.segments.push(segmentOver(addPage(rows.pages), rows.shape));
  }
  const segment = rowSegment(rows, row);
  touchNew(segment, rows.shape, slot);
  segment.offset[slot] = offset;
  segment.eventTimeMs[slot] = columns.eventTimeMs[r]!;
  segment.tenant[slot] = columns.tenant[r]!;
  segment.account[slot] = columns.account[r]!;
  segment.revision[slot] = -1;
  segment.flags[slot] = flags;
  const start = columns.eventIdStart[r]!;
  const end = columns.eventIdEnd[r]!;
  segment.idAt[slot] = copyId(rows, columns.text, { start, end });
  segment.idBytes[slot] = end - start;
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
  rows.segments.splice(0, spent);
  dropPages(rows.pages, spent);
  rows.head += spent * segmentRows;
  const firstAt = rows.segments.length === 0 ? rows.textEnd : rows.segments[0]!.idAt[0]!;
  dropPages(
    rows.texts,
    Math.min(Math.floor(firstAt / textSegmentBytes) - rows.texts.first, rows.texts.segments.length),
  );
}

/** All but `next`, which no checkpoint holds. */
function layOutRows(space: ColumnSpace, { keys, fields, features }: RowShape): Omit<RowSegment, 'page' | 'next'> {
  return {
    offset: space.float64(segmentRows),
    eventTimeMs: space.float64(segmentRows),
    tenant: space.int32(segmentRows),
    account: space.int32(segmentRows),
    revision: space.int32(segmentRows),
    flags: space.uint8(segmentRows),
    dueMs: space.float64(segmentRows),
    keys: space.int32(segmentRows * keys),
    fields: space.float64(segmentRows * fields),
    decision: space.float64(segmentRows * features),
    settled: space.float64(segmentRows * features),
    idAt: space.float64(segmentRows),
    idBytes: space.uint32(segmentRows),
  };
}

function segmentOver(page: PageSegment, shape: RowShape): RowSegment {
  return { ...layOutRows(createColumnSpace(page.buffer), shape), next: new Int32Array(segmentRows), page };
}

/** Before a row is written: all of it but its settled values. */
function touchNew(segment: RowSegment, { keys, fields, features }: RowShape, slot: number): void {
  const { page } = segment;
  touchRow(segment, slot);
  touch(page, segment.offset.byteOffset + slot * 8);
  touch(page, segment.eventTimeMs.byteOffset + slot * 8);
  touch(page, segment.tenant.byteOffset + slot * 4);
  touch(page, segment.account.byteOffset + slot * 4);
  touch(page, segment.idAt.byteOffset + slot * 8);
  touch(page, segment.idBytes.byteOffset + slot * 4);
  touchColumns(page, segment.keys, { slot, width: keys });
  touchColumns(page, segment.fields, { slot, width: fields });
  touchColumns(page, segment.decision, { slot, width: features });
}

function touchColumns(
  page: PageSegment,
  column: Int32Array | Float64Array,
  { slot, width }: { readonly slot: number; readonly width: number },
): void {
  const bytes = width * column.BYTES_PER_ELEMENT;
  const start = column.byteOffset + slot * bytes;
  touchRange(page, start, start + bytes);
}

/** Copies an id behind the last one, or to the next segment where it does not fit; gives where it is. */
function copyId(
  rows: PendingRows,
  text: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
): number {
  const { texts } = rows;
  const used = rows.textEnd % textSegmentBytes;
  if (used + end - start > textSegmentBytes) rows.textEnd += textSegmentBytes - used;
  const at = rows.textEnd;
  const number = Math.floor(at / textSegmentBytes);
  const page = texts.segments[number - texts.first] ?? addPage(texts, number);
  let to = at % textSegmentBytes;
  if (end > start) touchRange(page, to, to + end - start);
  const { bytes } = page;
  for (let from = start; from < end; from++) bytes[to++] = text[from]!;
  rows.textEnd += end - start;
  return at;
}
