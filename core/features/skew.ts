import { countUpTo, entryAt } from '../engine/entry.ts';
import type { Plan } from './plan.ts';
import type { FeatureState, Row } from './state.ts';

/** Why a decision value and a settled value differ. `disorder`: an event of an earlier time came after, but not late. */
export type SkewCause = 'lateEvent' | 'sameTimePeer' | 'disorder';

/** How often and by how much a feature's two values differ, over the rows that are final. */
export type Skew = {
  rows: number;
  /** Rows that differ, by cause. */
  readonly differing: Record<SkewCause, number>;
  /** The greatest difference, in the feature's own unit; a value against null counts as a difference of 0. */
  differenceMax: number;
};

/** The skew of every feature of a plan, by name. */
export type FeatureSkew = Map<string, Skew>;

export function createSkew(plan: Plan): FeatureSkew {
  return new Map(
    plan.features.map(({ name }) => [
      name,
      { rows: 0, differing: { lateEvent: 0, sameTimePeer: 0, disorder: 0 }, differenceMax: 0 },
    ]),
  );
}

/** Counts a row that can no longer change; a row that never settled counts for nothing. */
export function countSkew(state: FeatureState, row: Row): void {
  const { decision, settled } = row;
  if (settled === null) return;
  let index = 0;
  for (const skew of state.skew.values()) {
    const decided = decision[index] ?? null;
    const value = settled[index++] ?? null;
    skew.rows += 1;
    if (decided === value) continue;
    skew.differing[causeOf(state, row)] += 1;
    if (decided !== null && value !== null)
      skew.differenceMax = Math.max(skew.differenceMax, Math.abs(decided - value));
  }
}

function causeOf(state: FeatureState, { entry, keys, revision }: Row): SkewCause {
  if ((revision ?? 0) > 0) return 'lateEvent';
  const hasPeer = keys.some((key, index) => {
    const entries = (key === null ? undefined : state.keys[index]?.get(key)?.entries) ?? [];
    const after = countUpTo(entries, entry.eventTimeMs);
    return after > 0 && entryAt(entries, after - 1).offset > entry.offset;
  });
  return hasPeer ? 'sameTimePeer' : 'disorder';
}
