import { countUpTo, entryAt } from '../engine/entry.ts';
import type { SkewCause } from './skew.ts';
import type { FeatureState, Row } from './state.ts';

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
