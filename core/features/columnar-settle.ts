import { hotMark, pageOf, sweepKeys } from '../engine/columnar-keys.ts';
import { forgetGaps } from '../engine/key-gaps.ts';
import { recordOf } from '../engine/key-page.ts';
import { visitRange } from '../engine/hot-key-range.ts';
import { localOf, offsetWord, segmentAt } from '../engine/slab.ts';
import type { ColumnarFeatures } from './columnar-engine.ts';
import { evaluateRow } from './columnar-evaluate.ts';
import { isSettledAsDecided } from './columnar-proof.ts';
import { keysOfRow, markChanged } from './columnar-revise.ts';
import { dropFinalRows, rowFlags, rowSegment, rowSlot, touchRow, touchSettled } from './columnar-rows.ts';
import { reserveSettled, writeSettledHead, type SettledColumns } from './columnar-settled.ts';
import { countDifference } from './columnar-skew.ts';
import type { ColumnarFeatureState } from './columnar-state.ts';
import { forgetTargets } from './columnar-targets.ts';
import { addToWheel, takeDueRows } from './columnar-wheel.ts';
import type { SkewCause } from './skew.ts';

/** A batch looks through a quarter as many keys as it has rows, and a few, for what has expired. */
const sweptKeysMin = 64;

/** Settles the rows whose time the watermark has reached, and finishes those that can no longer change. */
export function settleRows(engine: ColumnarFeatures, state: ColumnarFeatureState, watermarkMs: number): void {
  const { wheel, rows } = state;
  if (watermarkMs <= wheel.passedMs && wheel.overdue === 0) return;
  takeDueRows(wheel, rows, watermarkMs, (row) => {
    const segment = rowSegment(rows, row);
    const slot = rowSlot(row);
    touchRow(segment, slot);
    if (segment.revision[slot] === -1) {
      segment.revision[slot] = 0;
      markChanged(state, row);
      addToWheel(wheel, rows, row, segment.eventTimeMs[slot]! + engine.allowedLatenessMs);
    } else {
      segment.flags[slot]! |= rowFlags.final;
      // A row that this batch changed is counted when its values are computed.
      if ((segment.flags[slot]! & rowFlags.changed) === 0) countSkew(engine, state, row);
    }
  });
}

/**
 * The rows that the batch settled or revised, ordered by (event time, offset), with their values over the state as it
 * stands; then forgets what no window asks for any more. Ends a batch. The columns are used again by the next batch.
 */
export function collectSettled(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  watermarkMs: number,
): SettledColumns {
  const { rows, changed } = state;
  changed.sort((left, right) => timeOf(state, left) - timeOf(state, right) || left - right);
  const settled = reserveSettled(engine.scratch, engine.featureCount, changed.length);
  for (let index = 0; index < changed.length; index++) {
    const row = changed[index]!;
    writeSettledHead(settled, rows, row);
    if ((rowSegment(rows, row).flags[rowSlot(row)]! & rowFlags.tooLate) === 0)
      writeSettled(engine, state, settled, row);
    touchRow(rowSegment(rows, row), rowSlot(row));
    rowSegment(rows, row).flags[rowSlot(row)]! &= ~rowFlags.changed;
    settled.rowCount++;
  }
  const sweptKeys = sweptKeysMin + (changed.length >> 2);
  changed.length = 0;
  forget(engine, state, { watermarkMs, sweptKeys });
  return settled;
}

function timeOf({ rows }: ColumnarFeatureState, row: number): number {
  return rowSegment(rows, row).eventTimeMs[rowSlot(row)]!;
}

/** Writes a row's settled values beside its decision, keeps them, and counts the row if it is final. */
function writeSettled(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  settled: SettledColumns,
  row: number,
): void {
  const { rows } = state;
  const { features, fields } = rows.shape;
  const segment = rowSegment(rows, row);
  const slot = rowSlot(row);
  const to = settled.rowCount * features;
  const at = slot * features;
  touchRow(segment, slot);
  segment.flags[slot]! |= rowFlags.sent;
  if (isSettledAsDecided(engine, state, row)) {
    for (let feature = 0; feature < features; feature++) {
      settled.settled[to + feature] = segment.decision[at + feature]!;
    }
    hideForeign(engine, settled.settled, to);
    segment.flags[slot]! &= ~rowFlags.differs;
  } else {
    const { asking, keys } = engine.scratch;
    keys.set(keysOfRow(state, row));
    asking.timeMs = segment.eventTimeMs[slot]!;
    asking.self = segment.offset[slot]! | 0;
    asking.labelsUntilMs = asking.timeMs;
    asking.selfIs = 'inside';
    asking.horizonMs = Number.NEGATIVE_INFINITY;
    evaluateRow(engine, state, { fields: segment.fields, at: slot * fields, values: settled.settled, to });
    hideForeign(engine, settled.settled, to);
    touchSettled(segment, slot, features);
    for (let feature = 0; feature < features; feature++) {
      segment.settled[at + feature] = settled.settled[to + feature]!;
    }
    segment.flags[slot]! |= rowFlags.differs;
  }
  if ((segment.flags[slot]! & rowFlags.final) !== 0) countSkew(engine, state, row);
}

