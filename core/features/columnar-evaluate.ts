import { foldSamples, reserveSamples } from '../engine/columnar-aggregate.ts';
import { hotMark, labelTimeMaxOf, pageOf, type KeyStore } from '../engine/columnar-keys.ts';
import { isInGap } from '../engine/key-gaps.ts';
import { recordOf } from '../engine/key-page.ts';
import { type HotKey } from '../engine/hot-key.ts';
import { allLabelsMs, clearTile } from '../engine/hot-key-tile.ts';
import { countOf, createDistinct, moveDistinct, type DistinctCursor } from '../engine/hot-key-distinct.ts';
import { addRange, countUpTo, findEntry, visitRange, type Visit } from '../engine/hot-key-range.ts';
import { localOf, segmentAt } from '../engine/slab.ts';
import type { AggregateEngine, Asking, ColumnarFeatures, KeyEngine } from './columnar-engine.ts';
import type { ColumnarFeatureState } from './columnar-state.ts';
import { isTimeSince, type ViewMoment } from './key-view.ts';

/** A row's inputs and where its values go: the fields at `fields[at...]`, the features at `values[to...]`. */
type Evaluated = {
  readonly fields: Float64Array;
  readonly at: number;
  readonly values: Float64Array;
  readonly to: number;
};

/**
 * The values of a row's features as `engine.scratch.asking` asks, by the keys in `engine.scratch.keys`, over the state as
 * it stands.
 */
export function evaluateRow(engine: ColumnarFeatures, state: ColumnarFeatureState, evaluated: Evaluated): void {
  const { keys, aggregates, asking, views } = engine.scratch;
  for (const keyEngine of engine.keys) {
    const key = keys[keyEngine.key]!;
    const view = views[keyEngine.key]!;
    if (view !== null) readMoment(keyEngine, view, aggregates);
    else if (key < 0 || isUnknown(state, keyEngine, { key, asking }))
      for (const { index, isText } of keyEngine.aggregates) aggregates[index] = isText ? -1 : Number.NaN;
    else readKey(engine, keyEngine, { store: state.keys[keyEngine.key]!, key, asking });
  }
  engine.evaluate(evaluated.fields, evaluated.at, aggregates, evaluated.values, evaluated.to);
}

/** The values of a key's aggregates as `engine.scratch.asking` asks, over the state as it stands, into `aggregates`. */
export function evaluateKey(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  { keyEngine, key }: { readonly keyEngine: KeyEngine; readonly key: number },
): void {
  const { asking, aggregates } = engine.scratch;
  if (isUnknown(state, keyEngine, { key, asking }))
    for (const { index } of keyEngine.aggregates) aggregates[index] = Number.NaN;
  else readKey(engine, keyEngine, { store: state.keys[keyEngine.key]!, key, asking });
}

/** What a view says; times since an event have gone on since its moment. */
function readMoment({ aggregates: ofKey }: KeyEngine, moment: ViewMoment, aggregates: Float64Array): void {
  const { values, from, sinceMs } = moment;
  for (let number = 0; number < ofKey.length; number++) {
    const { index, spec } = ofKey[number]!;
    aggregates[index] = values[from + number]! + (isTimeSince(spec) ? sinceMs : 0);
  }
}

/** Does the key lack events that it did not take, since it was full? */
function isUnknown(
  state: ColumnarFeatureState,
  { key: number, reachMs }: KeyEngine,
  { key, asking }: { readonly key: number; readonly asking: Asking },
): boolean {
  const gaps = state.gaps[number]!;
  if (gaps.byKey.size === 0) return false;
  const horizonMs = asking.horizonMs - reachMs;
  return isInGap(gaps, key, { timeMs: asking.timeMs, reachMs, horizonMs });
}

type Asked = { readonly store: KeyStore; readonly key: number; readonly asking: Asking };

/** Entries of one block, or a tree of them. */
type Place =
  | { readonly kind: 'block'; readonly position: number; readonly count: number }
  | { readonly kind: 'tree'; readonly hot: HotKey };

