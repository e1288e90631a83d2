import { idBytesAt, type PendingRows, rowFlags, rowSegment, rowSlot } from './columnar-rows.ts';

/**
 * The rows that a batch settled or revised, ordered by (event time, offset): the first `rowCount` of each column; the
 * arrays may be longer. `decision` and `settled` hold `featureCount` values a row, NaN for null.
 */
export type SettledColumns = {
  rowCount: number;
  readonly featureCount: number;
  readonly offset: Float64Array;
  readonly eventTimeMs: Float64Array;
  readonly tenant: Int32Array;
  readonly account: Int32Array;
  /** Spans of `text`, the event ids as UTF-8. */
  readonly eventIdStart: Uint32Array;
  readonly eventIdEnd: Uint32Array;
  text: Uint8Array;
  textBytes: number;
  readonly late: Uint8Array;
  readonly tooLate: Uint8Array;
  /** -1 for a too-late row, which never settles. */
  readonly revision: Int32Array;
  readonly decision: Float64Array;
  /** NaN for a too-late row. */
  readonly settled: Float64Array;
};

/** Columns without rows and with room for some: those of the batch before, where they are long enough. */
export function reserveSettled(
  scratch: { settled: SettledColumns | null },
  featureCount: number,
  rows: number,
): SettledColumns {
  const { settled } = scratch;
  if (settled !== null && settled.offset.length >= rows) {
    settled.rowCount = 0;
    settled.textBytes = 0;
    return settled;
  }
  scratch.settled = createSettled(featureCount, Math.ceil((rows * 5) / 4));
  return scratch.settled;
}

/** Writes all of the next row but its settled values. */
export function writeSettledHead(settled: SettledColumns, rows: PendingRows, row: number): void {
  const segment = rowSegment(rows, row);
  const slot = rowSlot(row);
  const to = settled.rowCount;
  const { featureCount } = settled;
  settled.offset[to] = segment.offset[slot]!;
  settled.eventTimeMs[to] = segment.eventTimeMs[slot]!;
  settled.tenant[to] = segment.tenant[slot]!;
  settled.account[to] = segment.account[slot]!;
  settled.late[to] = (segment.flags[slot]! & rowFlags.late) === 0 ? 0 : 1;
  settled.tooLate[to] = (segment.flags[slot]! & rowFlags.tooLate) === 0 ? 0 : 1;
  settled.revision[to] = segment.revision[slot]!;
  for (let feature = 0; feature < featureCount; feature++) {
    settled.decision[to * featureCount + feature] = segment.decision[slot * featureCount + feature]!;
    settled.settled[to * featureCount + feature] = Number.NaN;
  }
  settled.eventIdStart[to] = settled.textBytes;
  const idBytes = segment.idBytes[slot]!;
  reserveText(settled, idBytes);
  const { bytes, start } = idBytesAt(rows, segment.idAt[slot]!);
  for (let at = start; at < start + idBytes; at++) settled.text[settled.textBytes++] = bytes[at]!;
  settled.eventIdEnd[to] = settled.textBytes;
}

function reserveText(settled: SettledColumns, bytes: number): void {
  if (settled.textBytes + bytes <= settled.text.length) return;
  const larger = new Uint8Array((settled.text.length + bytes) * 2);
  larger.set(settled.text);
  settled.text = larger;
}

function createSettled(featureCount: number, rows: number): SettledColumns {
  return {
    rowCount: 0,
    featureCount,
    offset: new Float64Array(rows),
    eventTimeMs: new Float64Array(rows),
    tenant: new Int32Array(rows),
    account: new Int32Array(rows),
    eventIdStart: new Uint32Array(rows),
    eventIdEnd: new Uint32Array(rows),
    text: new Uint8Array(rows * 16),
    textBytes: 0,
    late: new Uint8Array(rows),
    tooLate: new Uint8Array(rows),
    revision: new Int32Array(rows),
    decision: new Float64Array(rows * featureCount),
    settled: new Float64Array(rows * featureCount),
  };
}
