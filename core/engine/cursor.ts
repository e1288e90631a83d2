import { addToMoments, emptyMoments, takeFromMoments, valueOfMoments, type Moments, type Value } from './aggregate.ts';
import { columnOf, countUpTo, entryAt, type AggregateSpec, type Entry } from './entry.ts';

/** Aggregates of one window that can run on: each event is added once and taken back once. */
export type CursorPlan = {
  readonly overMs: number;
  readonly delayedByMs: number;
  readonly usesLabel: boolean;
  readonly specs: readonly AggregateSpec[];
};

type Running =
  | { readonly kind: 'count'; count: number }
  | { readonly kind: 'moments'; readonly moments: Moments; readonly squares: 'withSquares' | 'sumOnly' }
  | { readonly kind: 'distinct'; readonly counts: Map<Value, number> }
  /** Candidates for the extreme in order of time: each better than all after it. */
  | { readonly kind: 'extreme'; readonly candidates: Entry[]; readonly sign: 1 | -1 };

/**
 * A window that slides over a key's entries: positions `[from, until)` are inside.
 *
 *      entries   . . . [ x x x x x ) . .
 *                from ^           ^ until      sinceMs < eventTimeMs <= untilMs
 */
export type Cursor = {
  from: number;
  until: number;
  untilMs: number;
  /** False when something inside changed: the next read starts anew. */
  valid: boolean;
  readonly usesLabel: boolean;
  running: Running[];
};

/** Labels count from whenever the log brought them: those of a running window are all that are known. */
const allLabelsMs = Number.MAX_VALUE;

/** Can this aggregate run on, or must it fold its window each time? */
export function canRun(spec: AggregateSpec): boolean {
  if (spec.excludeSelf || spec.sinceLast !== null) return false;
  if (spec.kind === 'count' || spec.kind === 'countDistinct' || spec.kind === 'min' || spec.kind === 'max') return true;
  return spec.integer && (spec.kind === 'sum' || spec.kind === 'avg' || spec.kind === 'stddev');
}

export function createCursor(plan: CursorPlan): Cursor {
  return {
    from: 0,
    until: 0,
    untilMs: Number.NEGATIVE_INFINITY,
    valid: false,
    usesLabel: plan.usesLabel,
    running: [],
  };
}

/** Moves the window so that it ends at `untilMs`; a valid cursor only moves forward. */
export function moveCursor(cursor: Cursor, plan: CursorPlan, entries: readonly Entry[], untilMs: number): void {
  const sinceMs = untilMs - plan.overMs;
  if (!cursor.valid) {
    cursor.from = countUpTo(entries, sinceMs);
    cursor.until = cursor.from;
    cursor.running = plan.specs.map(emptyRunning);
    cursor.valid = true;
  }
  cursor.untilMs = untilMs;
  for (; cursor.until < entries.length; cursor.until++) {
    const entry = entryAt(entries, cursor.until);
    if (entry.eventTimeMs > untilMs) break;
    apply(cursor, plan, entry, 'add');
  }
  for (; cursor.from < cursor.until; cursor.from++) {
    const entry = entryAt(entries, cursor.from);
    if (entry.eventTimeMs > sinceMs) break;
    apply(cursor, plan, entry, 'take');
  }
}

/** The value of the plan's aggregate number `index` over the window as it stands. */
export function readCursor(cursor: Cursor, plan: CursorPlan, index: number): Value {
  const running = cursor.running[index];
  const spec = plan.specs[index];
  if (running === undefined || spec === undefined)
    throw new RangeError(`got aggregate ${index} of a window without it`);
  switch (running.kind) {
    case 'count':
      return running.count;
    case 'distinct':
      return running.counts.size;
    case 'moments':
      return valueOfMoments(momentsKind(spec), running.moments);
    case 'extreme': {
      const best = running.candidates[0];
      return best === undefined ? null : columnOf(best, spec.input ?? 0, allLabelsMs);
    }
  }
}

/** An entry came in at `position`. */
export function insertIntoCursor(cursor: Cursor, position: number): void {
  if (position < cursor.from) {
    cursor.from++;
    cursor.until++;
  } else if (position < cursor.until) cursor.valid = false;
}

/** The first `count` entries have gone. */
export function evictFromCursor(cursor: Cursor, count: number): void {
  if (cursor.from < count) cursor.valid = false;
  cursor.from -= count;
  cursor.until -= count;
}

function emptyRunning(spec: AggregateSpec): Running {
  switch (spec.kind) {
    case 'count':
      return { kind: 'count', count: 0 };
    case 'countDistinct':
      return { kind: 'distinct', counts: new Map() };
    case 'min':
    case 'max':
      return { kind: 'extreme', candidates: [], sign: spec.kind === 'max' ? 1 : -1 };
    default:
      return { kind: 'moments', moments: emptyMoments(), squares: spec.kind === 'stddev' ? 'withSquares' : 'sumOnly' };
  }
}

function apply(cursor: Cursor, plan: CursorPlan, entry: Entry, direction: 'add' | 'take'): void {
  for (let index = 0; index < plan.specs.length; index++) {
    const spec = plan.specs[index];
    const running = cursor.running[index];
    if (spec === undefined || running === undefined) continue;
    if (spec.where !== null && columnOf(entry, spec.where, allLabelsMs) !== 1) continue;
    const value = spec.input === null ? 1 : columnOf(entry, spec.input, allLabelsMs);
    if (value === null) continue;
    if (running.kind === 'extreme') applyExtreme(running, spec, entry, direction);
    else if (direction === 'add') add(running, value);
    else take(running, value);
  }
}

function add(running: Exclude<Running, { kind: 'extreme' }>, value: Exclude<Value, null>): void {
  if (running.kind === 'count') running.count++;
  else if (running.kind === 'distinct') running.counts.set(value, (running.counts.get(value) ?? 0) + 1);
  else addToMoments(running.moments, Number(value), running.squares);
}

function take(running: Exclude<Running, { kind: 'extreme' }>, value: Exclude<Value, null>): void {
  if (running.kind === 'count') running.count--;
  else if (running.kind === 'moments') takeFromMoments(running.moments, Number(value), running.squares);
  else {
    const left = (running.counts.get(value) ?? 0) - 1;
    if (left > 0) running.counts.set(value, left);
    else running.counts.delete(value);
  }
}

function applyExtreme(
  running: Extract<Running, { kind: 'extreme' }>,
  spec: AggregateSpec,
  entry: Entry,
  direction: 'add' | 'take',
): void {
  const { candidates, sign } = running;
  if (direction === 'take') {
    if (candidates[0] === entry) candidates.shift();
    return;
  }
  const valueOf = (candidate: Entry): number => sign * Number(columnOf(candidate, spec.input ?? 0, allLabelsMs));
  while (candidates.length > 0 && valueOf(candidates.at(-1) ?? entry) <= valueOf(entry)) candidates.pop();
  candidates.push(entry);
}

function momentsKind(spec: AggregateSpec): 'sum' | 'avg' | 'stddev' {
  return spec.kind === 'avg' || spec.kind === 'stddev' ? spec.kind : 'sum';
}
