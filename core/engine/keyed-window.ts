import { type Cursor, evictFromCursor, insertIntoCursor } from './cursor.ts';
import { countUpTo, type Entry } from './entry.ts';

/** All events of one key that a window can still reach, ordered by (event time, offset). */
export type KeyState = {
  readonly entries: Entry[];
  /** The newest label time among the entries; -infinity when there is none. */
  labelTimeMsMax: number;
  /** Running windows, rebuilt when missing: a checkpoint leaves them out. */
  readonly cursors: (Cursor | undefined)[];
};

export function createKeyState(): KeyState {
  return { entries: [], labelTimeMsMax: Number.NEGATIVE_INFINITY, cursors: [] };
}

/** Puts an entry at its place in time; O(1) when it is the newest. */
export function insertEntry(keyState: KeyState, entry: Entry): void {
  const { entries } = keyState;
  const last = entries.at(-1);
  const position =
    last === undefined || last.eventTimeMs <= entry.eventTimeMs
      ? entries.length
      : countUpTo(entries, entry.eventTimeMs);
  if (position === entries.length) entries.push(entry);
  else entries.splice(position, 0, entry);
  for (const cursor of keyState.cursors) if (cursor !== undefined) insertIntoCursor(cursor, position);
  if (entry.labelTimeMs !== Number.POSITIVE_INFINITY) noteLabel(keyState, entry, entry.labelTimeMs);
}

/** Tells the key that an entry of it has a label now: running windows that hold the entry start anew. */
export function noteLabel(keyState: KeyState, entry: Entry, labelTimeMs: number): void {
  keyState.labelTimeMsMax = Math.max(keyState.labelTimeMsMax, labelTimeMs);
  for (const cursor of keyState.cursors) {
    if (cursor !== undefined && cursor.usesLabel && entry.eventTimeMs <= cursor.untilMs) cursor.valid = false;
  }
}

/**
 * Drops the entries at or before `horizonMs`, which no window asks for any more. When it runs changes no result; it
 * waits until half of the entries can go, so that the cost an event is constant.
 */
export function evictEntries(keyState: KeyState, horizonMs: number): void {
  const { entries } = keyState;
  const first = entries[0];
  if (first === undefined || first.eventTimeMs > horizonMs) return;
  const count = countUpTo(entries, horizonMs);
  if (count * 2 < entries.length) return;
  entries.splice(0, count);
  for (const cursor of keyState.cursors) if (cursor !== undefined) evictFromCursor(cursor, count);
}
