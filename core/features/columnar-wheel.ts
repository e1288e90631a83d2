import { type PendingRows, rowFlags, rowLinks, rowOfLink, rowSegment, rowSlot, touchRow } from './columnar-rows.ts';

/**
 * Rows by the moment when something is due for them: a hashed timing wheel with a list for each millisecond
 * (https://doi.org/10.1145/41457.37504, scheme 6), so that adding and taking cost O(1) in any order. The rows of one
 * moment are linked through their own column `next`. Nobody needs them in order: they are sorted when they are sent.
 */
export type RowWheel = {
  /** The first row of each list, the remainder of its number plus 1; 0 is an empty list. */
  readonly heads: Int32Array;
  /** A bit for each list that is not empty. */
  readonly occupied: Int32Array;
  /** Rows whose moment had passed when they were added. */
  overdue: number;
  /** All lists up to this moment have been looked at. */
  passedMs: number;
};

const spanMs = 2 ** 16;
const spanMask = spanMs - 1;

/** A wheel without rows, whose lists up to a moment have been looked at. */
export function createWheel(passedMs = Number.NEGATIVE_INFINITY): RowWheel {
  return { heads: new Int32Array(spanMs), occupied: new Int32Array(spanMs / 32), overdue: 0, passedMs };
}

/** The wheel of a checkpoint: every row that something is due for goes to its list. Their order there changes nothing. */
export function restoreWheel(rows: PendingRows, passedMs: number): RowWheel {
  const wheel = createWheel(passedMs);
  for (let row = rows.firstNeeded; row < rows.tail; row++) {
    const { flags, dueMs } = rowSegment(rows, row);
    if ((flags[rowSlot(row)]! & rowFlags.final) === 0) linkRow(wheel, rows, { row, dueMs: dueMs[rowSlot(row)]! });
  }
  return wheel;
}

/** Adds a row that is due at `dueMs`. */
export function addToWheel(wheel: RowWheel, rows: PendingRows, row: number, dueMs: number): void {
  const segment = rowSegment(rows, row);
  const slot = rowSlot(row);
  touchRow(segment, slot);
  segment.dueMs[slot] = dueMs;
  linkRow(wheel, rows, { row, dueMs });
}

/** Takes every row that is due by `watermarkMs` and calls `take` with it, which may add it again. */
export function takeDueRows(
  wheel: RowWheel,
  rows: PendingRows,
  watermarkMs: number,
  take: (row: number) => void,
): void {
  takeOverdue(wheel, rows, take);
  if (watermarkMs <= wheel.passedMs) return;
  const fromMs = wheel.passedMs + 1;
  wheel.passedMs = watermarkMs;
  // From -Infinity or to +Infinity, or further than the wheel goes: each list once.
  const lists = watermarkMs - fromMs < spanMs ? watermarkMs - fromMs + 1 : spanMs;
  const first = Number.isFinite(fromMs) && lists < spanMs ? fromMs & spanMask : 0;
  for (let step = 0; step < lists;) {
    const list = (first + step) & spanMask;
    if (wheel.occupied[list >> 5] === 0) {
      step += 32 - (list & 31);
      continue;
    }
    if (wheel.heads[list] !== 0) takeFromList(wheel, rows, { list, watermarkMs }, take);
    step++;
  }
  takeOverdue(wheel, rows, take);
}

function linkRow(
  wheel: RowWheel,
  rows: PendingRows,
  { row, dueMs }: { readonly row: number; readonly dueMs: number },
): void {
  const segment = rowSegment(rows, row);
  const slot = rowSlot(row);
  if (dueMs <= wheel.passedMs) {
    segment.next[slot] = wheel.overdue;
    wheel.overdue = linkOf(row);
    return;
  }
  const list = dueMs & spanMask;
  segment.next[slot] = wheel.heads[list]!;
  wheel.heads[list] = linkOf(row);
  wheel.occupied[list >> 5]! |= 1 << (list & 31);
}

function linkOf(row: number): number {
  return (row % rowLinks) + 1;
}

function takeOverdue(wheel: RowWheel, rows: PendingRows, take: (row: number) => void): void {
  while (wheel.overdue !== 0) {
    const row = rowOfLink(rows, wheel.overdue - 1);
    wheel.overdue = rowSegment(rows, row).next[rowSlot(row)]!;
    take(row);
  }
}

/** Takes the rows of a list that are due; those of a later turn of the wheel stay. */
function takeFromList(
  wheel: RowWheel,
  rows: PendingRows,
  { list, watermarkMs }: { readonly list: number; readonly watermarkMs: number },
  take: (row: number) => void,
): void {
  let link = wheel.heads[list]!;
  wheel.heads[list] = 0;
  wheel.occupied[list >> 5]! &= ~(1 << (list & 31));
  while (link !== 0) {
    const row = rowOfLink(rows, link - 1);
    const segment = rowSegment(rows, row);
    const slot = rowSlot(row);
    link = segment.next[slot]!;
    if (segment.dueMs[slot]! <= watermarkMs) take(row);
    else linkRow(wheel, rows, { row, dueMs: segment.dueMs[slot]! });
  }
}
