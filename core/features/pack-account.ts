import type { ByteReader } from '../engine/byte-reader.ts';
import type { ByteWriter } from '../engine/byte-writer.ts';
import type { Value } from '../engine/aggregate.ts';
import type { Entry } from '../engine/entry.ts';
import type { KeyGap } from '../engine/key-gaps.ts';
import { createKeyState, insertEntry } from '../engine/keyed-window.ts';
import type { FeatureEngine } from './engine.ts';
import type { FeatureState, WaitingLabel } from './state.ts';

/** An entry with the keys that it is held under, and the name that a label may call it by. */
type Held = { readonly entry: Entry; readonly keys: (string | null)[]; labelKey: string | null };

/** Writes the events of one account, each once; what no window or label can reach behind the watermark is left out. */
export function packAccountEvents(
  writer: ByteWriter,
  engine: FeatureEngine,
  { state, watermarkMs }: { readonly state: FeatureState; readonly watermarkMs: number },
): void {
  const held = heldEntries(engine, state, watermarkMs);
  writer.natural(held.length);
  let before = { offset: 0, eventTimeMs: 0 };
  for (const { entry, keys, labelKey } of held) {
    const { offset, eventTimeMs, labelTimeMs } = entry;
    const hasLabel = Number.isFinite(labelTimeMs);
    writer.natural((hasLabel ? 1 : 0) + (labelKey === null ? 0 : 2));
    writer.natural(offset - before.offset);
    writer.integer(eventTimeMs - before.eventTimeMs);
    for (const key of keys) writer.value(key);
    for (const value of entry.values) writer.value(value);
    if (engine.plan.label !== null) for (const value of entry.labelled) writer.value(value);
    if (hasLabel) writer.integer(labelTimeMs - eventTimeMs);
    if (labelKey !== null) writer.next(labelKey);
    before = entry;
  }
  writer.text(restOf(state));
}

/** Reads them into a state without events. */
export function unpackAccountEvents(reader: ByteReader, engine: FeatureEngine, state: FeatureState): void {
  const { plan, windowColumns } = engine;
  let offset = 0;
  let eventTimeMs = 0;
  for (let left = reader.natural(); left > 0; left--) {
    const flags = reader.natural();
    offset += reader.natural();
    eventTimeMs += reader.integer();
    const keys = plan.keys.map(() => textOrNull(reader.value()));
    const values = windowColumns.map(() => reader.value());
    const labelled = plan.label === null ? values : windowColumns.map(() => reader.value());
    const labelTimeMs = flags % 2 === 1 ? eventTimeMs + reader.integer() : Number.POSITIVE_INFINITY;
    const entry: Entry = { eventTimeMs, offset, values, labelled, labelTimeMs };
    if (flags >= 2) state.labelled.set(reader.next(), { entry, keys });
    keys.forEach((key, index) => key !== null && holdEntry(state, { key, index, entry }));
  }
  readRest(state, reader.text());
}

function heldEntries(engine: FeatureEngine, state: FeatureState, watermarkMs: number): Held[] {
  const held = new Map<Entry, Held>();
  const holdingOf = (entry: Entry): Held => {
    const known = held.get(entry) ?? { entry, keys: engine.plan.keys.map(() => null), labelKey: null };
    held.set(entry, known);
    return known;
  };
  state.keys.forEach((keyStates, index) => {
    const horizonMs = watermarkMs - engine.allowedLatenessMs - (engine.windows.reachMs[index] ?? 0);
    for (const [key, { entries }] of keyStates) {
      for (const entry of entries) if (entry.eventTimeMs > horizonMs) holdingOf(entry).keys[index] = key;
    }
  });
  const labelHorizonMs = watermarkMs - engine.allowedLatenessMs - engine.labelReachMs;
  for (const [labelKey, { entry }] of state.labelled) {
    if (entry.eventTimeMs > labelHorizonMs) holdingOf(entry).labelKey = labelKey;
  }
  return [...held.values()].toSorted((left, right) => left.entry.offset - right.entry.offset);
}

function holdEntry(
  state: FeatureState,
  { key, index, entry }: { readonly key: string; readonly index: number; readonly entry: Entry },
): void {
  const keyStates = state.keys[index]!;
  const keyState = keyStates.get(key) ?? createKeyState();
  keyStates.set(key, keyState);
  insertEntry(keyState, entry);
}

function textOrNull(value: Value): string | null {
  return value === null ? null : String(value);
}

/** What is rare: labels that wait for their events, and what full keys did not take. The empty text for nothing. */
type Rest = {
  readonly waiting: readonly (readonly [string, WaitingLabel[]])[];
  readonly timers: FeatureState['waitingUntil']['heap'];
  readonly gaps: readonly {
    readonly refused: number;
    readonly byKey: readonly (readonly [string, readonly KeyGap[]])[];
  }[];
};

function restOf({ waiting, waitingUntil, gaps }: FeatureState): string {
  const refused = gaps.some(({ byKey }) => byKey.size > 0);
  if (waiting.size === 0 && !refused) return '';
  const rest: Rest = {
    waiting: [...waiting],
    timers: waitingUntil.heap.filter(({ value }) => waiting.has(value.labelKey)),
    gaps: gaps.map((of) => ({ refused: of.refused, byKey: [...of.byKey] })),
  };
  return JSON.stringify(rest);
}

/** Items are written by this program alone: it is enough to tell the layout. */
function isRest(value: unknown): value is Rest {
  return typeof value === 'object' && value !== null && 'waiting' in value && 'timers' in value && 'gaps' in value;
}

function readRest(state: FeatureState, text: string): void {
  if (text === '') return;
  const rest: unknown = JSON.parse(text);
  if (!isRest(rest)) throw new TypeError('got another rest of an account, expected what `restOf` writes');
  for (const [labelKey, labels] of rest.waiting) state.waiting.set(labelKey, labels);
  const heap = rest.timers.toSorted(
    (left, right) => left.timeMs - right.timeMs || left.offset - right.offset || left.insertion - right.insertion,
  );
  state.waitingUntil.heap.push(...heap);
  state.waitingUntil.insertions = Math.max(-1, ...heap.map(({ insertion }) => insertion)) + 1;
  rest.gaps.forEach(({ refused, byKey }, index) => {
    const gaps = state.gaps[index]!;
    gaps.refused = refused;
    for (const [key, ofKey] of byKey) gaps.byKey.set(key, ofKey);
  });
}
