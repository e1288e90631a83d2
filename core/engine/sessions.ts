import type { PartialAggregate } from './merge-aggregate.ts';
import type { FlowEvent, FlowRow, Operator, TakeOutcome } from './operator.ts';
import {
  addEvent,
  countValues,
  createPartials,
  mergeAllPartials,
  ownerOf,
  paneColumns,
  paneRow,
  retractionRow,
  type PaneOwner,
  type PaneSpec,
} from './panes-aggregates.ts';
import { addTimer, createTimers, popDue, type Timers } from './timers.ts';

/** Sessions close once `gapMs` have passed without an event of the key. */
export type SessionSpec = PaneSpec & { readonly gapMs: number };

/** What the sessions of one key group hold. Plain data. */
export type SessionState = {
  readonly keys: Map<string, SessionKey>;
  readonly timers: Timers<SessionTimer>;
  /** Sessions that are not final. */
  openSessions: number;
  /** Of the current batch: rows that go out at its end, and final sessions, which then are freed. */
  readonly changed: Map<string, SessionName & { readonly revision: number }>;
  readonly finished: SessionName[];
};

/** A session is named by the time of its first event: while it lasts no other one of the key can start there. */
type SessionName = { readonly keyText: string; readonly startMs: number };

type SessionTimer = SessionName & { readonly timeMs: number };

type SessionKey = PaneOwner & {
  /** In the order of their times, at least `gapMs` apart. */
  readonly sessions: Session[];
  openSessions: number;
};

type Session = {
  readonly startMs: number;
  /** The time of its last event. */
  lastMs: number;
  /** Of the last row of its name; null while there was none. */
  revision: number | null;
  /** The last row of its name stands: the session is over as far as the watermark knows. */
  isSettled: boolean;
  /** The one timer of the session that counts; those of other times are passed over. */
  timerMs: number;
  readonly partials: PartialAggregate[];
};

/**
 * Sessions. A session covers `[first event, last event + gapMs)` and settles when the watermark reaches its end. An event
 * joins every session that it is less than the gap away from, late ones too:
 *
 *     a a a ......... b b          x joins a, which keeps its name (its first event), and b: if b's row is out it is
 *     a a a ... x ... b b          retracted. Before a, x would begin a session of a new name, and a's row be retracted.
 *
 * Where the end moves past the watermark again, a row that is out is retracted until the session settles anew.
 */
export function createSessions(spec: SessionSpec): Operator<SessionState> {
  return {
    output: spec.output,
    topics: [spec.topic],
    columns: paneColumns(spec),
    create: createSessionState,
    take: (state, event, watermarkMs) => take(spec, state, { event, watermarkMs }),
    passTime: (state, watermarkMs) => passTime(spec, state, watermarkMs),
    endBatch: (state, emit) => {
      for (const change of state.changed.values()) emit(rowOf(spec, state, change));
      state.changed.clear();
      for (const name of state.finished.splice(0)) free(state, name);
    },
  };
}

function createSessionState(): SessionState {
  return { keys: new Map(), timers: createTimers(), openSessions: 0, changed: new Map(), finished: [] };
}

type Arriving = { readonly event: FlowEvent; readonly watermarkMs: number };

function take(spec: SessionSpec, state: SessionState, { event, watermarkMs }: Arriving): TakeOutcome {
  const owner = ownerOf(spec, event);
  if (owner === null) return 'taken';
  const { keyText, tenantId, keyValues } = owner;
  const known = state.keys.get(keyText);
  const met = (known?.sessions ?? []).filter((session) => meets(spec, session, event.eventTimeMs));
  if (!hasRoom(spec, state, { key: known, met })) return 'stateLimit';
  const key = known ?? { tenantId, keyValues, sessions: [], openSessions: 0 };
  if (known === undefined) state.keys.set(keyText, key);
  const joined = join(spec, state, { key, keyText, met, eventTimeMs: event.eventTimeMs });
  addEvent(spec, joined.partials, event);
  if (joined.isSettled) revise(spec, state, { keyText, session: joined, watermarkMs });
  return 'taken';
}

function meets({ gapMs }: SessionSpec, { startMs, lastMs }: Session, timeMs: number): boolean {
  return timeMs > startMs - gapMs && timeMs < lastMs + gapMs;
}

type Wanted = { readonly key: SessionKey | undefined; readonly met: readonly Session[] };

function hasRoom({ limits }: PaneSpec, state: SessionState, { key, met }: Wanted): boolean {
  const values = met.reduce((total, { partials }) => total + countValues(partials), 0);
  if (values >= limits.valuesPerPaneMax) return false;
  if (met.length > 0) return true;
  return state.openSessions < limits.panesMax && (key?.openSessions ?? 0) < limits.panesPerKeyMax;
}

type Joining = {
  readonly key: SessionKey;
  readonly keyText: string;
  readonly met: readonly Session[];
  readonly eventTimeMs: number;
};

