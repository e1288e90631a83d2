import type { ColumnSpace } from '../decode/column-space.ts';
import type { SettledColumns } from './columnar-settled.ts';

/** Room for settled rows in memory that threads share. */
export type SettledRoom = { readonly featureCount: number; readonly rowsMax: number; readonly textBytesMax: number };

/** Lays out room for settled rows. */
export function layOutSettled(space: ColumnSpace, room: SettledRoom): SettledColumns {
  const { featureCount, rowsMax, textBytesMax } = room;
  return {
    rowCount: 0,
    featureCount,
    offset: space.float64(rowsMax),
    eventTimeMs: space.float64(rowsMax),
    tenant: space.int32(rowsMax),
    account: space.int32(rowsMax),
    eventIdStart: space.uint32(rowsMax),
    eventIdEnd: space.uint32(rowsMax),
    text: space.uint8(textBytesMax),
    textBytes: 0,
    late: space.uint8(rowsMax),
    tooLate: space.uint8(rowsMax),
    revision: space.int32(rowsMax),
    decision: space.float64(rowsMax * featureCount),
    settled: space.float64(rowsMax * featureCount),
  };
}

/** Copies the rows of `from` from row `start` on, as many as `to` has room for, in place of its own; gives how many. */
export function copySettled(from: SettledColumns, start: number, to: SettledColumns): number {
  const { featureCount } = from;
  const textStart = from.eventIdStart[start] ?? 0;
  let end = Math.min(from.rowCount, start + to.offset.length);
  while (end > start && from.eventIdEnd[end - 1]! - textStart > to.text.length) end--;
  const count = end - start;
  if (count === 0 && start < from.rowCount) throw new RangeError('got an id that is larger than all room for ids');
  for (const name of ['offset', 'eventTimeMs', 'tenant', 'account', 'late', 'tooLate', 'revision'] as const) {
    to[name].set(from[name].subarray(start, end));
  }
  to.decision.set(from.decision.subarray(start * featureCount, end * featureCount));
  to.settled.set(from.settled.subarray(start * featureCount, end * featureCount));
  to.textBytes = count === 0 ? 0 : from.eventIdEnd[end - 1]! - textStart;
  to.text.set(from.text.subarray(textStart, textStart + to.textBytes));
  for (let row = 0; row < count; row++) {
    to.eventIdStart[row] = from.eventIdStart[start + row]! - textStart;
    to.eventIdEnd[row] = from.eventIdEnd[start + row]! - textStart;
  }
  to.rowCount = count;
  return count;
}