function readKey(engine: ColumnarFeatures, keyEngine: KeyEngine, { store, key, asking }: Asked): void {
  const { aggregates } = engine.scratch;
  const records = pageOf(store, key)?.records;
  const at = recordOf(key);
  const head = records === undefined ? 0 : records[at + 1]!;
  if (head === hotMark) {
    readTree(engine, keyEngine, { store, asking, key, hot: store.hot[records![at]!]! });
    return;
  }
  const position = records === undefined || head === 0 ? 0 : records[at]!;
  if (asking.selfIs === 'inside' && head !== 0) {
    const { f64, i32 } = segmentAt(store.slab, position);
    const from = localOf(position);
    const { timeMs, self, labelsUntilMs } = asking;
    if (keyEngine.fold(f64, i32, from, from + (head >> 8), timeMs, self, labelsUntilMs, aggregates)) return;
  }
  const place: Place = { kind: 'block', position, count: head >> 8 };
  for (const aggregate of keyEngine.aggregates) {
    aggregates[aggregate.index] = foldWindow(engine, keyEngine, { aggregate, store, place, asking });
  }
}

type AskedTree = Asked & { readonly hot: HotKey };

/** A busy key: tiles where they say it, running counts of different values, and else the entries one by one. */
function readTree(engine: ColumnarFeatures, keyEngine: KeyEngine, asked: AskedTree): void {
  const { store, key, asking } = asked;
  const { aggregates } = engine.scratch;
  // Tiles and running counts know all labels; a settled value may see those up to its time alone.
  const hidesLabels = asking.labelsUntilMs < labelTimeMaxOf(store, key);
  for (const window of keyEngine.windows) {
    if (window.tiled.length > 0) addWindow(keyEngine, window, asked);
    for (const aggregate of window.tiled) {
      const isHidden = hidesLabels && aggregate.spec.usesLabel;
      const value = isHidden ? 'fold' : (aggregate.tile?.(keyEngine.tile) ?? 'fold');
      aggregates[aggregate.index] = value === 'fold' ? foldTree(engine, keyEngine, { asked, aggregate }) : value;
    }
    for (const aggregate of window.others) {
      const isRunning = aggregate.cursor >= 0 && asking.selfIs === 'inside';
      const isHidden = hidesLabels && aggregate.spec.usesLabel;
      aggregates[aggregate.index] =
        isRunning && !isHidden
          ? readDistinct(engine, keyEngine, { asked, aggregate })
          : foldTree(engine, keyEngine, { asked, aggregate });
    }
  }
}

function addWindow(
  keyEngine: KeyEngine,
  { overMs, delayedByMs }: { readonly overMs: number; readonly delayedByMs: number },
  { store, asking, hot }: AskedTree,
): void {
  const { tile, store: plan, self } = keyEngine;
  const untilMs = asking.timeMs - delayedByMs;
  const sinceMs = sinceOf(keyEngine, asking, untilMs - overMs);
  clearTile(plan.tiles, tile, 0);
  const isOpenEnded = untilMs >= hot.newestMs;
  const range = { sinceMs, untilMs, self: asking.self, labelsUntilMs: asking.labelsUntilMs, isOpenEnded };
  addRange(store.slab, plan.tiles, hot.root, range, tile);
  if (asking.selfIs === 'inside' || delayedByMs > 0) return;
  plan.tiles.accumulate(self.f64, self.i32, 0, 1, asking.self, asking.labelsUntilMs, tile);
}

type OfTree = { readonly asked: AskedTree; readonly aggregate: AggregateEngine };

function readDistinct(engine: ColumnarFeatures, keyEngine: KeyEngine, { asked, aggregate }: OfTree): number {
  const { store, asking, hot } = asked;
  const { spec, cursor: number } = aggregate;
  const slot = asking.labelsUntilMs === allLabelsMs ? number : number + 1;
  const { counts } = moveCursor(engine, { store, hot, aggregate, slot }, asking.timeMs);
  if (!spec.excludeSelf || spec.delayedByMs > 0) return counts.distinct;
  const entry = { timeMs: asking.timeMs, offset: asking.self, depth: 0 };
  const position = findEntry(store.slab, keyEngine.store.tiles, hot.root, entry);
  if (position < 0) return counts.distinct;
  const values = readEntry(engine, { store, aggregate, position });
  return counts.distinct - (values.length === 1 && countOf(counts, values[0]!) === 1 ? 1 : 0);
}

