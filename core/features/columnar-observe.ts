import { type EventColumns, latenesses } from '../decode/event-columns.ts';
import { enterKey, hotMark, noteKeyLabel, pageOf } from '../engine/columnar-keys.ts';
import { recordOf } from '../engine/key-page.ts';
import { noteEntry } from '../engine/hot-key.ts';
import { allLabelsMs } from '../engine/hot-key-tile.ts';
import { countValue } from '../engine/hot-key-distinct.ts';
import { localOf, offsetWord, segmentAt } from '../engine/slab.ts';
import type { ColumnarFeatures, KeyEngine } from './columnar-engine.ts';
import { evaluateRow, moveCursor, readEntry } from './columnar-evaluate.ts';
import { refuseFullKeys } from './columnar-full-keys.ts';
import { takeWaitingLabels } from './columnar-labels.ts';
import { reviseByEvent } from './columnar-revise.ts';
import { addRow, rowFlags, rowSegment, rowSlot } from './columnar-rows.ts';
import type { ColumnarFeatureState } from './columnar-state.ts';
import { addTarget } from './columnar-targets.ts';
import { addToWheel } from './columnar-wheel.ts';
import { keyNumberOf } from './key-numbers.ts';

/**
 * Takes row `r` of a batch, an authorization, into the windows and writes its feature vector as decided now to
 * `values[at...]`, as `observe` does. `adopted`: the vector stands there already, as a decision before a crash used it.
 * Positional, since it is called for each event. `watermarkMs` is the state's when the event arrived.
 */
export function observeRow(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  columns: EventColumns,
  r: number,
  offset: number,
  lateness: number,
  watermarkMs: number,
  values: Float64Array,
  at: number,
  decision: 'computed' | 'adopted',
): void {
  const isTooLate = lateness === latenesses.tooLate;
  const eventTimeMs = columns.eventTimeMs[r]!;
  const row = addRow(state.rows, columns, r, offset, flagsOf(lateness, decision));
  const segment = rowSegment(state.rows, row);
  const slot = rowSlot(row);
  const { fields, features, keys: keyCount } = state.rows.shape;
  engine.readFields(columns, r, segment.fields, slot * fields);
  readKeys(engine, state, columns, r);
  if (!isTooLate) refuseFullKeys(engine, state, { eventTimeMs, watermarkMs });
  segment.keys.set(engine.scratch.keys, slot * keyCount);
  if (isTooLate) writeSelf(engine, columns, r, offset);
  else enter(engine, state, columns, r, offset);
  if (decision === 'computed') {
    const { asking } = engine.scratch;
    asking.timeMs = eventTimeMs;
    asking.self = offset | 0;
    asking.labelsUntilMs = allLabelsMs;
    asking.selfIs = isTooLate ? 'outside' : 'inside';
    asking.horizonMs = watermarkMs - engine.allowedLatenessMs;
    evaluateRow(engine, state, { fields: segment.fields, at: slot * fields, values, to: at });
  }
  for (let feature = 0; feature < features; feature++) {
    segment.decision[slot * features + feature] = values[at + feature]!;
  }
  if (isTooLate) {
    state.changed.push(row);
    return;
  }
  addToWheel(state.wheel, state.rows, row, eventTimeMs);
  if (eventTimeMs <= watermarkMs) reviseByEvent(engine, state, { row, eventTimeMs, offset });
}

function flagsOf(lateness: number, decision: 'computed' | 'adopted'): number {
  const late = lateness === latenesses.late ? rowFlags.late : 0;
  const tooLate = lateness === latenesses.tooLate ? rowFlags.tooLate | rowFlags.final | rowFlags.changed : 0;
  return late | tooLate | (decision === 'adopted' ? rowFlags.adopted : 0);
}

