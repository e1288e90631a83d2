import type { EventColumns } from '../decode/event-columns.ts';
import { hotMark, noteKeyLabel, pageOf } from '../engine/columnar-keys.ts';
import { recordOf } from '../engine/key-page.ts';
import { refreshTiles } from '../engine/hot-key.ts';
import { countValue } from '../engine/hot-key-distinct.ts';
import { findEntry, findInBlock } from '../engine/hot-key-range.ts';
import { createIdTable, deleteId, getId, type IdTable, setId } from '../engine/id-table.ts';
import { labelWord, localOf, segmentAt, touchEntries } from '../engine/slab.ts';
import { addTimer, popDue } from '../engine/timers.ts';
import type { ColumnarFeatures, KeyEngine } from './columnar-engine.ts';
import { readEntry } from './columnar-evaluate.ts';
import { reviseByLabel } from './columnar-revise.ts';
import type { ColumnarFeatureState } from './columnar-state.ts';
import { findTarget, targetSegment, targetSlot } from './columnar-targets.ts';
import type { EventHead, WaitingLabel } from './state.ts';

/** What comes with an event of the label's topic. */
export type LabelRow = {
  readonly offset: number;
  /** The ledger knows the event that it refers to, whether the windows still hold it or not. */
  readonly targetKnown: boolean;
  readonly watermarkMs: number;
  /** When it stops waiting for an event that never came. */
  readonly waitUntilMs: number;
  /** The whole event of a row, asked for only when it has to wait. */
  readonly eventOf: (r: number) => EventHead;
};

/** Labels the event that row `r` refers to (by `targetHash`), as `applyLabel` does. */
export function applyLabelRow(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  columns: EventColumns,
  r: number,
  label: LabelRow,
): 'applied' | 'beyondReach' | 'waiting' {
  const { offset, watermarkMs } = label;
  const horizonMs = watermarkMs - engine.allowedLatenessMs - engine.labelReachMs;
  const target = findTarget(state.targets, columns.targetHash, r * 4);
  if (target < 0) {
    if (label.targetKnown) return 'beyondReach';
    waitForEvent(state, { label, carriesLabel: engine.carriesLabel(columns, r), columns, r });
    return 'waiting';
  }
  const segment = targetSegment(state.targets, target);
  const slot = targetSlot(target);
  const eventTimeMs = segment.eventTimeMs[slot]!;
  if (eventTimeMs <= horizonMs) return 'beyondReach';
  if (!engine.carriesLabel(columns, r)) return 'applied';
  const { keyCount } = state.targets;
  const labelled: Labelled = {
    offset: segment.offset[slot]!,
    eventTimeMs,
    keys: segment.keys.subarray(slot * keyCount, (slot + 1) * keyCount),
    label: { timeMs: columns.eventTimeMs[r]!, offset },
  };
  for (const keyEngine of engine.keys) if (keyEngine.layout.hasLabels) labelEntry(engine, state, keyEngine, labelled);
  if (labelled.label.timeMs <= watermarkMs) reviseByLabel(engine, state, labelled);
  return 'applied';
}

/** Takes the labels that came before an event out of their wait: the earliest one's time, +Infinity without any. */
export function takeWaitingLabels(state: ColumnarFeatureState, words: Uint32Array, at: number): number {
  if (state.awaited.size === 0 || getId(state.awaited, words, at) < 0) return Number.POSITIVE_INFINITY;
  const id = idText(words, at);
  const waiting = state.waiting.get(id) ?? [];
  state.waiting.delete(id);
  deleteId(state.awaited, words, at);
  const carried = waiting.filter((label) => label.carriesLabel);
  return Math.min(Number.POSITIVE_INFINITY, ...carried.map((label) => label.eventTimeMs));
}

