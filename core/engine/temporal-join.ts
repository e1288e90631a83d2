import type { Value } from './aggregate.ts';
import type { JoinSide } from './interval-join.ts';
import type { FlowColumn, FlowEvent, FlowRow, Operator, TakeOutcome } from './operator.ts';
import {
  addRow,
  addVersion,
  countRowsBelow,
  createTemporalState,
  isLater,
  type PendingRow,
  pruneVersions,
  type TemporalJoinState,
  type TemporalKey,
  type TemporalTimer,
  type Version,
  versionAt,
} from './temporal-state.ts';
import { addTimer, popDue } from './timers.ts';

/** An event joined with the version of a dimension's row that was valid at its time, the dimension fed by its changes. */
export type TemporalJoinSpec = {
  readonly output: string;
  readonly event: JoinSide;
  readonly dimension: JoinSide;
  /** Is this change a deletion? From its time on there is no row. */
  readonly isDeletion: (event: FlowEvent) => boolean;
  /** Orders changes that have the same time; without it the log does. */
  readonly orderOf?: (event: FlowEvent) => Value;
  /** Whether an event without a valid version goes out too. */
  readonly keep: 'inner' | 'left';
  readonly columns: readonly FlowColumn[];
  readonly valuesOf: (joined: JoinedVersions) => FlowRow['values'];
  /** Versions and events that one key may hold, and both together that a key group may. */
  readonly versionsPerKeyMax: number;
  readonly eventsPerKeyMax: number;
  readonly entriesMax: number;
};

/** What a row is made of: the event, the version that the log had brought, and the one that was valid. */
export type JoinedVersions = {
  readonly event: readonly Value[];
  readonly decision: Version | null;
  readonly settled: Version | null;
};

/**
 * The temporal join. The version valid at t is the last change with `eventTimeMs <= t`, by (time, the dimension's own order,
 * partition, offset); a deletion is no version. A row settles when the watermark reaches its event's time and goes out at the end of that batch,
 * with both versions; a late change that becomes the version of a settled row raises its revision.
 *
 *     changes   --- v1 -------- v2 ---------- v3 --
 *     events    ---------- e -------------          e has v1; a late change between v1 and e revises it
 */
export function createTemporalJoin(spec: TemporalJoinSpec): Operator<TemporalJoinState> {
  return {
    output: spec.output,
    columns: spec.columns,
    topics: [spec.event.topic, spec.dimension.topic],
    create: createTemporalState,
    take: (state, event) =>
      event.topic === spec.dimension.topic ? takeChange(spec, state, event) : takeEvent(spec, state, event),
    passTime: (state, watermarkMs) => {
      for (let due = popDue(state.timers, watermarkMs); due; due = popDue(state.timers, watermarkMs)) {
        pass(state, due);
      }
    },
    endBatch: (state, emit) => {
      for (const row of state.dirty) send(spec, row, emit);
      state.dirty.clear();
    },
  };
}

function takeEvent(spec: TemporalJoinSpec, state: TemporalJoinState, event: FlowEvent): TakeOutcome {
  if (!spec.event.accepts(event)) return 'taken';
  const key = spec.event.keyOf(event);
  if (key === null) {
    state.dirty.add({ ...rowOf(spec, event, null), revision: 0 });
    return 'taken';
  }
  const known = state.keys.get(key);
  const isKeyFull = (known?.rows.length ?? 0) >= spec.eventsPerKeyMax;
  if (isKeyFull || state.entryCount >= spec.entriesMax) return 'stateLimit';
  const joinKey = known ?? addKey(state, key);
  const row = rowOf(spec, event, versionAt(joinKey, event.eventTimeMs));
  addRow(state, joinKey, row);
  const { offset, topicKey, eventId, eventTimeMs } = event;
  const finishMs = eventTimeMs + spec.dimension.allowedLatenessMs;
  addTimer(state.timers, { timeMs: eventTimeMs, offset, value: { kind: 'settle', key, topicKey, eventId } });
  addTimer(state.timers, { timeMs: finishMs, offset, value: { kind: 'finish', key, topicKey, eventId } });
  return 'taken';
}

