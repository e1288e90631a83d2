import type { Value } from './aggregate.ts';
import { addToSketch, bucketScale, createSketch, mergeSketches, readQuantile, type DdSketch } from './dd-sketch.ts';
import {
  addFloat,
  addSquareOf,
  createFloatSum,
  mergeFloatSums,
  roundFloatSum,
  varianceOfFloats,
  type ExactFloatSum,
} from './exact-float-sum.ts';
import {
  addToHyperLogLog,
  createHyperLogLog,
  estimateDistinct,
  mergeHyperLogLogs,
  type HyperLogLog,
} from './hyper-log-log.ts';

/** What is kept of the events of a piece of time, from which results are read. Several results can share one. */
export type PartialSpec = {
  readonly kind: 'count' | 'sum' | 'moments' | 'extremes' | 'values' | 'distinct' | 'approximate' | 'ends' | 'sketch';
  /** Column numbers: of the input, null for `count`, and of the condition. */
  readonly input: number | null;
  readonly where: number | null;
  /** Of a `sketch`: the relative accuracy of its quantiles; of `approximate`: the precision of its registers. */
  readonly accuracy: number | null;
};

/** What is read off a partial. `quantile` is 0 to 1. */
export type ResultSpec =
  | { readonly kind: Exclude<ResultKind, 'quantile'>; readonly partial: number }
  | { readonly kind: 'quantile'; readonly partial: number; readonly quantile: number };

type ResultKind =
  | 'count'
  | 'sum'
  | 'avg'
  | 'min'
  | 'max'
  | 'stddev'
  | 'median'
  | 'countDistinct'
  | 'first'
  | 'last'
  | 'quantile';

/** A partial aggregate: what it gives does not depend on the order of events, nor on how partials were merged. Plain data. */
export type PartialAggregate =
  | { readonly kind: 'count'; count: number }
  | { readonly kind: 'sum'; count: number; readonly sum: ExactFloatSum }
  | { readonly kind: 'moments'; count: number; readonly sum: ExactFloatSum; readonly squares: ExactFloatSum }
  | { readonly kind: 'extremes'; min: number | null; max: number | null }
  | { readonly kind: 'values'; readonly values: number[] }
  | { readonly kind: 'distinct'; readonly values: Set<Exclude<Value, null>> }
  | { readonly kind: 'approximate'; readonly registers: HyperLogLog }
  | { readonly kind: 'ends'; first: Placed | null; last: Placed | null }
  | { readonly kind: 'sketch'; readonly accuracy: number; readonly sketch: DdSketch };

/** Where an event stands: time, then partition, then offset order the events of a key. */
export type Place = { readonly eventTimeMs: number; readonly partition: number; readonly offset: number };

type Placed = Place & { readonly value: Exclude<Value, null> };

/** An empty partial. */
export function createPartial({ kind, accuracy }: PartialSpec): PartialAggregate {
  switch (kind) {
    case 'count':
      return { kind, count: 0 };
    case 'sum':
      return { kind, count: 0, sum: createFloatSum() };
    case 'moments':
      return { kind, count: 0, sum: createFloatSum(), squares: createFloatSum() };
    case 'extremes':
      return { kind, min: null, max: null };
    case 'values':
      return { kind, values: [] };
    case 'distinct':
      return { kind, values: new Set() };
    case 'approximate':
      return { kind, registers: createHyperLogLog(accuracy ?? Number.NaN) };
    case 'ends':
      return { kind, first: null, last: null };
    case 'sketch':
      return { kind, accuracy: accuracy ?? Number.NaN, sketch: createSketch() };
  }
}

/** Adds an event, whose columns are given, to a partial: unless its condition is not true, or its input is null. */
export function addToPartial(
  partial: PartialAggregate,
  spec: PartialSpec,
  event: { readonly place: Place; readonly columns: readonly Value[] },
): void {
  const { place, columns } = event;
  if (spec.where !== null && columns[spec.where] !== 1) return;
  if (spec.input === null) {
    if (partial.kind === 'count') partial.count += 1;
    return;
  }
  const value = columns[spec.input] ?? null;
  if (value === null) return;
  // Adding 0 makes -0 a 0: they are one value.
  if (typeof value === 'number') addNumber(partial, value + 0, place);
  else addValue(partial, value, place);
}

/** Adds one partial to another of the same spec; the source stays as it is. */
export function mergePartials(target: PartialAggregate, source: PartialAggregate): void {
  if (target.kind === 'count' && source.kind === 'count') target.count += source.count;
  else if (target.kind === 'sum' && source.kind === 'sum') {
    target.count += source.count;
    mergeFloatSums(target.sum, source.sum);
  } else if (target.kind === 'moments' && source.kind === 'moments') {
    target.count += source.count;
    mergeFloatSums(target.sum, source.sum);
    mergeFloatSums(target.squares, source.squares);
  } else if (target.kind === 'extremes' && source.kind === 'extremes') {
    if (source.min !== null) addExtreme(target, source.min);
    if (source.max !== null) addExtreme(target, source.max);
  } else if (target.kind === 'values' && source.kind === 'values') {
    for (const value of source.values) target.values.push(value);
  } else if (target.kind === 'distinct' && source.kind === 'distinct') {
    for (const value of source.values) target.values.add(value);
  } else if (target.kind === 'approximate' && source.kind === 'approximate') {
    mergeHyperLogLogs(target.registers, source.registers);
  } else if (target.kind === 'ends' && source.kind === 'ends') {
    if (source.first !== null) addEnd(target, source.first);
    if (source.last !== null) addEnd(target, source.last);
  } else if (target.kind === 'sketch' && source.kind === 'sketch') mergeSketches(target.sketch, source.sketch);
  else throw new TypeError(`got a partial of ${source.kind}, expected ${target.kind}`);
}