/** The labels whose event never came, ordered by the end of their wait, once the watermark has passed it. */
export function expireWaitingRows(state: ColumnarFeatureState, watermarkMs: number): readonly WaitingLabel[] {
  let expired = noLabels;
  for (;;) {
    const due = popDue(state.waitingUntil, watermarkMs);
    if (due === undefined) return expired;
    const waiting = state.waiting.get(due.id) ?? [];
    const left = waiting.filter((label) => label.offset !== due.offset);
    expired = [...expired, ...waiting.filter((label) => label.offset === due.offset)];
    if (left.length > 0) state.waiting.set(due.id, left);
    else if (state.waiting.delete(due.id)) deleteId(state.awaited, wordsOf(due.id), 0);
  }
}

/** One array for all the records after which nothing expires. */
const noLabels: readonly WaitingLabel[] = [];

type Labelled = {
  readonly offset: number;
  readonly eventTimeMs: number;
  readonly keys: Int32Array;
  readonly label: { readonly timeMs: number; readonly offset: number };
};

/** Writes the label to the target's entry of one key, where the key still holds it. */
function labelEntry(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  keyEngine: KeyEngine,
  { offset, eventTimeMs: timeMs, keys, label }: Labelled,
): void {
  const key = keys[keyEngine.key]!;
  const store = state.keys[keyEngine.key]!;
  const records = key < 0 ? undefined : pageOf(store, key)?.records;
  if (records === undefined) return;
  noteKeyLabel(store, key, label);
  const head = records[recordOf(key) + 1]!;
  const block = records[recordOf(key)]!;
  const hot = head === hotMark ? store.hot[block]! : null;
  const { tiles } = keyEngine.store;
  const position =
    hot === null
      ? findInBlock(store.slab, { block, count: head >> 8, timeMs, offset: offset | 0 })
      : findEntry(store.slab, tiles, hot.root, { timeMs, offset: offset | 0, depth: 0 });
  if (position < 0) return;
  const count = (by: 1 | -1): void => {
    for (const aggregate of keyEngine.aggregates) {
      for (const cursor of hot?.distinct.slice(aggregate.cursor, aggregate.cursor + 2) ?? []) {
        if (cursor === null || aggregate.cursor < 0 || timeMs <= cursor.sinceMs || timeMs > cursor.untilMs) continue;
        for (const value of readEntry(engine, { store, aggregate, position })) countValue(cursor.counts, value, by);
      }
    }
  };
  count(-1);
  const { f64 } = segmentAt(store.slab, position);
  const word = localOf(position) * store.slab.strideWords + labelWord;
  touchEntries(store.slab, position, 1);
  f64[word] = Math.min(f64[word]!, label.timeMs);
  count(1);
  if (hot !== null) refreshTiles(store.slab, tiles);
}

function waitForEvent(
  state: ColumnarFeatureState,
  { label, carriesLabel, columns, r }: { label: LabelRow; carriesLabel: boolean; columns: EventColumns; r: number },
): void {
  const { offset, waitUntilMs, eventOf } = label;
  const id = idText(columns.targetHash, r * 4);
  const waiting: WaitingLabel = { event: eventOf(r), offset, eventTimeMs: columns.eventTimeMs[r]!, carriesLabel };
  state.waiting.set(id, [...(state.waiting.get(id) ?? []), waiting]);
  setId(state.awaited, columns.targetHash, r * 4, 1);
  addTimer(state.waitingUntil, { timeMs: waitUntilMs, offset, value: { id, offset } });
}

/** The ids that labels wait for, from the labels. */
export function awaitedOf(waiting: ColumnarFeatureState['waiting']): IdTable {
  const awaited = createIdTable();
  for (const id of waiting.keys()) setId(awaited, wordsOf(id), 0, 1);
  return awaited;
}

function idText(words: Uint32Array, at: number): string {
  return words.subarray(at, at + 4).join(' ');
}

function wordsOf(id: string): Uint32Array {
  return Uint32Array.from(id.split(' '), Number);
}