function rowOf(spec: TemporalJoinSpec, event: FlowEvent, decision: Version | null): PendingRow {
  const { tenantId, topicKey, eventId, eventTimeMs } = event;
  const values = spec.event.read(event);
  return { tenantId, topicKey, eventId, eventTimeMs, values, decision, settled: null, revision: null };
}

function takeChange(spec: TemporalJoinSpec, state: TemporalJoinState, event: FlowEvent): TakeOutcome {
  const key = spec.dimension.accepts(event) ? spec.dimension.keyOf(event) : null;
  if (key === null) return 'taken';
  const known = state.keys.get(key);
  const isKeyFull = (known?.versions.length ?? 0) >= spec.versionsPerKeyMax;
  if (isKeyFull || state.entryCount >= spec.entriesMax) return 'stateLimit';
  const { eventTimeMs, partition, offset } = event;
  const isDeletion = spec.isDeletion(event);
  const values = isDeletion ? [] : spec.dimension.read(event);
  const place = {
    eventTimeMs,
    partition,
    offset,
    ...(spec.orderOf === undefined ? {} : { order: spec.orderOf(event) }),
  };
  const version: Version = { ...place, isDeletion, values };
  const joinKey = known ?? addKey(state, key);
  addVersion(state, joinKey, version);
  revise(state, joinKey, version);
  addTimer(state.timers, {
    timeMs: eventTimeMs + keptMs(spec),
    offset,
    value: { kind: 'prune', key, horizonMs: eventTimeMs },
  });
  return 'taken';
}

/** Rows that had settled with an older version, or none, have this one now. */
function revise(state: TemporalJoinState, { rows }: TemporalKey, version: Version): void {
  for (let index = countRowsBelow(rows, version.eventTimeMs); index < rows.length; index++) {
    const row = rows[index];
    if (row === undefined || row.revision === null || !isLater(version, row.settled)) return;
    row.settled = version;
    row.revision += 1;
    state.dirty.add(row);
  }
}

/** How far the watermark must be past a version until no event or change before it can be accepted. */
function keptMs({ event, dimension }: TemporalJoinSpec): number {
  return Math.max(event.allowedLatenessMs, dimension.allowedLatenessMs);
}

function pass(state: TemporalJoinState, due: TemporalTimer): void {
  const key = state.keys.get(due.key);
  if (key === undefined) return;
  if (due.kind === 'prune') pruneVersions(state, key, due.horizonMs);
  else {
    const index = key.rows.findIndex((row) => row.eventId === due.eventId && row.topicKey === due.topicKey);
    const row = key.rows[index];
    if (row === undefined) throw new Error('expected the row of a timer to be held');
    if (due.kind === 'settle') settle(state, key, row);
    else {
      key.rows.splice(index, 1);
      state.entryCount -= 1;
    }
  }
  if (key.rows.length === 0 && key.versions.length === 0) state.keys.delete(due.key);
}

function settle(state: TemporalJoinState, key: TemporalKey, row: PendingRow): void {
  row.settled = versionAt(key, row.eventTimeMs);
  row.revision = 0;
  state.dirty.add(row);
}

function addKey(state: TemporalJoinState, key: string): TemporalKey {
  const added: TemporalKey = { versions: [], rows: [] };
  state.keys.set(key, added);
  return added;
}

/** A row that has lost its version is taken back by an inner join; one that never had one does not go out. */
function send(spec: TemporalJoinSpec, row: PendingRow, emit: (row: FlowRow) => void): void {
  const settled = presentOf(row.settled);
  const isRetraction = spec.keep === 'inner' && settled === null;
  if (isRetraction && row.revision === 0) return;
  emit({
    output: spec.output,
    tenantId: row.tenantId,
    key: JSON.stringify([row.topicKey, row.eventId]),
    revision: row.revision ?? 0,
    isRetraction,
    values: spec.valuesOf({ event: row.values, decision: presentOf(row.decision), settled }),
  });
}

function presentOf(version: Version | null): Version | null {
  return version?.isDeletion === true ? null : version;
}
