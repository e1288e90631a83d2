import type { Value } from '../engine/aggregate.ts';
import type { Entry } from '../engine/entry.ts';
import type { KeyState } from '../engine/keyed-window.ts';
import { createKeyGaps, type KeyGaps } from '../engine/key-gaps.ts';
import { createTimers, type Timers } from '../engine/timers.ts';
import type { Plan } from './plan.ts';
import { createSkew, type FeatureSkew } from './skew.ts';

/** Who an event is. */
export type EventIdentity = {
  readonly tenantId: string;
  readonly accountId: string;
  readonly eventId: string;
  readonly eventTimeMs: number;
  readonly offset: number;
};

/** What every event says of itself; a value of this type is the whole event. */
export type EventHead = Omit<EventIdentity, 'offset'>;

/** The feature vector of one event while its values can still change. */
export type Row = {
  readonly identity: EventIdentity;
  readonly entry: Entry;
  /** The state's key for each of the plan's keys; null where the event lacks the field or the key was full. */
  readonly keys: readonly (string | null)[];
  readonly fields: readonly Value[];
  readonly decision: readonly (number | null)[];
  readonly late: boolean;
  readonly tooLate: boolean;
  /** Late events inside its windows since it first settled; null before that. */
  revision: number | null;
  /** As last sent; null before that. */
  settled: readonly (number | null)[] | null;
};

/** An event that a label may still reach. */
export type Labelled = { readonly entry: Entry; readonly keys: readonly (string | null)[] };

/** A label's event that came before the event that it refers to. */
export type WaitingLabel = {
  readonly event: EventHead;
  readonly offset: number;
  readonly eventTimeMs: number;
  readonly carriesLabel: boolean;
};

/** All that the features remember. Plain data: a checkpoint holds it. */
export type FeatureState = {
  /** For each of the plan's keys the states by tenant and key value. */
  readonly keys: readonly Map<string, KeyState>[];
  /** For each of the plan's keys what full keys did not take. */
  readonly gaps: readonly KeyGaps<string>[];
  /** Rows that are not final, by offset. */
  readonly rows: Map<number, Row>;
  readonly settling: Timers<number>;
  readonly finishing: Timers<number>;
  /** By tenant, account and event id, oldest arrival first. */
  readonly labelled: Map<string, Labelled>;
  readonly waiting: Map<string, WaitingLabel[]>;
  readonly waitingUntil: Timers<{ readonly labelKey: string; readonly offset: number }>;
  /** Of the current batch: rows to send, and by key state the number of its key, where something may be to forget. */
  readonly changed: Map<number, Row>;
  readonly touched: Map<KeyState, number>;
  readonly skew: FeatureSkew;
};

export function createFeatureState(plan: Plan): FeatureState {
  return {
    keys: plan.keys.map(() => new Map<string, KeyState>()),
    gaps: plan.keys.map(() => createKeyGaps<string>()),
    rows: new Map(),
    settling: createTimers(),
    finishing: createTimers(),
    labelled: new Map(),
    waiting: new Map(),
    waitingUntil: createTimers(),
    changed: new Map(),
    touched: new Map(),
    skew: createSkew(plan),
  };
}

/** A text that names an event for its labels; ids hold no control characters. */
export function labelKeyOf(event: {
  readonly tenantId: string;
  readonly accountId: string;
  readonly eventId: string;
}): string {
  return `${event.tenantId}\u0000${event.accountId}\u0000${event.eventId}`;
}
