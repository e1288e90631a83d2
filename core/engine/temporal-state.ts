import type { Value } from './aggregate.ts';
import { createTimers, type Timers } from './timers.ts';

/** A change of a dimension's row: from its time on this is what the row says, until the next. */
export type Version = {
  readonly eventTimeMs: number;
  /** Orders changes of the same time where the dimension says so, such as their position in the database's log. */
  readonly order?: Value;
  readonly partition: number;
  readonly offset: number;
  readonly isDeletion: boolean;
  readonly values: readonly Value[];
};

/** An event whose version may still change. */
export type PendingRow = {
  readonly tenantId: string;
  readonly topicKey: string;
  readonly eventId: string;
  readonly eventTimeMs: number;
  readonly values: readonly Value[];
  /** The version that the log had brought when the event came. */
  readonly decision: Version | null;
  /** The version that was valid, as far as is known; read once the row has settled. */
  settled: Version | null;
  /** Null until the row settles, then the number of late changes that became its version. */
  revision: number | null;
};

/** Versions in their order and events ordered by time, of one key. */
export type TemporalKey = { versions: Version[]; readonly rows: PendingRow[] };

/**
 * What the watermark brings: a row settles, can change no more, or versions of a key can go. The horizon is a time of the
 * timer's own: the watermark may jump, and rows before it that have not had their turn still ask for old versions.
 */
export type TemporalTimer =
  | { readonly kind: 'settle' | 'finish'; readonly key: string; readonly topicKey: string; readonly eventId: string }
  | { readonly kind: 'prune'; readonly key: string; readonly horizonMs: number };

/** What a temporal join of one key group holds. Plain data. */
export type TemporalJoinState = {
  readonly keys: Map<string, TemporalKey>;
  readonly timers: Timers<TemporalTimer>;
  /** Rows to send at the end of the batch, in order of their first change. Empty between batches. */
  readonly dirty: Set<PendingRow>;
  /** Versions and rows that are held. */
  entryCount: number;
};

/** The state of a key group before its first event. */
export function createTemporalState(): TemporalJoinState {
  return { keys: new Map(), timers: createTimers(), dirty: new Set(), entryCount: 0 };
}

/** The version that is valid at a time; a deletion is one too. Null before the first. */
export function versionAt({ versions }: TemporalKey, timeMs: number): Version | null {
  return versions[countVersionsUpTo(versions, timeMs) - 1] ?? null;
}

/** Puts a version in its place. */
export function addVersion(state: TemporalJoinState, key: TemporalKey, version: Version): void {
  let index = key.versions.length;
  while (index > 0 && isLater(key.versions[index - 1], version)) index -= 1;
  key.versions.splice(index, 0, version);
  state.entryCount += 1;
}

/** Is a version after another in the order (time, the dimension's own, partition, offset)? Every version is after none. */
export function isLater(version: Version | null | undefined, other: Version | null): boolean {
  if (version === null || version === undefined) return false;
  if (other === null) return true;
  if (version.eventTimeMs !== other.eventTimeMs) return version.eventTimeMs > other.eventTimeMs;
  const order = compareOrders(version.order ?? null, other.order ?? null);
  if (order !== 0) return order > 0;
  if (version.partition !== other.partition) return version.partition > other.partition;
  return version.offset > other.offset;
}

/** Numbers by size, texts by their units; a missing one is before all. */
function compareOrders(left: Value, right: Value): number {
  if (left === right) return 0;
  if (left === null || right === null) return left === null ? -1 : 1;
  return left < right ? -1 : 1;
}

/** Puts an event behind all that are not after it. */
export function addRow(state: TemporalJoinState, key: TemporalKey, row: PendingRow): void {
  key.rows.splice(countRowsBelow(key.rows, row.eventTimeMs + 1), 0, row);
  state.entryCount += 1;
}

/** How many events are before a time. */
export function countRowsBelow(rows: readonly PendingRow[], timeMs: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle]?.eventTimeMs ?? Infinity) < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Drops the versions of a key that no event can ask for: those before the one that is valid at the horizon. That one stays,
 * however old it is, unless it is a deletion, which is the same as nothing.
 */
export function pruneVersions(state: TemporalJoinState, key: TemporalKey, horizonMs: number): void {
  let from = Math.max(0, countVersionsUpTo(key.versions, horizonMs) - 1);
  const oldest = key.versions[from];
  if (oldest?.isDeletion === true && oldest.eventTimeMs <= horizonMs) from += 1;
  if (from === 0) return;
  state.entryCount -= from;
  key.versions = key.versions.slice(from);
}

function countVersionsUpTo(versions: readonly Version[], timeMs: number): number {
  let low = 0;
  let high = versions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((versions[middle]?.eventTimeMs ?? Infinity) <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
