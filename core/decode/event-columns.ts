import type { ColumnSpace } from './column-space.ts';

/** The fields of events that have a column, as dotted paths; truth values are numbers, 0 and 1. */
export type EventLayout = { readonly numbers: readonly string[]; readonly texts: readonly string[] };

/** What kind of event a row holds. */
export const contractNumbers = {
  'payments.authorization.v1': 0,
  'payments.clearing.v1': 1,
  'payments.reversal.v1': 2,
  'payments.dispute.v1': 3,
} as const;

/** The row of a record that is no event: refused, or a control record. */
export const noContract = 255;

/** What a row asks of the stages after admission. */
export const operations = { none: 0, authorization: 1, clearing: 2, reversal: 3 } as const;

/** How an accepted row stands to the watermark. */
export const latenesses = { onTime: 0, late: 1, tooLate: 2 } as const;

/**
 * A batch of records, a column a property, over one buffer that threads may share. Row r is the record at offset
 * `firstOffset + r`. Texts are interned; -1 is a missing text and NaN a missing number.
 */
export type EventColumns = {
  readonly layout: EventLayout;
  readonly rowsMax: number;
  readonly textBytesMax: number;
  /** Number of rows, and bytes of `text` in use. */
  readonly counts: Uint32Array;
  readonly firstOffset: Float64Array;
  /** One of `contractNumbers`, or `noContract`. */
  readonly contract: Uint8Array;
  readonly eventTimeMs: Float64Array;
  readonly ingestTimeMs: Float64Array;
  readonly tenant: Int32Array;
  readonly account: Int32Array;
  /** The first 128 bits of the SHA-256 of the idempotency key, four words a row, most significant first. */
  readonly idHash: Uint32Array;
  /** SHA-256 of the canonical event, eight words a row. */
  readonly bodyHash: Uint32Array;
  /** The id hash of the authorization that a dispute, a clearing or a reversal refers to, four words a row. */
  readonly targetHash: Uint32Array;
  /** Spans of `text`: the event's own id, and the authorization's that it refers to (empty where there is none). */
  readonly eventIdStart: Uint32Array;
  readonly eventIdEnd: Uint32Array;
  readonly targetIdStart: Uint32Array;
  readonly targetIdEnd: Uint32Array;
  readonly text: Uint8Array;
  /** A column a field of `layout.numbers`. */
  readonly numbers: readonly Float64Array[];
  /** A column a field of `layout.texts`. */
  readonly texts: readonly Int32Array[];
  /** Set by admission: one of `operations`. */
  readonly op: Uint8Array;
  /** Set by admission: one of `latenesses`. */
  readonly lateness: Uint8Array;
  /** Set by admission: the watermark that judged the row; -Infinity before the first event. */
  readonly arrivalWatermarkMs: Float64Array;
  /** Set by admission: the state's watermark after the row. */
  readonly stateWatermarkMs: Float64Array;
};

/** Row count and text bytes, as `counts` has them. */
export const countAt = { rows: 0, textBytes: 1 } as const;

/** Lays out the columns of at most `rowsMax` records and `textBytesMax` bytes of ids. */
export function layOutEvents(
  space: ColumnSpace,
  { layout, rowsMax, textBytesMax }: Pick<EventColumns, 'layout' | 'rowsMax' | 'textBytesMax'>,
): EventColumns {
  return {
    layout,
    rowsMax,
    textBytesMax,
    counts: space.uint32(2),
    firstOffset: space.float64(1),
    contract: space.uint8(rowsMax),
    eventTimeMs: space.float64(rowsMax),
    ingestTimeMs: space.float64(rowsMax),
    tenant: space.int32(rowsMax),
    account: space.int32(rowsMax),
    idHash: space.uint32(rowsMax * 4),
    bodyHash: space.uint32(rowsMax * 8),
    targetHash: space.uint32(rowsMax * 4),
    eventIdStart: space.uint32(rowsMax),
    eventIdEnd: space.uint32(rowsMax),
    targetIdStart: space.uint32(rowsMax),
    targetIdEnd: space.uint32(rowsMax),
    text: space.uint8(textBytesMax),
    numbers: layout.numbers.map(() => space.float64(rowsMax)),
    texts: layout.texts.map(() => space.int32(rowsMax)),
    op: space.uint8(rowsMax),
    lateness: space.uint8(rowsMax),
    arrivalWatermarkMs: space.float64(rowsMax),
    stateWatermarkMs: space.float64(rowsMax),
  };
}
