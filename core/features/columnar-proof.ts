import { pageOf } from '../engine/columnar-keys.ts';
import { labelsOf, recordOf } from '../engine/key-page.ts';
import type { ColumnarFeatures } from './columnar-engine.ts';
import { rowFlags, rowSegment, rowSlot } from './columnar-rows.ts';
import type { ColumnarFeatureState } from './columnar-state.ts';

/**
 * True when a row's settled values are certainly those of its decision: since its offset no event entered any of its
 * keys but as the newest, so none at or before its time; no label came to its keys; and none of those that its decision
 * counted is of a later time; and none of its keys was full.
 */
export function isSettledAsDecided(engine: ColumnarFeatures, state: ColumnarFeatureState, row: number): boolean {
  const segment = rowSegment(state.rows, row);
  const slot = rowSlot(row);
  if ((segment.flags[slot]! & rowFlags.adopted) !== 0) return false;
  const offset = segment.offset[slot]!;
  const { keys } = state.rows.shape;
  for (const { key: number, isForeign } of engine.keys) {
    if (isForeign) continue;
    const key = segment.keys[slot * keys + number]!;
    if (key < 0) continue;
    if (state.gaps[number]!.byKey.size > 0 && state.gaps[number]!.byKey.has(key)) return false;
    const page = pageOf(state.keys[number]!, key)!;
    // The lower halves of two offsets that are near each other say which is later.
    if (((page.records[recordOf(key) + 2]! - offset) | 0) > 0) return false;
    const { labels } = page;
    if (labels === null) continue;
    const at = labelsOf(key);
    if (labels[at]! > segment.eventTimeMs[slot]! || labels[at + 1]! > offset) return false;
  }
  return true;
}
