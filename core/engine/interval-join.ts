import type { Value } from './aggregate.ts';
import type { FlowColumn, FlowEvent, FlowRow, Operator, TakeOutcome } from './operator.ts';
import { addTimer, createTimers, popDue, type Timers } from './timers.ts';

/** One side of a join: which events it takes and what it keeps of them. */
export type JoinSide = {
  readonly topic: string;
  /** Of how late events may be, milliseconds: so long after its time an event of this side may still come. */
  readonly allowedLatenessMs: number;
  /** Events that it says no to are not of the join. */
  readonly accepts: (event: FlowEvent) => boolean;
  /** Tenant and key as one text; null where a field of the key is missing, which equals nothing. */
  readonly keyOf: (event: FlowEvent) => string | null;
  /** What the join's columns read of the event. */
  readonly read: (event: FlowEvent) => readonly Value[];
};

/** Pairs with `right.eventTimeMs` in `[left - beforeMs, left + afterMs]` and equal keys. */
export type IntervalJoinSpec = {
  readonly output: string;
  readonly left: JoinSide;
  readonly right: JoinSide;
  readonly beforeMs: number;
  readonly afterMs: number;
  /** Whose events go out alone when nothing matched them. */
  readonly keep: 'inner' | 'left' | 'right' | 'full';
  readonly columns: readonly FlowColumn[];
  readonly valuesOf: (left: readonly Value[] | null, right: readonly Value[] | null) => FlowRow['values'];
  /** Events that one key, and one key group, may hold. */
  readonly eventsPerKeyMax: number;
  readonly eventsMax: number;
};

type SideName = 'left' | 'right';

/** An event that may still meet a partner. */
type Held = {
  readonly tenantId: string;
  readonly topicKey: string;
  readonly eventId: string;
  readonly eventTimeMs: number;
  readonly values: readonly Value[];
  isMatched: boolean;
};

/** Both sides of one key, each ordered by time. */
type JoinKey = { readonly left: Held[]; readonly right: Held[] };

/** Frees the event of a key and side once nothing can match it any more. */
type Release = { readonly key: string; readonly side: SideName; readonly topicKey: string; readonly eventId: string };

/** What a join of one key group holds. Plain data. */
export type IntervalJoinState = {
  readonly keys: Map<string, JoinKey>;
  readonly releases: Timers<Release>;
  eventCount: number;
};

/**
 * The interval join: each pair goes out once, when its second event comes, as row revision 0. An event is held until the
 * watermark says that no partner can come, which is when an unmatched one of a kept side goes out.
 *
 *     left   ------ l ------------------->      r matches l when r is in [l - before, l + after],
 *     right  --[.. r ....]---------------       so l matches r when l is in [r - after, r + before]
 */
export function createIntervalJoin(spec: IntervalJoinSpec): Operator<IntervalJoinState> {
  const { output, left, right, columns } = spec;
  return {
    output,
    columns,
    topics: [left.topic, right.topic],
    create: () => ({ keys: new Map(), releases: createTimers(), eventCount: 0 }),
    take: (state, event, _watermarkMs, emit) => take(spec, state, { event, emit }),
    passTime: (state, watermarkMs, emit) => {
      for (let due = popDue(state.releases, watermarkMs); due; due = popDue(state.releases, watermarkMs)) {
        release(spec, state, { due, emit });
      }
    },
    endBatch: () => undefined,
  };
}

type Emit = (row: FlowRow) => void;

function take(
  spec: IntervalJoinSpec,
  state: IntervalJoinState,
  { event, emit }: { readonly event: FlowEvent; readonly emit: Emit },
): TakeOutcome {
  const side: SideName = event.topic === spec.left.topic ? 'left' : 'right';
  if (!spec[side].accepts(event)) return 'taken';
  const held = heldOf(spec[side], event);
  const key = spec[side].keyOf(event);
  if (key === null) {
    emitUnmatched(spec, { side, held, emit });
    return 'taken';
  }
  const known = state.keys.get(key);
  const isFull = known !== undefined && known.left.length + known.right.length >= spec.eventsPerKeyMax;
  if (isFull || state.eventCount >= spec.eventsMax) return 'stateLimit';
  const joinKey = known ?? { left: [], right: [] };
  if (known === undefined) state.keys.set(key, joinKey);
  match(spec, joinKey, { side, held, emit });
  hold(joinKey[side], held);
  state.eventCount += 1;
  const { topicKey, eventId, eventTimeMs } = held;
  const timeMs = eventTimeMs + reachMs(spec, side);
  addTimer(state.releases, { timeMs, offset: event.offset, value: { key, side, topicKey, eventId } });
  return 'taken';
}

