import type { ColumnSpace } from '../decode/column-space.ts';

/**
 * A batch of records, a column a property, over one buffer that threads may share. Row r is the record at offset
 * `firstOffset + r`.
 */
export type ReadingColumns = {
  readonly rowsMax: number;
  readonly textBytesMax: number;
  /** Number of rows, and bytes of `text` in use. */
  readonly counts: Uint32Array;
  readonly firstOffset: Float64Array;
  /** The sensor's row in the registry; -1 where the record is no reading of a sensor. */
  readonly sensor: Int32Array;
  /** The place of the verdict in `verdicts`. */
  readonly verdict: Uint8Array;
  readonly isConverted: Uint8Array;
  /** Set by admission: one of `readingStatuses`. */
  readonly status: Uint8Array;
  readonly eventTimeMs: Float64Array;
  readonly ingestTimeMs: Float64Array;
  /** In the registry's unit where it could be converted, as it came otherwise. */
  readonly value: Float64Array;
  /** Of the reading's id, and of what the identity leaves open: unit, value and quality as they came. */
  readonly idHash: Uint32Array;
  readonly bodyHash: Uint32Array;
  /** Spans of `text`. */
  readonly idStart: Uint32Array;
  readonly idEnd: Uint32Array;
  readonly unitStart: Uint32Array;
  readonly unitEnd: Uint32Array;
  readonly text: Uint8Array;
};

/** What became of a row: nothing that the state or the lake's readings hold, or accepted. */
export const readingStatuses = { aside: 0, onTime: 1, late: 2 } as const;

/** Lays out the columns of at most `rowsMax` records. */
export function layOutReadings(space: ColumnSpace, rowsMax: number): ReadingColumns {
  const textBytesMax = rowsMax * rowTextBytesMax;
  return {
    rowsMax,
    textBytesMax,
    counts: space.uint32(2),
    firstOffset: space.float64(1),
    sensor: space.int32(rowsMax),
    verdict: space.uint8(rowsMax),
    isConverted: space.uint8(rowsMax),
    status: space.uint8(rowsMax),
    eventTimeMs: space.float64(rowsMax),
    ingestTimeMs: space.float64(rowsMax),
    value: space.float64(rowsMax),
    idHash: space.uint32(rowsMax),
    bodyHash: space.uint32(rowsMax),
    idStart: space.uint32(rowsMax),
    idEnd: space.uint32(rowsMax),
    unitStart: space.uint32(rowsMax),
    unitEnd: space.uint32(rowsMax),
    text: space.uint8(textBytesMax),
  };
}

/** An id and a unit, of 128 UTF-16 units each. */
const rowTextBytesMax = 2 * 128 * 3;