/** The value of a result: count and sum are 0 over no events, the others null; null too where it is no finite number. */
export function readResult(partials: readonly PartialAggregate[], result: ResultSpec): Value {
  const partial = partials[result.partial];
  if (partial === undefined) throw new RangeError(`got partial ${result.partial}, expected below ${partials.length}`);
  const value = valueOf(partial, result);
  return typeof value === 'number' && !Number.isFinite(value) ? null : value;
}

/** How many single values a partial holds: those whose number grows with the events. */
export function valuesHeld(partial: PartialAggregate): number {
  if (partial.kind === 'values') return partial.values.length;
  return partial.kind === 'distinct' ? partial.values.size : 0;
}

function addNumber(partial: PartialAggregate, value: number, place: Place): void {
  switch (partial.kind) {
    case 'count':
      partial.count += 1;
      return;
    case 'sum':
      partial.count += 1;
      return addFloat(partial.sum, value);
    case 'moments':
      partial.count += 1;
      addFloat(partial.sum, value);
      return addSquareOf(partial.squares, value);
    case 'extremes':
      return addExtreme(partial, value);
    case 'values':
      partial.values.push(value);
      return;
    case 'sketch':
      return addToSketch(partial.sketch, value, scaleOf(partial.accuracy));
    case 'distinct':
    case 'approximate':
    case 'ends':
      return addValue(partial, value, place);
  }
}

function addValue(partial: PartialAggregate, value: Exclude<Value, null>, place: Place): void {
  switch (partial.kind) {
    case 'distinct':
      partial.values.add(value);
      return;
    case 'approximate':
      return addToHyperLogLog(partial.registers, value);
    case 'ends':
      return addEnd(partial, { ...place, value });
    default:
      throw new TypeError(`got the text of an input of ${partial.kind}, expected a number`);
  }
}

function addExtreme(extremes: Extract<PartialAggregate, { kind: 'extremes' }>, value: number): void {
  if (extremes.min === null || value < extremes.min) extremes.min = value;
  if (extremes.max === null || value > extremes.max) extremes.max = value;
}

function addEnd(ends: Extract<PartialAggregate, { kind: 'ends' }>, placed: Placed): void {
  if (ends.first === null || comparePlaces(placed, ends.first) < 0) ends.first = placed;
  if (ends.last === null || comparePlaces(placed, ends.last) > 0) ends.last = placed;
}

function comparePlaces(left: Place, right: Place): number {
  return left.eventTimeMs - right.eventTimeMs || left.partition - right.partition || left.offset - right.offset;
}

function valueOf(partial: PartialAggregate, result: ResultSpec): Value {
  switch (result.kind) {
    case 'count':
      if (partial.kind === 'count') return partial.count;
      break;
    case 'sum':
    case 'avg':
    case 'stddev':
      if (partial.kind === 'sum' || partial.kind === 'moments') return momentOf(partial, result.kind);
      break;
    case 'min':
    case 'max':
      if (partial.kind === 'extremes') return partial[result.kind];
      break;
    case 'first':
    case 'last':
      if (partial.kind === 'ends') return partial[result.kind]?.value ?? null;
      break;
    case 'median':
      if (partial.kind === 'values') return medianOf(partial.values);
      break;
    case 'countDistinct':
      if (partial.kind === 'distinct') return partial.values.size;
      if (partial.kind === 'approximate') return estimateDistinct(partial.registers);
      break;
    case 'quantile':
      if (partial.kind === 'sketch') return readQuantile(partial.sketch, result.quantile, scaleOf(partial.accuracy));
      break;
  }
  throw new TypeError(`got a partial of ${partial.kind}, which has no ${result.kind}`);
}

function momentOf(
  partial: Extract<PartialAggregate, { kind: 'sum' | 'moments' }>,
  kind: 'sum' | 'avg' | 'stddev',
): number | null {
  if (kind === 'sum') return roundFloatSum(partial.sum);
  if (partial.count === 0) return null;
  if (kind === 'avg') return roundFloatSum(partial.sum) / partial.count;
  if (partial.kind !== 'moments') throw new TypeError('got a partial of sum, which has no stddev');
  return Math.sqrt(varianceOfFloats(partial));
}

/** Of an even number the mean of the middle two. */
function medianOf(values: readonly number[]): number | null {
  const sorted = Float64Array.from(values).toSorted();
  const upper = sorted[sorted.length >> 1];
  if (upper === undefined || sorted.length % 2 === 1) return upper ?? null;
  return ((sorted[(sorted.length >> 1) - 1] ?? upper) + upper) / 2;
}

/** Scales by accuracy: each follows from its accuracy alone, so keeping them remembers nothing. */
const scales = new Map<number, ReturnType<typeof bucketScale>>();

function scaleOf(accuracy: number): ReturnType<typeof bucketScale> {
  let scale = scales.get(accuracy);
  if (scale === undefined) scales.set(accuracy, (scale = bucketScale(accuracy)));
  return scale;
}
