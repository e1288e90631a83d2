import type { AggregateKind, Value } from './aggregate.ts';

/** An event as keyed state holds it: shared by the keys that it falls under. Plain data. */
export type Entry = {
  readonly eventTimeMs: number;
  readonly offset: number;
  /** The windows' columns while no label is known. */
  readonly values: readonly Value[];
  /** The same columns when the label is true; the same array where no column reads the label. */
  readonly labelled: readonly Value[];
  /** Event time of the earliest label; +infinity while there is none. */
  labelTimeMs: number;
};

/** One aggregate over one window. Times in milliseconds; `input`, `where` and `sinceLast` are column numbers. */
export type AggregateSpec = {
  readonly kind: AggregateKind;
  readonly key: number;
  readonly input: number | null;
  readonly where: number | null;
  /** The window starts after the last event, e itself left out, where this column is true. */
  readonly sinceLast: number | null;
  readonly overMs: number;
  readonly delayedByMs: number;
  readonly excludeSelf: boolean;
  /** The input is an integer, so that sums can take events back without a trace. */
  readonly integer: boolean;
  readonly usesLabel: boolean;
};

/** How many entries have an event time at or before `timeMs`: the position after the last of them. */
export function countUpTo(entries: readonly Entry[], timeMs: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entryAt(entries, middle).eventTimeMs <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The entry at a position that must exist. */
export function entryAt(entries: readonly Entry[], position: number): Entry {
  const entry = entries[position];
  if (entry === undefined) throw new RangeError(`got position ${position}, expected 0 to ${entries.length - 1}`);
  return entry;
}

/** A column's value of an entry: as labelled if its label is known by `labelsUntilMs`. */
export function columnOf(entry: Entry, column: number, labelsUntilMs: number): Value {
  return (entry.labelTimeMs <= labelsUntilMs ? entry.labelled : entry.values)[column] ?? null;
}
