import type { AggregateSpec, Entry } from '../engine/entry.ts';
import { entryAt } from '../engine/entry.ts';
import type { FeatureEngine } from './engine.ts';
import type { FeatureState } from './state.ts';

/** What came late: an event, or the label of an event together with the label's time. */
export type LateChange = {
  readonly entry: Entry;
  readonly keys: readonly (string | null)[];
  /** The keys that were full, so that windows that it would be in say null. */
  readonly refused: readonly (string | null)[];
  readonly label: { readonly eventTimeMs: number } | null;
};

/**
 * Counts a late change in every settled row that has it inside one of its windows: their values are sent again, changed
 * or not. Rows before the event, or before the label was known, cannot see it: the search ends there.
 */
export function reviseBy(engine: FeatureEngine, state: FeatureState, change: LateChange): void {
  const concerned = new Set<number>();
  const sinceMs = change.label?.eventTimeMs ?? change.entry.eventTimeMs;
  change.keys.forEach((key, index) => {
    const keyState = key === null ? undefined : state.keys[index]?.get(key);
    if (keyState === undefined) return;
    const specs = engine.plan.aggregates.filter(
      (spec) => spec.key === index && (change.label === null || spec.usesLabel),
    );
    if (specs.length === 0) return;
    const { entries } = keyState;
    for (let position = entries.length - 1; position >= 0; position--) {
      const entry = entryAt(entries, position);
      if (entry.eventTimeMs < sinceMs) break;
      if (!isSettled(state, entry) || entry === change.entry) continue;
      if (specs.some((spec) => isInside(spec, change.entry, entry.eventTimeMs))) concerned.add(entry.offset);
    }
  });
  change.refused.forEach((key, index) => {
    const entries = (key === null ? undefined : state.keys[index]?.get(key)?.entries) ?? [];
    const untilMs = sinceMs + (engine.windows.reachMs[index] ?? 0);
    for (const entry of entries) {
      const isReached = entry.eventTimeMs >= sinceMs && entry.eventTimeMs < untilMs;
      if (isReached && isSettled(state, entry)) concerned.add(entry.offset);
    }
  });
  for (const offset of concerned) countRevision(state, offset);
}

function isSettled(state: FeatureState, entry: Entry): boolean {
  return (state.rows.get(entry.offset)?.revision ?? null) !== null;
}

function isInside(spec: AggregateSpec, entry: Entry, askedAtMs: number): boolean {
  const untilMs = askedAtMs - spec.delayedByMs;
  return entry.eventTimeMs <= untilMs && entry.eventTimeMs > untilMs - spec.overMs;
}

function countRevision(state: FeatureState, offset: number): void {
  const row = state.rows.get(offset);
  if (row === undefined || row.revision === null) return;
  row.revision += 1;
  state.changed.set(offset, row);
}