/** What is settled where the windows are, with the key's owner, is unknown here. */
function hideForeign({ foreignFeatures }: ColumnarFeatures, values: Float64Array, at: number): void {
  for (const feature of foreignFeatures) values[at + feature] = Number.NaN;
}

/** Counts a row that can no longer change; a row that never settled counts for nothing. */
function countSkew(engine: ColumnarFeatures, state: ColumnarFeatureState, row: number): void {
  const { rows, skew } = state;
  const segment = rowSegment(rows, row);
  const slot = rowSlot(row);
  const flags = segment.flags[slot]!;
  if ((flags & rowFlags.sent) === 0) return;
  skew.rows++;
  if ((flags & rowFlags.differs) === 0) return;
  const { features } = rows.shape;
  for (let feature = 0; feature < features; feature++) {
    const decided = segment.decision[slot * features + feature]!;
    const settled = segment.settled[slot * features + feature]!;
    if (decided === settled || (Number.isNaN(decided) && Number.isNaN(settled))) continue;
    if (engine.foreignFeatures.includes(feature)) continue;
    const difference = Math.abs(decided - settled);
    countDifference(skew, feature, {
      cause: causeOf(state, row),
      difference: Number.isNaN(difference) ? 0 : difference,
    });
  }
}

function causeOf(state: ColumnarFeatureState, row: number): SkewCause {
  const segment = rowSegment(state.rows, row);
  const slot = rowSlot(row);
  if (segment.revision[slot]! > 0) return 'lateEvent';
  const offset = segment.offset[slot]!;
  const hasPeer = keysOfRow(state, row).some((key, number) => {
    if (key < 0) return false;
    const newest = newestOffsetUpTo(state, { number, key, timeMs: segment.eventTimeMs[slot]! });
    return newest !== null && ((newest - offset) | 0) > 0;
  });
  return hasPeer ? 'sameTimePeer' : 'disorder';
}

/** The offset, its lower half, of the last of a key's entries at or before a time. */
function newestOffsetUpTo(
  state: ColumnarFeatureState,
  { number, key, timeMs }: { readonly number: number; readonly key: number; readonly timeMs: number },
): number | null {
  const store = state.keys[number]!;
  const { strideWords } = store.slab;
  const records = pageOf(store, key)?.records;
  if (records === undefined) return null;
  const block = records[recordOf(key)]!;
  const head = records[recordOf(key) + 1]!;
  let newest: number | null = null;
  if (head === hotMark) {
    const range = { sinceMs: -Infinity, untilMs: timeMs, order: 'newestFirst' } as const;
    visitRange(store.slab, store.hot[block]!.root, range, (_f64, i32, _from, until) => {
      newest = i32[(until - 1) * strideWords * 2 + offsetWord]!;
      return false;
    });
    return newest;
  }
  const { f64, i32 } = segmentAt(store.slab, head === 0 ? 0 : block);
  let at = localOf(block) + (head >> 8) - 1;
  while (at >= localOf(block) && f64[at * strideWords]! > timeMs) at--;
  return at < localOf(block) ? null : i32[at * strideWords * 2 + offsetWord]!;
}

function forget(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  { watermarkMs, sweptKeys }: { readonly watermarkMs: number; readonly sweptKeys: number },
): void {
  const heldMs = watermarkMs - engine.allowedLatenessMs;
  dropFinalRows(state.rows);
  state.collectedWatermarkMs = watermarkMs;
  for (const { key, store, reachMs } of engine.keys) {
    forgetGaps(state.gaps[key]!, heldMs - reachMs);
    sweepKeys(state.keys[key]!, store, { horizonMs: heldMs - reachMs, keys: sweptKeys });
  }
  forgetTargets(state.targets, heldMs - engine.labelReachMs);
}