/** The session that an event is in: the first that it meets with all others that it meets, or one of a new name. */
function join(spec: SessionSpec, state: SessionState, joining: Joining): Session {
  const { key, keyText, met, eventTimeMs } = joining;
  const [first, ...others] = met;
  const keepsName = first !== undefined && first.startMs <= eventTimeMs;
  const joined = keepsName ? first : open(spec, state, joining);
  for (const swallowed of keepsName ? others : met) {
    mergeAllPartials(joined.partials, swallowed.partials);
    joined.lastMs = Math.max(joined.lastMs, swallowed.lastMs);
    if (swallowed.isSettled) retract(state, { keyText, session: swallowed });
    key.sessions.splice(key.sessions.indexOf(swallowed), 1);
    key.openSessions -= 1;
    state.openSessions -= 1;
  }
  joined.lastMs = Math.max(joined.lastMs, eventTimeMs);
  return joined;
}

function open(spec: SessionSpec, state: SessionState, { key, keyText, eventTimeMs }: Joining): Session {
  const session: Session = {
    startMs: eventTimeMs,
    lastMs: eventTimeMs,
    revision: null,
    isSettled: false,
    timerMs: 0,
    partials: createPartials(spec),
  };
  const after = key.sessions.findIndex(({ startMs }) => startMs > eventTimeMs);
  key.sessions.splice(after < 0 ? key.sessions.length : after, 0, session);
  key.openSessions += 1;
  state.openSessions += 1;
  schedule(state, { keyText, session, timeMs: eventTimeMs + spec.gapMs });
  return session;
}

/** A late event is in a session whose row is out: a revision, or where the session is not over after all a retraction. */
function revise(
  { gapMs }: SessionSpec,
  state: SessionState,
  { keyText, session, watermarkMs }: Named & { readonly watermarkMs: number },
): void {
  const endMs = session.lastMs + gapMs;
  if (endMs > watermarkMs) {
    retract(state, { keyText, session });
    schedule(state, { keyText, session, timeMs: endMs });
    return;
  }
  session.revision = (session.revision ?? 0) + 1;
  noteChange(state, { keyText, session });
}

type Named = { readonly keyText: string; readonly session: Session };

function retract(state: SessionState, { keyText, session }: Named): void {
  session.isSettled = false;
  session.revision = (session.revision ?? 0) + 1;
  noteChange(state, { keyText, session });
}

function noteChange(state: SessionState, { keyText, session }: Named): void {
  const { startMs, revision } = session;
  state.changed.set(`${startMs} ${keyText}`, { keyText, startMs, revision: revision ?? 0 });
}

function schedule(state: SessionState, { keyText, session, timeMs }: Named & { readonly timeMs: number }): void {
  session.timerMs = timeMs;
  addTimer(state.timers, { timeMs, offset: 0, value: { keyText, startMs: session.startMs, timeMs } });
}

function passTime(spec: SessionSpec, state: SessionState, watermarkMs: number): void {
  for (let due = popDue(state.timers, watermarkMs); due; due = popDue(state.timers, watermarkMs)) {
    const { keyText, startMs, timeMs } = due;
    const session = state.keys.get(keyText)?.sessions.find((candidate) => candidate.startMs === startMs);
    if (session?.timerMs === timeMs) settleOrFinish(spec, state, { keyText, session });
  }
}

/** Settles the session, then makes it final; or waits on, where it has grown since its timer was set. */
function settleOrFinish(spec: SessionSpec, state: SessionState, { keyText, session }: Named): void {
  const endMs = session.lastMs + spec.gapMs;
  const dueMs = session.isSettled ? endMs + spec.allowedLatenessMs : endMs;
  if (dueMs > session.timerMs) {
    schedule(state, { keyText, session, timeMs: dueMs });
  } else if (session.isSettled) {
    const key = state.keys.get(keyText);
    if (key !== undefined) key.openSessions -= 1;
    state.openSessions -= 1;
    state.finished.push({ keyText, startMs: session.startMs });
  } else {
    session.isSettled = true;
    session.revision = session.revision === null ? 0 : session.revision + 1;
    noteChange(state, { keyText, session });
    schedule(state, { keyText, session, timeMs: endMs + spec.allowedLatenessMs });
  }
}

/** The session's row where it stands; a retraction where the session is swallowed or not over. */
function rowOf(
  spec: SessionSpec,
  state: SessionState,
  { keyText, startMs, revision }: SessionName & { readonly revision: number },
): FlowRow {
  const key = state.keys.get(keyText);
  if (key === undefined) throw new Error(`got no sessions of a key that changed at ${startMs}, expected some`);
  const { tenantId, keyValues } = key;
  const session = key.sessions.find((candidate) => candidate.startMs === startMs);
  if (session?.isSettled !== true) return retractionRow(spec, { tenantId, keyValues, startMs, revision });
  const endMs = session.lastMs + spec.gapMs;
  return paneRow(spec, { tenantId, keyValues, startMs, endMs, revision, partials: session.partials });
}

function free(state: SessionState, { keyText, startMs }: SessionName): void {
  const key = state.keys.get(keyText);
  const index = key?.sessions.findIndex((session) => session.startMs === startMs) ?? -1;
  if (key === undefined || index < 0) throw new Error(`got no session at ${startMs}, expected one that is final`);
  key.sessions.splice(index, 1);
  if (key.sessions.length === 0) state.keys.delete(keyText);
}