function heldOf(side: JoinSide, event: FlowEvent): Held {
  const { tenantId, topicKey, eventId, eventTimeMs } = event;
  return { tenantId, topicKey, eventId, eventTimeMs, values: side.read(event), isMatched: false };
}

type Side = { readonly side: SideName; readonly held: Held; readonly emit: Emit };

/** Sends the pairs of an event that has just come with those of the other side. */
function match(spec: IntervalJoinSpec, key: JoinKey, { side, held, emit }: Side): void {
  const others = side === 'left' ? key.right : key.left;
  const [backMs, aheadMs] = side === 'left' ? [spec.beforeMs, spec.afterMs] : [spec.afterMs, spec.beforeMs];
  const untilMs = held.eventTimeMs + aheadMs;
  for (let index = countBelow(others, held.eventTimeMs - backMs); index < others.length; index++) {
    const other = others[index];
    if (other === undefined || other.eventTimeMs > untilMs) return;
    held.isMatched = true;
    other.isMatched = true;
    emit(side === 'left' ? rowOf(spec, held, other) : rowOf(spec, other, held));
  }
}

/** Puts an event behind all that are not after it. */
function hold(list: Held[], held: Held): void {
  list.splice(countBelow(list, held.eventTimeMs + 1), 0, held);
}

/** How many events are before a time. */
function countBelow(list: readonly Held[], timeMs: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle]?.eventTimeMs ?? Infinity) < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How far the watermark must be past an event until no partner can be accepted any more. */
function reachMs({ left, right, beforeMs, afterMs }: IntervalJoinSpec, side: SideName): number {
  return side === 'left' ? afterMs + right.allowedLatenessMs : beforeMs + left.allowedLatenessMs;
}

function release(
  spec: IntervalJoinSpec,
  state: IntervalJoinState,
  { due, emit }: { readonly due: Release; readonly emit: Emit },
): void {
  const { key, side, topicKey, eventId } = due;
  const joinKey = state.keys.get(key);
  const list = joinKey?.[side] ?? [];
  // The first ones are released first: this looks beyond the first only among events of the same time.
  const index = list.findIndex((held) => held.eventId === eventId && held.topicKey === topicKey);
  const [held] = index < 0 ? [] : list.splice(index, 1);
  if (joinKey === undefined || held === undefined)
    throw new Error(`expected the ${side} event of a release to be held`);
  state.eventCount -= 1;
  if (joinKey.left.length === 0 && joinKey.right.length === 0) state.keys.delete(key);
  if (!held.isMatched) emitUnmatched(spec, { side, held, emit });
}

function emitUnmatched(spec: IntervalJoinSpec, { side, held, emit }: Side): void {
  if (spec.keep !== 'full' && spec.keep !== side) return;
  emit(side === 'left' ? rowOf(spec, held, null) : rowOf(spec, null, held));
}

/** A pair, or an event alone. Its key is that of both events. */
function rowOf(spec: IntervalJoinSpec, left: Held, right: Held | null): FlowRow;
function rowOf(spec: IntervalJoinSpec, left: Held | null, right: Held): FlowRow;
function rowOf(spec: IntervalJoinSpec, left: Held | null, right: Held | null): FlowRow {
  return {
    output: spec.output,
    tenantId: (left ?? right)?.tenantId ?? '',
    key: JSON.stringify([
      left?.topicKey ?? null,
      left?.eventId ?? null,
      right?.topicKey ?? null,
      right?.eventId ?? null,
    ]),
    revision: 0,
    isRetraction: false,
    values: spec.valuesOf(left?.values ?? null, right?.values ?? null),
  };
}