/** The state's keys of an event, into the scratch; -1 where it lacks the field. */
function readKeys(engine: ColumnarFeatures, state: ColumnarFeatureState, columns: EventColumns, r: number): void {
  const { keys } = engine.scratch;
  const tenant = columns.tenant[r]!;
  for (const { key, readKey } of engine.keys) {
    const text = readKey(columns, r);
    const numbers = state.keyNumbers[key]!;
    if (text < 0 || numbers.scope === 'tenant') keys[key] = text;
    else keys[key] = keyNumberOf(engine.interner, numbers, { tenant, text });
  }
}

/** Puts the event beside the state, for windows that answer as if it had entered. */
function writeSelf(engine: ColumnarFeatures, columns: EventColumns, r: number, offset: number): void {
  for (const { self, writeEntry } of engine.keys) {
    self.f64[0] = columns.eventTimeMs[r]!;
    self.i32[offsetWord] = offset | 0;
    writeEntry(columns, r, self.f64, self.i32, 0, Number.POSITIVE_INFINITY);
  }
}

/** Puts the event into the windows of each of its keys, with the labels that waited for it. */
function enter(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  columns: EventColumns,
  r: number,
  offset: number,
): void {
  const { keys } = engine.scratch;
  const eventTimeMs = columns.eventTimeMs[r]!;
  let labelTimeMs = Number.POSITIVE_INFINITY;
  if (engine.plan.label !== null) {
    labelTimeMs = Math.min(engine.scratch.broughtLabelMs, takeWaitingLabels(state, columns.idHash, r * 4));
    engine.scratch.broughtLabelMs = Number.POSITIVE_INFINITY;
    engine.scratch.labelTimeMs = labelTimeMs;
    addTarget(state.targets, { words: columns.idHash, at: r * 4, offset, eventTimeMs, keys });
  }
  for (const keyEngine of engine.keys) {
    const key = keys[keyEngine.key]!;
    if (key < 0 || keyEngine.isForeign) continue;
    const store = state.keys[keyEngine.key]!;
    const horizonMs = state.collectedWatermarkMs - engine.allowedLatenessMs - keyEngine.reachMs;
    const position = enterKey(store, keyEngine.store, key, eventTimeMs, offset | 0, horizonMs);
    const { f64, i32 } = segmentAt(store.slab, position);
    keyEngine.writeEntry(columns, r, f64, i32, localOf(position) * store.slab.strideWords, labelTimeMs);
    if (labelTimeMs !== Number.POSITIVE_INFINITY) noteKeyLabel(store, key, { timeMs: labelTimeMs, offset });
    const { records } = pageOf(store, key)!;
    const record = recordOf(key);
    if (records[record + 1] === hotMark)
      noteHotEntry(engine, state, keyEngine, { position, slot: records[record]!, eventTimeMs });
  }
}

/** Counts a new entry of a busy key in its tiles and running windows, and brings those of settled values up to date. */
function noteHotEntry(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  keyEngine: KeyEngine,
  entry: { readonly position: number; readonly slot: number; readonly eventTimeMs: number },
): void {
  const { position, slot, eventTimeMs } = entry;
  const store = state.keys[keyEngine.key]!;
  const hot = store.hot[slot]!;
  noteEntry(store.slab, keyEngine.store.tiles, position);
  for (const aggregate of keyEngine.aggregates) {
    if (aggregate.cursor < 0) continue;
    for (let number = aggregate.cursor; number < aggregate.cursor + 2; number++) {
      const cursor = hot.distinct[number];
      if (cursor === null || cursor === undefined) continue;
      if (eventTimeMs <= cursor.sinceMs || eventTimeMs > cursor.untilMs) continue;
      for (const value of readEntry(engine, { store, aggregate, position })) countValue(cursor.counts, value, 1);
    }
    const settledMs = state.collectedWatermarkMs;
    const settled = hot.distinct[aggregate.cursor + 1];
    if (!Number.isFinite(settledMs) || (settled?.untilMs ?? -Infinity) >= settledMs - aggregate.spec.delayedByMs)
      continue;
    moveCursor(engine, { store, hot, aggregate, slot: aggregate.cursor + 1 }, settledMs);
  }
}
