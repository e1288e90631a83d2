import { hotMark, type KeyStore, pageOf } from '../engine/columnar-keys.ts';
import { countUpTo, visitRange } from '../engine/hot-key-range.ts';
import { noteGap } from '../engine/key-gaps.ts';
import { recordOf } from '../engine/key-page.ts';
import { localOf, segmentAt } from '../engine/slab.ts';
import type { ColumnarFeatures } from './columnar-engine.ts';
import type { ColumnarFeatureState } from './columnar-state.ts';

/**
 * Takes the keys out of the scratch that hold as many events as they may, into `scratch.refused`: the event is decided as
 * if it lacked the field, and windows that it would be in say null.
 */
export function refuseFullKeys(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  event: { readonly eventTimeMs: number; readonly watermarkMs: number },
): void {
  const { keys, refused } = engine.scratch;
  for (const { key: number, reachMs } of engine.keys) {
    const key = keys[number]!;
    refused[number] = -1;
    const store = state.keys[number]!;
    if (key < 0 || entriesOf(store, key) < engine.keyEventsMax) continue;
    const horizonMs = event.watermarkMs - engine.allowedLatenessMs - reachMs;
    if (entriesOf(store, key) - expiredOf(store, key, horizonMs) < engine.keyEventsMax) continue;
    noteGap(state.gaps[number]!, key, { timeMs: event.eventTimeMs, reachMs });
    refused[number] = key;
    keys[number] = -1;
  }
}

function entriesOf(store: KeyStore, key: number): number {
  const records = pageOf(store, key)?.records;
  if (records === undefined) return 0;
  const at = recordOf(key);
  const head = records[at + 1]!;
  return head === hotMark ? store.hot[records[at]!]!.entries : head >> 8;
}

/** The entries at or before a time that the key still holds: few, as they go with every block of new ones. */
function expiredOf(store: KeyStore, key: number, horizonMs: number): number {
  const { records } = pageOf(store, key)!;
  const at = recordOf(key);
  const block = records[at]!;
  const head = records[at + 1]!;
  const { slab } = store;
  if (head !== hotMark) {
    const { f64 } = segmentAt(slab, block);
    const from = localOf(block);
    return countUpTo(f64, slab.strideWords, { from, until: from + (head >> 8), timeMs: horizonMs }) - from;
  }
  let expired = 0;
  const range = { sinceMs: -Infinity, untilMs: horizonMs, order: 'oldestFirst' } as const;
  visitRange(slab, store.hot[block]!.root, range, (_f64, _i32, from, until) => {
    expired += until - from;
    return true;
  });
  return expired;
}
