import { contractNumbers } from '../decode/event-columns.ts';
import type { SourceTimes } from '../engine/source-times.ts';
import type { ColumnarFeatures } from '../features/columnar-engine.ts';
import { labelledNumberOf } from '../features/columnar-foreign.ts';
import { collectSettled } from '../features/columnar-settle.ts';
import type { SettledColumns } from '../features/columnar-settled.ts';
import type { ColumnarFeatureState } from '../features/columnar-state.ts';
import { viewOf } from '../features/columnar-view.ts';
import type { KeyView } from '../features/key-view.ts';
import { createRare, type Rare } from './columnar-front.ts';
import { type Decoders, decodeBlock } from './decode-block.ts';
import { frontWindows, type WindowBatch } from './front-windows.ts';
import { skipHeads, takeRepartitioned } from './repartition-front.ts';
import { readDecided } from './repartition-record.ts';

/** What the windows of a key say now; where its state's offset is, the shell knows. */
export type ChangedView = { readonly key: string; readonly view: Omit<KeyView, 'offset'> };

/** The front of a foreign key's owner. */
export type RepartitionFront = {
  readonly decoders: Decoders;
  readonly features: ColumnarFeatures;
  readonly windows: ColumnarFeatureState;
  readonly sources: SourceTimes;
};

/**
 * The front of a foreign key's owner: takes a block of its repartition topic into the key's windows. Rows have the values
 * that their decisions used, and settle by the least watermark of the sources; views are of what the block changed.
 */
export function runRepartitioned(
  front: RepartitionFront,
  batch: WindowBatch,
): { readonly settled: SettledColumns; readonly rare: Rare; readonly views: readonly ChangedView[] } {
  const { features, windows: kept, sources } = front;
  const { block, columns } = batch;
  const rare = createRare();
  const headStart = skipHeads(block);
  decodeBlock(front.decoders, block, columns);
  const adopt = (offset: number, values: Float64Array, to: number): boolean => {
    readDecided(block.bytes, headStart[offset - block.firstOffset]!, { values, to });
    return true;
  };
  const windows = frontWindows(front, { ...batch, adopt });
  const touched = new Map<number, { readonly name: string; timeMs: number }>();
  takeRepartitioned(sources, {
    block,
    headStart,
    columns,
    rare,
    windows: { ...windows, bring: (labelTimeMs) => (features.scratch.broughtLabelMs = labelTimeMs) },
    onTouched: (row, name) => {
      const isLabel = columns.contract[row] !== contractNumbers['payments.authorization.v1'];
      const key = isLabel ? labelledNumberOf(kept, columns, row, 0) : features.scratch.keys[0]!;
      if (key < 0) return;
      const timeMs = Math.max(touched.get(key)?.timeMs ?? -Infinity, columns.eventTimeMs[row]!);
      touched.set(key, { name, timeMs });
    },
  });
  const [keyEngine] = features.keys;
  if (keyEngine === undefined) throw new Error('got a plan without a key, expected the foreign one');
  const views = [...touched].map(([key, { name, timeMs }]) => {
    const fromMs = Math.max(timeMs, sources.stateMs);
    return { key: name, view: viewOf(features, kept, { keyEngine, key, fromMs }) };
  });
  return { settled: collectSettled(features, kept, sources.stateMs), rare, views };
}
