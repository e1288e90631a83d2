import { createColumnSpace, measureLayout, type ColumnSpace } from '../core/decode/column-space.ts';
import { type EventColumns, type EventLayout, layOutEvents } from '../core/decode/event-columns.ts';
import { rowTextBytesMax } from '../core/decode/compile-decoder.ts';
import { type ForeignReads, layOutForeignReads } from '../core/features/columnar-foreign.ts';
import type { SettledColumns } from '../core/features/columnar-settled.ts';
import { layOutSettled } from '../core/features/settled-copy.ts';

/** The memory of one batch on its way from the front to the back. */
export type BatchSlot = {
  readonly columns: EventColumns;
  /** Feature vectors, one a row. */
  readonly values: Float64Array;
  /** What was read of views of foreign keys, row by row. */
  readonly reads: ForeignReads;
  /** Where settled rows are copied when the back is another thread. */
  readonly settled: SettledColumns;
};

export type SlotShape = {
  readonly layout: EventLayout;
  readonly featureCount: number;
  readonly rowsMax: number;
  readonly foreignCount?: number;
};

/** Lays a slot out over its memory; both threads that share it do so, with the same shape. */
export function openSlot(buffer: ArrayBufferLike, shape: SlotShape): BatchSlot {
  return layOut(createColumnSpace(buffer), shape);
}

/** The bytes that a slot takes. */
export function slotBytes(shape: SlotShape): number {
  return measureLayout((space) => layOut(space, shape));
}

/** Settled rows that a slot holds for each of its rows: more than settle on average. */
const settledRowsFactor = 2;
const settledIdBytes = 32;

function layOut(space: ColumnSpace, { layout, featureCount, rowsMax, foreignCount = 0 }: SlotShape): BatchSlot {
  const settledRows = rowsMax * settledRowsFactor;
  const textBytesMax = settledRows * settledIdBytes + rowTextBytesMax;
  return {
    columns: layOutEvents(space, { layout, rowsMax, textBytesMax: rowsMax * rowTextBytesMax }),
    values: space.float64(rowsMax * featureCount),
    reads: layOutForeignReads(space, { rowsMax, foreignCount }),
    settled: layOutSettled(space, { featureCount, rowsMax: settledRows, textBytesMax }),
  };
}
