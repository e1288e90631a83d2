import { forgetGaps } from '../engine/key-gaps.ts';
import { evictEntries } from '../engine/keyed-window.ts';
import { popDue } from '../engine/timers.ts';
import type { FeatureEngine } from './engine.ts';
import { evaluateRow } from './observe.ts';
import { countSkew } from './count-skew.ts';
import type { EventIdentity, FeatureState, Row } from './state.ts';

/** A feature vector as it goes to the lake: the values decided on, and the settled ones once they are known. */
export type FeatureRow = {
  readonly identity: EventIdentity;
  readonly late: boolean;
  readonly tooLate: boolean;
  /** The highest one counts; null for a too-late event, which never settles. */
  readonly revision: number | null;
  readonly decision: readonly (number | null)[];
  readonly settled: readonly (number | null)[] | null;
};

/** Settles the rows whose time the watermark has reached, and forgets those that can no longer change. */
export function settle(state: FeatureState, watermarkMs: number): void {
  for (let offset = popDue(state.settling, watermarkMs); offset !== undefined;) {
    const row = state.rows.get(offset);
    if (row !== undefined) {
      row.revision = 0;
      state.changed.set(offset, row);
    }
    offset = popDue(state.settling, watermarkMs);
  }
  for (let offset = popDue(state.finishing, watermarkMs); offset !== undefined;) {
    const row = state.rows.get(offset);
    state.rows.delete(offset);
    // A row that this batch changed is counted when its values are computed.
    if (row !== undefined && !state.changed.has(offset)) countSkew(state, row);
    offset = popDue(state.finishing, watermarkMs);
  }
}

/**
 * The rows that the batch settled or revised, ordered by (event time, offset), with their values over the state as it
 * stands; then forgets what no window asks for any more. Ends a batch.
 */
export function collectRows(engine: FeatureEngine, state: FeatureState, watermarkMs: number): FeatureRow[] {
  const changed = [...state.changed.values()].toSorted(
    (left, right) => left.entry.eventTimeMs - right.entry.eventTimeMs || left.identity.offset - right.identity.offset,
  );
  const rows = changed.map((row) => featureRow(engine, state, row));
  state.changed.clear();
  forget(engine, state, watermarkMs);
  return rows;
}

/** Forgets the events that no window asks for any more, and the keys without events. Before a checkpoint. */
export function compactFeatures(engine: FeatureEngine, state: FeatureState, watermarkMs: number): void {
  state.keys.forEach((keyStates, index) => {
    const horizonMs = horizonOf(engine, index, watermarkMs);
    for (const [key, keyState] of keyStates) {
      evictEntries(keyState, horizonMs);
      if (keyState.entries.length === 0) keyStates.delete(key);
    }
  });
}

function featureRow(engine: FeatureEngine, state: FeatureState, row: Row): FeatureRow {
  const { identity, late, tooLate, revision, decision } = row;
  const settled = tooLate ? null : settledValues(engine, state, row);
  row.settled = settled;
  if (!state.rows.has(identity.offset)) countSkew(state, row);
  return { identity, late, tooLate, revision, decision, settled };
}

function settledValues(engine: FeatureEngine, state: FeatureState, row: Row): (number | null)[] {
  const { entry } = row;
  return evaluateRow(engine, state, {
    row,
    asking: {
      timeMs: entry.eventTimeMs,
      self: entry,
      mode: 'settled',
      selfIs: 'inside',
      horizonMs: Number.NEGATIVE_INFINITY,
    },
  });
}

function forget(engine: FeatureEngine, state: FeatureState, watermarkMs: number): void {
  for (const [keyState, key] of state.touched) evictEntries(keyState, horizonOf(engine, key, watermarkMs));
  state.touched.clear();
  state.gaps.forEach((gaps, key) => forgetGaps(gaps, horizonOf(engine, key, watermarkMs)));
  const labelHorizonMs = watermarkMs - engine.allowedLatenessMs - engine.labelReachMs;
  for (const [labelKey, { entry }] of state.labelled) {
    if (entry.eventTimeMs > labelHorizonMs) return;
    state.labelled.delete(labelKey);
  }
}

function horizonOf(engine: FeatureEngine, key: number, watermarkMs: number): number {
  return watermarkMs - engine.allowedLatenessMs - (engine.windows.reachMs[key] ?? 0);
}