/** The sample of one entry, as running counts hold it: none or one. */
export function readEntry(
  engine: ColumnarFeatures,
  entry: { readonly store: KeyStore; readonly aggregate: AggregateEngine; readonly position: number },
): Float64Array {
  const { store, aggregate, position } = entry;
  const { f64, i32 } = segmentAt(store.slab, position);
  const local = localOf(position);
  const values = reserveSamples(engine.scratch.samples, 1);
  return values.subarray(0, aggregate.gatherAll(f64, i32, local, local + 1, 0, allLabelsMs, values, 0));
}

/** Moves a running countDistinct to the moment `timeMs`. */
export function moveCursor(
  engine: ColumnarFeatures,
  running: {
    readonly store: KeyStore;
    readonly hot: HotKey;
    readonly aggregate: AggregateEngine;
    readonly slot: number;
  },
  timeMs: number,
): DistinctCursor {
  const { store, hot, aggregate, slot } = running;
  const { spec, gatherAll } = aggregate;
  const { samples } = engine.scratch;
  const cursor = (hot.distinct[slot] ??= createDistinct());
  const untilMs = timeMs - spec.delayedByMs;
  const read = (f64: Float64Array, i32: Int32Array, from: number, until: number): number =>
    gatherAll(f64, i32, from, until, 0, allLabelsMs, reserveSamples(samples, until - from), 0);
  moveDistinct(cursor, { slab: store.slab, root: hot.root, read, values: samples }, untilMs - spec.overMs, untilMs);
  return cursor;
}

function foldTree(engine: ColumnarFeatures, keyEngine: KeyEngine, { asked, aggregate }: OfTree): number {
  const { store, asking, hot } = asked;
  return foldWindow(engine, keyEngine, { aggregate, store, place: { kind: 'tree', hot }, asking });
}

type OfWindow = {
  readonly aggregate: AggregateEngine;
  readonly store: KeyStore;
  readonly place: Place;
  readonly asking: Asking;
};

/** The obvious way: the window's samples, one by one. */
function foldWindow(
  engine: ColumnarFeatures,
  keyEngine: KeyEngine,
  { aggregate, store, place, asking }: OfWindow,
): number {
  const { spec, gather, isText } = aggregate;
  const { samples } = engine.scratch;
  const { self, labelsUntilMs } = asking;
  const untilMs = asking.timeMs - spec.delayedByMs;
  const sinceMs = sinceOf(keyEngine, asking, untilMs - spec.overMs);
  let count = 0;
  const read: Visit = (f64, i32, from, until) => {
    count = gather(f64, i32, from, until, self, labelsUntilMs, reserveSamples(samples, count + until - from), count);
    return count >= 0;
  };
  const isOldestWanted = spec.kind === 'first' || spec.kind === 'sinceFirstMs';
  let isOpen = true;
  if (asking.selfIs === 'outside' && spec.delayedByMs === 0)
    isOpen = read(keyEngine.self.f64, keyEngine.self.i32, 0, 1);
  else if (isOldestWanted && spec.sinceLast === null && place.kind === 'tree') {
    const readOldest: Visit = (f64, i32, from, until) => read(f64, i32, from, until) && count === 0;
    visitRange(store.slab, place.hot.root, { sinceMs, untilMs, order: 'oldestFirst' }, readOldest);
    isOpen = false;
  }
  if (isOpen && place.kind === 'tree') {
    visitRange(store.slab, place.hot.root, { sinceMs, untilMs, order: 'newestFirst' }, read);
  } else if (isOpen && place.kind === 'block' && place.count > 0) {
    const { f64, i32 } = segmentAt(store.slab, place.position);
    const { strideWords } = store.slab;
    const start = localOf(place.position);
    const from = countUpTo(f64, strideWords, { from: start, until: start + place.count, timeMs: sinceMs });
    read(f64, i32, from, countUpTo(f64, strideWords, { from, until: start + place.count, timeMs: untilMs }));
  }
  if (count < 0) count = -1 - count;
  return foldSamples(spec.kind, samples.f64, { count, atMs: asking.timeMs, isText });
}

/** What a too-late event may no longer see is forgotten, whether it is still held or not. */
function sinceOf({ reachMs }: KeyEngine, { selfIs, horizonMs }: Asking, sinceMs: number): number {
  return selfIs === 'outside' ? Math.max(sinceMs, horizonMs - reachMs) : sinceMs;
}
