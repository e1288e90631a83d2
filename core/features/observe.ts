import type { Value } from '../engine/aggregate.ts';
import { countUpTo, type Entry } from '../engine/entry.ts';
import { isInGap, noteGap } from '../engine/key-gaps.ts';
import { createKeyState, insertEntry, type KeyState } from '../engine/keyed-window.ts';
import { addTimer } from '../engine/timers.ts';
import { readAggregate, type Asking } from '../engine/window.ts';
import type { FeatureEngine } from './engine.ts';
import { attachWaitingLabels } from './labels.ts';
import { reviseBy } from './revise.ts';
import { labelKeyOf, type EventIdentity, type FeatureState, type Row } from './state.ts';

export type Observed = {
  readonly identity: EventIdentity;
  readonly event: object;
  readonly lateness: 'onTime' | 'late' | 'tooLate';
  /** The watermark of the state when the event arrived. */
  readonly watermarkMs: number;
  /** The vector that a decision kept before a crash used: adopted, not computed again. */
  readonly recorded?: readonly (number | null)[] | undefined;
};

/**
 * Takes an event into the windows and gives its feature vector as decided now: over the events at or before it in log
 * order. A too-late event is answered as if it had entered, and leaves the state as it is. Null: a value is missing.
 */
export function observe(engine: FeatureEngine, state: FeatureState, observed: Observed): readonly (number | null)[] {
  const { identity, lateness } = observed;
  const drafted = draftRow(engine, observed);
  if (lateness === 'tooLate') {
    const decision =
      observed.recorded ??
      decide(engine, state, { row: drafted, watermarkMs: observed.watermarkMs, selfIs: 'outside' });
    state.changed.set(identity.offset, { ...drafted, decision });
    return decision;
  }
  const refused = refuseFullKeys(engine, state, observed, drafted);
  const row = { ...drafted, keys: drafted.keys.map((key, index) => (refused[index] === null ? key : null)) };
  if (engine.plan.label !== null) {
    attachWaitingLabels(state, row.entry, labelKeyOf(identity));
    state.labelled.set(labelKeyOf(identity), { entry: row.entry, keys: row.keys });
  }
  row.keys.forEach((key, index) => {
    if (key !== null) enter(state, index, { key, entry: row.entry });
  });
  const decision =
    observed.recorded ?? decide(engine, state, { row, watermarkMs: observed.watermarkMs, selfIs: 'inside' });
  const { eventTimeMs, offset } = identity;
  state.rows.set(offset, { ...row, decision });
  addTimer(state.settling, { timeMs: eventTimeMs, offset, value: offset });
  addTimer(state.finishing, { timeMs: eventTimeMs + engine.allowedLatenessMs, offset, value: offset });
  if (eventTimeMs <= observed.watermarkMs) {
    reviseBy(engine, state, { entry: row.entry, keys: row.keys, refused, label: null });
  }
  return decision;
}

/** The values of a row's features at its own time, over the state as it stands. */
export function evaluateRow(
  engine: FeatureEngine,
  state: FeatureState,
  asked: { readonly row: Row; readonly asking: Asking },
): (number | null)[] {
  const aggregates = engine.plan.aggregates.map((spec, index): Value => {
    const key = asked.row.keys[spec.key] ?? null;
    if (key === null) return null;
    const reachMs = engine.windows.reachMs[spec.key] ?? 0;
    const asking = { ...asked.asking, horizonMs: asked.asking.horizonMs - reachMs };
    const gaps = state.gaps[spec.key];
    if (gaps !== undefined && isInGap(gaps, key, { ...asking, reachMs })) return null;
    return readAggregate(engine.windows, state.keys[spec.key]?.get(key) ?? createKeyState(), index, asking);
  });
  return engine.features.map((feature) => {
    const value = feature({ fields: asked.row.fields, aggregates });
    if (typeof value !== 'string') return value;
    throw new TypeError(`got the text of a feature of ${engine.plan.name}, expected a number`);
  });
}

function draftRow(engine: FeatureEngine, { identity, event, lateness }: Observed): Row {
  const values = engine.windowColumns.map((column) => column({ event, labelled: 0 }));
  const labelled =
    engine.plan.label === null ? values : engine.windowColumns.map((column) => column({ event, labelled: 1 }));
  const entry: Entry = {
    eventTimeMs: identity.eventTimeMs,
    offset: identity.offset,
    values,
    labelled,
    labelTimeMs: Number.POSITIVE_INFINITY,
  };
  return {
    identity,
    entry,
    keys: engine.keyOf.map((keyOf) => stateKey(identity.tenantId, keyOf(event))),
    fields: engine.rowFields.map((field) => field(event)),
    decision: [],
    late: lateness === 'late',
    tooLate: lateness === 'tooLate',
    revision: null,
    settled: null,
  };
}

/** The tenant is in every key; ids hold no control characters. */
function stateKey(tenantId: string, value: Value): string | null {
  return value === null ? null : `${tenantId}\u0000${value}`;
}

/**
 * Where a key holds as many events as it may, the event is decided as if it lacked the field, and windows that it would
 * be in say null: the key for each of the plan's keys that did not take it, null where nothing is lost.
 */
function refuseFullKeys(
  engine: FeatureEngine,
  state: FeatureState,
  { identity, watermarkMs }: Observed,
  { keys }: Row,
): readonly (string | null)[] {
  const timeMs = identity.eventTimeMs;
  return keys.map((key, index) => {
    const gaps = state.gaps[index];
    const entries = (key === null ? undefined : state.keys[index]?.get(key)?.entries) ?? [];
    if (key === null || gaps === undefined || entries.length < engine.keyEventsMax) return null;
    const reachMs = engine.windows.reachMs[index] ?? 0;
    const held = entries.length - countUpTo(entries, watermarkMs - engine.allowedLatenessMs - reachMs);
    if (held < engine.keyEventsMax) return null;
    noteGap(gaps, key, { timeMs, reachMs });
    return key;
  });
}

function enter(
  state: FeatureState,
  index: number,
  { key, entry }: { readonly key: string; readonly entry: Entry },
): void {
  const keyStates = state.keys[index];
  if (keyStates === undefined) throw new RangeError(`got key ${index}, expected 0 to ${state.keys.length - 1}`);
  let keyState: KeyState | undefined = keyStates.get(key);
  if (keyState === undefined) {
    keyState = createKeyState();
    keyStates.set(key, keyState);
  }
  insertEntry(keyState, entry);
  state.touched.set(keyState, index);
}

function decide(
  engine: FeatureEngine,
  state: FeatureState,
  asked: { readonly row: Row; readonly watermarkMs: number; readonly selfIs: 'inside' | 'outside' },
): (number | null)[] {
  const { entry } = asked.row;
  return evaluateRow(engine, state, {
    row: asked.row,
    asking: {
      timeMs: entry.eventTimeMs,
      self: entry,
      mode: 'decision',
      selfIs: asked.selfIs,
      horizonMs: asked.watermarkMs - engine.allowedLatenessMs,
    },
  });
}
