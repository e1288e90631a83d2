import type { EventColumns } from '../decode/event-columns.ts';
import type { LogBlock } from '../decode/log-block.ts';
import type { ColumnarFeatures } from '../features/columnar-engine.ts';
import { applyLabelRow, expireWaitingRows } from '../features/columnar-labels.ts';
import { observeRow } from '../features/columnar-observe.ts';
import { settleRows } from '../features/columnar-settle.ts';
import type { ColumnarFeatureState } from '../features/columnar-state.ts';
import { eventOfRow, type FrontWindows, frontContracts } from './columnar-front.ts';

/** A batch as its rows go into windows. */
export type WindowBatch = {
  readonly block: LogBlock;
  readonly columns: EventColumns;
  /** Feature vectors, one a row. */
  readonly values: Float64Array;
  /** Fills in the vector that a kept decision used; false where none was kept. */
  readonly adopt?: ((offset: number, values: Float64Array, at: number) => boolean) | undefined;
};

/** The feature engine's part of the front for one batch. */
export function frontWindows(
  { features, windows }: { readonly features: ColumnarFeatures; readonly windows: ColumnarFeatureState },
  { block, columns, values, adopt }: WindowBatch,
): FrontWindows {
  const width = features.featureCount;
  const { firstOffset } = block;
  return {
    observe: (row, lateness, watermarkMs) => {
      const offset = firstOffset + row;
      const at = row * width;
      const isAdopted = adopt !== undefined && adopt(offset, values, at);
      const decision = isAdopted ? 'adopted' : 'computed';
      observeRow(features, windows, columns, row, offset, lateness, watermarkMs, values, at, decision);
    },
    label: (row, { isTargetKnown, watermarkMs }) =>
      applyLabelRow(features, windows, columns, row, {
        offset: firstOffset + row,
        targetKnown: isTargetKnown,
        watermarkMs,
        waitUntilMs: columns.eventTimeMs[row]! + frontContracts[columns.contract[row]!]!.retentionMs,
        eventOf: (waiting) => eventOfRow(block, waiting),
      }),
    passTime: (watermarkMs) => {
      settleRows(features, windows, watermarkMs);
      return expireWaitingRows(windows, watermarkMs);
    },
  };
}
