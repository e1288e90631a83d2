import { hotMark, pageOf } from '../engine/columnar-keys.ts';
import { allLabelsMs } from '../engine/hot-key-tile.ts';
import { visitRange, type Visit } from '../engine/hot-key-range.ts';
import { recordOf } from '../engine/key-page.ts';
import { localOf, segmentAt } from '../engine/slab.ts';
import type { ColumnarFeatures, KeyEngine } from './columnar-engine.ts';
import { evaluateKey } from './columnar-evaluate.ts';
import type { ColumnarFeatureState } from './columnar-state.ts';
import { isTimeSince, type KeyView } from './key-view.ts';

/** A key with few entries has a moment for each change of its windows; a busy one has moments further and further apart. */
const momentsMax = 32;
const firstStep = 1 / 16;
const growth = 1.5;

/**
 * What the windows of one of the state's keys say from an event time on, if nothing more comes. Exact at every time where
 * the windows change at most `momentsMax` times; else the moments are a sixteenth of the shortest window apart at first,
 * and half as far again each time.
 */
export function viewOf(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  asked: { readonly keyEngine: KeyEngine; readonly key: number; readonly fromMs: number },
): Omit<KeyView, 'offset'> {
  const { keyEngine, key, fromMs } = asked;
  const { asking, aggregates } = engine.scratch;
  const moments = [fromMs, ...(changesOf(state, asked) ?? stepsOf(keyEngine).map((step) => fromMs + step))];
  asking.self = Number.NaN;
  asking.labelsUntilMs = allLabelsMs;
  asking.selfIs = 'inside';
  asking.horizonMs = Number.NEGATIVE_INFINITY;
  const width = keyEngine.aggregates.length;
  const momentMs = new Float64Array(moments.length);
  const values = new Float64Array(moments.length * width);
  let count = 0;
  for (const timeMs of moments) {
    asking.timeMs = timeMs;
    evaluateKey(engine, state, { keyEngine, key });
    keyEngine.aggregates.forEach(({ index }, number) => (values[count * width + number] = aggregates[index]!));
    momentMs[count] = timeMs;
    if (count === 0 || !isAsBefore(keyEngine, { momentMs, values, count })) count++;
  }
  return { momentMs: momentMs.slice(0, count), values: values.slice(0, count * width) };
}

/** When entries enter and leave windows after a time; null where that is too often. */
function changesOf(
  state: ColumnarFeatureState,
  { keyEngine, key, fromMs }: Parameters<typeof viewOf>[2],
): readonly number[] | null {
  const store = state.keys[keyEngine.key]!;
  const { strideWords } = store.slab;
  const changes = new Set<number>();
  const note: Visit = (f64, _i32, from, until) => {
    for (let entry = from; entry < until && changes.size < momentsMax; entry++) {
      for (const { overMs, delayedByMs } of keyEngine.windows) {
        const entersMs = f64[entry * strideWords]! + delayedByMs;
        if (entersMs > fromMs) changes.add(entersMs);
        if (entersMs + overMs > fromMs) changes.add(entersMs + overMs);
      }
    }
    return changes.size < momentsMax;
  };
  const records = pageOf(store, key)?.records;
  const head = records === undefined ? 0 : records[recordOf(key) + 1]!;
  const block = records === undefined ? 0 : records[recordOf(key)]!;
  if (head === hotMark) {
    const range = { sinceMs: fromMs - keyEngine.reachMs, untilMs: Number.MAX_VALUE, order: 'newestFirst' } as const;
    visitRange(store.slab, store.hot[block]!.root, range, note);
  } else if (head !== 0) {
    const { f64, i32 } = segmentAt(store.slab, block);
    note(f64, i32, localOf(block), localOf(block) + (head >> 8));
  }
  return changes.size >= momentsMax ? null : [...changes].toSorted((left, right) => left - right);
}

/** How long after its first moment a busy key's view has its others: until all of its windows are empty. */
function stepsOf({ windows, reachMs }: KeyEngine): readonly number[] {
  const steps: number[] = [];
  let step = Math.ceil(Math.min(...windows.map(({ overMs }) => overMs)) * firstStep);
  for (; step < reachMs; step = Math.ceil(step * growth)) steps.push(step);
  return [...steps, reachMs];
}

type Written = { readonly momentMs: Float64Array; readonly values: Float64Array; readonly count: number };

/** Says a moment just what the one before it says? */
function isAsBefore({ aggregates }: KeyEngine, { momentMs, values, count }: Written): boolean {
  const width = aggregates.length;
  const goneMs = momentMs[count]! - momentMs[count - 1]!;
  return aggregates.every(({ spec }, number) => {
    const before = values[(count - 1) * width + number]! + (isTimeSince(spec) ? goneMs : 0);
    return Object.is(before, values[count * width + number]!);
  });
}
