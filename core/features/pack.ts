import type { Value } from '../engine/aggregate.ts';
import { packColumn, unpackColumn, type Column } from '../engine/columns.ts';
import { entryAt, type Entry } from '../engine/entry.ts';
import { createKeyState, type KeyState } from '../engine/keyed-window.ts';
import type { FeatureState, Row } from './state.ts';

/** The feature state as a checkpoint holds it: each entry once, in columns; running windows are left out. */
export type PackedFeatures = Pick<
  FeatureState,
  'gaps' | 'settling' | 'finishing' | 'waiting' | 'waitingUntil' | 'skew'
> & {
  readonly entries: PackedEntries;
  readonly keys: readonly PackedKeys[];
  readonly rows: readonly (Omit<Row, 'entry'> & { readonly entry: number })[];
  readonly labelled: { readonly names: Column; readonly members: Uint32Array };
};

type PackedEntries = {
  readonly eventTimeMs: Float64Array;
  readonly offset: Float64Array;
  readonly labelTimeMs: Float64Array;
  readonly values: readonly Column[];
  /** Null where no column reads the label. */
  readonly labelled: readonly Column[] | null;
};

/** The keys of one field: their names, how many entries each has, and these one after the other. */
type PackedKeys = { readonly names: Column; readonly counts: Uint32Array; readonly members: Uint32Array };

/** Packs a state between two batches. */
export function packFeatures(state: FeatureState): PackedFeatures {
  const numbers = new Map<Entry, number>();
  const numberOf = (entry: Entry): number => {
    const known = numbers.get(entry);
    if (known !== undefined) return known;
    numbers.set(entry, numbers.size);
    return numbers.size - 1;
  };
  const keys = state.keys.map((keyStates) => ({
    names: packColumn([...keyStates.keys()]),
    counts: Uint32Array.from(keyStates.values(), ({ entries }) => entries.length),
    members: membersOf(keyStates.values(), numberOf),
  }));
  const rows = [...state.rows.values()].map((row) => ({ ...row, entry: numberOf(row.entry) }));
  const members = Uint32Array.from(state.labelled.values(), ({ entry }) => numberOf(entry));
  const { gaps, settling, finishing, waiting, waitingUntil, skew } = state;
  const labelled = { names: packColumn([...state.labelled.keys()]), members };
  return {
    entries: packEntries([...numbers.keys()]),
    keys,
    rows,
    labelled,
    gaps,
    settling,
    finishing,
    waiting,
    waitingUntil,
    skew,
  };
}

/** The state again: every result from here on is the same. */
export function unpackFeatures(packed: PackedFeatures): FeatureState {
  const entries = unpackEntries(packed.entries);
  const keysOfEntry: (string | null)[][] = entries.map(() => packed.keys.map(() => null));
  const keys = packed.keys.map((packedKeys, key) => unpackKeys(packedKeys, { entries, keysOfEntry, key }));
  const names = unpackColumn(packed.labelled.names, packed.labelled.members.length);
  const labelled = names.map((name, index) => {
    const number = packed.labelled.members[index] ?? -1;
    return [String(name), { entry: entryAt(entries, number), keys: keysOfEntry[number] ?? [] }] as const;
  });
  const rows = packed.rows.map((row) => [row.identity.offset, { ...row, entry: entryAt(entries, row.entry) }] as const);
  const { gaps, settling, finishing, waiting, waitingUntil, skew } = packed;
  return {
    keys,
    rows: new Map(rows),
    labelled: new Map(labelled),
    gaps,
    settling,
    finishing,
    waiting,
    waitingUntil,
    skew,
    changed: new Map(),
    touched: new Map(),
  };
}

function membersOf(keyStates: Iterable<KeyState>, numberOf: (entry: Entry) => number): Uint32Array {
  const members: number[] = [];
  for (const { entries } of keyStates) for (const entry of entries) members.push(numberOf(entry));
  return Uint32Array.from(members);
}

function packEntries(entries: readonly Entry[]): PackedEntries {
  const first = entries[0];
  const columns = (of: 'values' | 'labelled'): Column[] =>
    (first?.[of] ?? []).map((_, index) => packColumn(entries.map((entry) => entry[of][index] ?? null)));
  const eventTimeMs = new Float64Array(entries.length);
  const offset = new Float64Array(entries.length);
  const labelTimeMs = new Float64Array(entries.length);
  // Loops over all of the state: `from` with a function takes several times as long.
  for (let index = 0; index < entries.length; index++) {
    const entry = entryAt(entries, index);
    eventTimeMs[index] = entry.eventTimeMs;
    offset[index] = entry.offset;
    labelTimeMs[index] = entry.labelTimeMs;
  }
  return {
    eventTimeMs,
    offset,
    labelTimeMs,
    values: columns('values'),
    labelled: first === undefined || first.values === first.labelled ? null : columns('labelled'),
  };
}

function unpackEntries(packed: PackedEntries): Entry[] {
  const count = packed.offset.length;
  const values = packed.values.map((column) => unpackColumn(column, count));
  const labelled = packed.labelled?.map((column) => unpackColumn(column, count));
  return Array.from(packed.offset, (offset, index) => {
    const own: Value[] = values.map((column) => column[index] ?? null);
    return {
      eventTimeMs: packed.eventTimeMs[index] ?? 0,
      offset,
      values: own,
      labelled: labelled?.map((column) => column[index] ?? null) ?? own,
      labelTimeMs: packed.labelTimeMs[index] ?? 0,
    };
  });
}

function unpackKeys(
  packed: PackedKeys,
  into: { readonly entries: readonly Entry[]; readonly keysOfEntry: (string | null)[][]; readonly key: number },
): FeatureState['keys'][number] {
  const names = unpackColumn(packed.names, packed.counts.length);
  const keyStates: FeatureState['keys'][number] = new Map();
  let at = 0;
  names.forEach((value, index) => {
    const name = String(value);
    const keyState = createKeyState();
    for (const until = at + (packed.counts[index] ?? 0); at < until; at++) {
      const number = packed.members[at] ?? -1;
      const entry = entryAt(into.entries, number);
      keyState.entries.push(entry);
      const ofEntry = into.keysOfEntry[number];
      if (ofEntry !== undefined) ofEntry[into.key] = name;
      if (entry.labelTimeMs !== Number.POSITIVE_INFINITY) {
        keyState.labelTimeMsMax = Math.max(keyState.labelTimeMsMax, entry.labelTimeMs);
      }
    }
    keyStates.set(name, keyState);
  });
  return keyStates;
}
