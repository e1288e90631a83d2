import { foldAggregate, type Sample, type Value } from './aggregate.ts';
import { canRun, createCursor, moveCursor, readCursor, type CursorPlan } from './cursor.ts';
import { columnOf, countUpTo, entryAt, type AggregateSpec, type Entry } from './entry.ts';
import type { KeyState } from './keyed-window.ts';

/** Which aggregates run on together, and where each one is found. Derived from the specs alone. */
export type WindowPlan = {
  readonly specs: readonly AggregateSpec[];
  readonly cursors: readonly CursorPlan[];
  /** For each spec its cursor and its index in it; null for those that fold. */
  readonly places: readonly ({ readonly cursor: number; readonly index: number } | null)[];
  /** For each key how far back its windows look, in milliseconds. */
  readonly reachMs: readonly number[];
};

/** The moment that asks: an event's time, the event itself, and how its windows are bounded. */
export type Asking = {
  readonly timeMs: number;
  readonly self: Entry;
  /** `decision` counts every label that the log has brought, `settled` those with event time at or before `timeMs`. */
  readonly mode: 'decision' | 'settled';
  /** `self` is not among the entries, but the answer is as if it were: a too-late event. */
  readonly selfIs: 'inside' | 'outside';
  /** Entries at or before this time are forgotten, whether they are still held or not. */
  readonly horizonMs: number;
};

/** Groups the aggregates that share a key and a window. */
export function planWindows(specs: readonly AggregateSpec[], keyCount: number): WindowPlan {
  const cursors: { overMs: number; delayedByMs: number; key: number; usesLabel: boolean; specs: AggregateSpec[] }[] =
    [];
  const places = specs.map((spec) => {
    if (!canRun(spec)) return null;
    let cursor = cursors.findIndex((other) => sharesWindow(other, spec));
    if (cursor < 0) cursor = cursors.push({ ...pickWindow(spec), usesLabel: false, specs: [] }) - 1;
    const group = cursors[cursor];
    if (group === undefined) return null;
    group.usesLabel ||= spec.usesLabel;
    return { cursor, index: group.specs.push(spec) - 1 };
  });
  const reachMs = Array.from({ length: keyCount }, (_, key) =>
    Math.max(0, ...specs.filter((spec) => spec.key === key).map((spec) => spec.overMs + spec.delayedByMs)),
  );
  return { specs, cursors, places, reachMs };
}

/**
 * The value of aggregate number `spec` as asked: over the key's entries with
 * `timeMs - delayedByMs - overMs < eventTimeMs <= timeMs - delayedByMs`.
 * Amortised O(1) an event where the aggregate runs on and time moves forward, O(window) otherwise.
 */
export function readAggregate(plan: WindowPlan, keyState: KeyState, spec: number, asking: Asking): Value {
  const place = plan.places[spec];
  const aggregate = plan.specs[spec];
  if (aggregate === undefined) throw new RangeError(`got aggregate ${spec}, expected 0 to ${plan.specs.length - 1}`);
  if (place !== null && place !== undefined && asking.selfIs === 'inside') {
    const value = readRunning(plan, keyState, place, asking);
    if (value !== undefined) return value;
  }
  return foldAggregate(aggregate.kind, samplesOf(keyState, aggregate, asking), asking.timeMs);
}

/** Undefined when the running window cannot answer: time went back, or labels are known that this moment may not see. */
function readRunning(
  plan: WindowPlan,
  keyState: KeyState,
  place: { readonly cursor: number; readonly index: number },
  asking: Asking,
): Value | undefined {
  const cursorPlan = plan.cursors[place.cursor];
  if (cursorPlan === undefined) return undefined;
  const slot = place.cursor * 2 + (asking.mode === 'decision' ? 0 : 1);
  const cursor = (keyState.cursors[slot] ??= createCursor(cursorPlan));
  const untilMs = asking.timeMs - cursorPlan.delayedByMs;
  if (untilMs < cursor.untilMs) return undefined;
  if (cursor.usesLabel && asking.mode === 'settled' && keyState.labelTimeMsMax > asking.timeMs) return undefined;
  if (untilMs > cursor.untilMs || !cursor.valid || cursor.until < keyState.entries.length) {
    moveCursor(cursor, cursorPlan, keyState.entries, untilMs);
  }
  return readCursor(cursor, cursorPlan, place.index);
}

/** The obvious way: the window's entries, one by one, in order of (event time, offset). */
function samplesOf(keyState: KeyState, spec: AggregateSpec, asking: Asking): Sample[] {
  const labelsUntilMs = asking.mode === 'decision' ? Number.MAX_VALUE : asking.timeMs;
  const inside = entriesInside(keyState, spec, asking);
  const samples: Sample[] = [];
  for (const entry of sinceLastMatch(inside, spec, { self: asking.self, labelsUntilMs })) {
    if (spec.excludeSelf && entry.offset === asking.self.offset) continue;
    if (spec.where !== null && columnOf(entry, spec.where, labelsUntilMs) !== 1) continue;
    const value = spec.input === null ? 1 : columnOf(entry, spec.input, labelsUntilMs);
    if (value !== null) samples.push({ eventTimeMs: entry.eventTimeMs, value });
  }
  return samples;
}

function entriesInside(keyState: KeyState, spec: AggregateSpec, asking: Asking): Entry[] {
  const untilMs = asking.timeMs - spec.delayedByMs;
  const sinceMs = Math.max(untilMs - spec.overMs, asking.horizonMs);
  const { entries } = keyState;
  const inside = entries.slice(countUpTo(entries, sinceMs), countUpTo(entries, untilMs));
  const { self } = asking;
  const selfEnters =
    asking.selfIs === 'outside' && self.eventTimeMs > untilMs - spec.overMs && self.eventTimeMs <= untilMs;
  if (selfEnters) inside.splice(countUpTo(inside, self.eventTimeMs), 0, self);
  return inside;
}

function sinceLastMatch(
  inside: readonly Entry[],
  spec: AggregateSpec,
  asking: { readonly self: Entry; readonly labelsUntilMs: number },
): readonly Entry[] {
  if (spec.sinceLast === null) return inside;
  for (let position = inside.length - 1; position >= 0; position--) {
    const entry = entryAt(inside, position);
    if (entry.offset === asking.self.offset) continue;
    if (columnOf(entry, spec.sinceLast, asking.labelsUntilMs) === 1) return inside.slice(position + 1);
  }
  return inside;
}

function sharesWindow(
  group: { readonly overMs: number; readonly delayedByMs: number; readonly key: number },
  spec: AggregateSpec,
): boolean {
  return group.overMs === spec.overMs && group.delayedByMs === spec.delayedByMs && group.key === spec.key;
}

function pickWindow(spec: AggregateSpec): { overMs: number; delayedByMs: number; key: number } {
  return { overMs: spec.overMs, delayedByMs: spec.delayedByMs, key: spec.key };
}
