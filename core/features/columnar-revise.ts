import { hotMark, pageOf } from '../engine/columnar-keys.ts';
import { recordOf } from '../engine/key-page.ts';
import { visitRange, type Visit } from '../engine/hot-key-range.ts';
import { localOf, offsetWord, segmentAt } from '../engine/slab.ts';
import type { AggregateSpec } from '../engine/entry.ts';
import type { ColumnarFeatures, KeyEngine } from './columnar-engine.ts';
import { findRow, rowFlags, rowSegment, rowSlot, touchRow } from './columnar-rows.ts';
import type { ColumnarFeatureState } from './columnar-state.ts';

/** What came late: an event, or the label of an event together with the label's time. */
type LateChange = {
  readonly offset: number;
  readonly eventTimeMs: number;
  readonly keys: Int32Array;
  /** The keys that were full, so that windows that it would be in say null. */
  readonly refused: Int32Array | null;
  readonly label: { readonly timeMs: number; readonly offset: number } | null;
};

/** Counts a late event in every settled row that has it inside one of its windows, as `reviseBy` does. */
export function reviseByEvent(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  event: { readonly row: number; readonly eventTimeMs: number; readonly offset: number },
): void {
  reviseBy(engine, state, {
    ...event,
    keys: keysOfRow(state, event.row),
    refused: engine.scratch.refused,
    label: null,
  });
}

/** Counts a late label in every settled row that has the labelled event inside one of its windows over the label. */
export function reviseByLabel(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  labelled: Omit<LateChange, 'refused'> & { readonly label: { readonly timeMs: number; readonly offset: number } },
): void {
  reviseBy(engine, state, { ...labelled, refused: null });
}

/** The state's keys of a row; -1 where the event lacks the field. */
export function keysOfRow({ rows }: ColumnarFeatureState, row: number): Int32Array {
  const { keys } = rows.shape;
  const at = rowSlot(row) * keys;
  return rowSegment(rows, row).keys.subarray(at, at + keys);
}

/** Marks a row as one to send at the end of the batch. */
export function markChanged(state: ColumnarFeatureState, row: number): void {
  const segment = rowSegment(state.rows, row);
  const slot = rowSlot(row);
  if ((segment.flags[slot]! & rowFlags.changed) !== 0) return;
  touchRow(segment, slot);
  segment.flags[slot]! |= rowFlags.changed;
  state.changed.push(row);
}

function reviseBy(engine: ColumnarFeatures, state: ColumnarFeatureState, change: LateChange): void {
  const concerned = new Set<number>();
  const nowOffset = change.label?.offset ?? change.offset;
  for (const keyEngine of engine.keys) {
    const key = change.keys[keyEngine.key]!;
    const specs = keyEngine.aggregates
      .map(({ spec }) => spec)
      .filter((spec) => change.label === null || spec.usesLabel);
    if (key < 0 || specs.length === 0) continue;
    const { strideWords } = state.keys[keyEngine.key]!.slab;
    visitSince(
      state,
      keyEngine,
      { key, sinceMs: change.label?.timeMs ?? change.eventTimeMs },
      (f64, i32, from, until) => {
        for (let entry = from; entry < until; entry++) {
          const timeMs = f64[entry * strideWords]!;
          const offset = offsetOf(nowOffset, i32[entry * strideWords * 2 + offsetWord]!);
          if (offset === change.offset || !specs.some((spec) => isInside(spec, change.eventTimeMs, timeMs))) continue;
          const row = settledRow(state, { offset, timeMs });
          if (row >= 0) concerned.add(row);
        }
        return true;
      },
    );
  }
  for (const keyEngine of change.refused === null ? [] : engine.keys) {
    const key = change.refused![keyEngine.key]!;
    if (key < 0) continue;
    const { strideWords } = state.keys[keyEngine.key]!.slab;
    const untilMs = change.eventTimeMs + keyEngine.reachMs;
    visitSince(state, keyEngine, { key, sinceMs: change.eventTimeMs }, (f64, i32, from, until) => {
      for (let entry = from; entry < until; entry++) {
        const timeMs = f64[entry * strideWords]!;
        if (timeMs >= untilMs) continue;
        const row = settledRow(state, {
          offset: offsetOf(nowOffset, i32[entry * strideWords * 2 + offsetWord]!),
          timeMs,
        });
        if (row >= 0) concerned.add(row);
      }
      return true;
    });
  }
  for (const row of concerned) {
    touchRow(rowSegment(state.rows, row), rowSlot(row));
    rowSegment(state.rows, row).revision[rowSlot(row)]!++;
    markChanged(state, row);
  }
}

/** Visits a key's entries with an event time at or after `sinceMs`. */
function visitSince(
  state: ColumnarFeatureState,
  { key: number }: KeyEngine,
  { key, sinceMs }: { readonly key: number; readonly sinceMs: number },
  visit: Visit,
): void {
  const store = state.keys[number]!;
  const records = pageOf(store, key)?.records;
  if (records === undefined) return;
  const block = records[recordOf(key)]!;
  const head = records[recordOf(key) + 1]!;
  if (head === hotMark) {
    const range = { sinceMs: sinceMs - 1, untilMs: Number.MAX_VALUE, order: 'newestFirst' } as const;
    visitRange(store.slab, store.hot[block]!.root, range, visit);
  } else if (head !== 0) {
    const { f64, i32 } = segmentAt(store.slab, block);
    const until = localOf(block) + (head >> 8);
    let from = until;
    while (from > localOf(block) && f64[(from - 1) * store.slab.strideWords]! >= sinceMs) from--;
    visit(f64, i32, from, until);
  }
}

/** Entries hold the lower half of their offset; none is further back than that. */
function offsetOf(nowOffset: number, lowerHalf: number): number {
  return nowOffset - ((nowOffset - lowerHalf) >>> 0);
}

function isInside(spec: AggregateSpec, eventTimeMs: number, askedAtMs: number): boolean {
  const untilMs = askedAtMs - spec.delayedByMs;
  return eventTimeMs <= untilMs && eventTimeMs > untilMs - spec.overMs;
}

/** The row of an entry if it has settled and can still change; -1 otherwise. */
function settledRow(state: ColumnarFeatureState, entry: { readonly offset: number; readonly timeMs: number }): number {
  const row = findRow(state.rows, entry.offset);
  if (row < 0) return -1;
  const segment = rowSegment(state.rows, row);
  const slot = rowSlot(row);
  const isPending = (segment.flags[slot]! & rowFlags.final) === 0 && segment.revision[slot]! >= 0;
  return isPending && segment.eventTimeMs[slot] === entry.timeMs ? row : -1;
}
