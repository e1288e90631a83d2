import { addExact, squareExact, subtractExact, varianceExact, type ExactInteger } from './exact-sum.ts';

/** What an expression over an event gives; booleans are 0 and 1. */
export type Value = number | string | null;

export type AggregateKind =
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
  | 'sinceFirstMs'
  | 'sinceLastMs';

/** An event as a window sees it: its time, and its input to the aggregate (null inputs never get here but to count). */
export type Sample = { readonly eventTimeMs: number; readonly value: Value };

/**
 * Folds the samples of a window, in order of (time, offset), into the aggregate's value: the obvious way, and the only
 * one for aggregates that cannot take an event back. `atMs` is the time of the event that asks, in milliseconds.
 * A window without samples gives count 0, sum 0 and null for the others.
 */
export function foldAggregate(kind: AggregateKind, samples: readonly Sample[], atMs: number): Value {
  const present = kind === 'count' ? samples : samples.filter((sample) => sample.value !== null);
  switch (kind) {
    case 'count':
      return present.length;
    case 'countDistinct':
      return new Set(present.map((sample) => sample.value)).size;
    case 'sum':
    case 'avg':
    case 'stddev':
      return foldMoments(kind, present);
    case 'min':
    case 'max':
    case 'median':
      return foldOrder(kind, present);
    case 'first':
    case 'last':
      return present.at(kind === 'first' ? 0 : -1)?.value ?? null;
    case 'sinceFirstMs':
    case 'sinceLastMs':
      return since(present.at(kind === 'sinceFirstMs' ? 0 : -1), atMs);
  }
}

/** Running sums of integers; every field is exact, so an event that leaves is taken back without a trace. */
export type Moments = { count: number; sum: ExactInteger; sumOfSquares: ExactInteger };

export function emptyMoments(): Moments {
  return { count: 0, sum: 0, sumOfSquares: 0 };
}

/** Adds an integer to the running sums, or takes it back. Squares only where the aggregate needs them. */
export function addToMoments(moments: Moments, value: number, squares: 'withSquares' | 'sumOnly'): void {
  moments.count++;
  moments.sum = addExact(moments.sum, value);
  if (squares === 'withSquares') moments.sumOfSquares = addExact(moments.sumOfSquares, squareExact(value));
}

export function takeFromMoments(moments: Moments, value: number, squares: 'withSquares' | 'sumOnly'): void {
  moments.count--;
  moments.sum = subtractExact(moments.sum, value);
  if (squares === 'withSquares') moments.sumOfSquares = subtractExact(moments.sumOfSquares, squareExact(value));
}

/** The value of a sum, a mean or a population standard deviation from its running sums. */
export function valueOfMoments(kind: 'sum' | 'avg' | 'stddev', moments: Moments): number | null {
  if (kind === 'sum') return Number(moments.sum);
  if (moments.count === 0) return null;
  if (kind === 'avg') return Number(moments.sum) / moments.count;
  return Math.sqrt(varianceExact(moments.count, moments.sum, moments.sumOfSquares));
}

function foldMoments(kind: 'sum' | 'avg' | 'stddev', samples: readonly Sample[]): number | null {
  const values = samples.map((sample) => Number(sample.value));
  if (!values.every(Number.isInteger)) return foldFloats(kind, values);
  const moments = emptyMoments();
  for (const value of values) addToMoments(moments, value, 'withSquares');
  return valueOfMoments(kind, moments);
}

function foldFloats(kind: 'sum' | 'avg' | 'stddev', values: readonly number[]): number | null {
  const sum = values.reduce((total, value) => total + value, 0);
  if (kind === 'sum') return sum;
  if (values.length === 0) return null;
  const mean = sum / values.length;
  if (kind === 'avg') return mean;
  const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  return Math.sqrt(squares / values.length);
}

function foldOrder(kind: 'min' | 'max' | 'median', samples: readonly Sample[]): number | null {
  const sorted = samples.map((sample) => Number(sample.value)).toSorted((left, right) => left - right);
  if (kind === 'min') return sorted[0] ?? null;
  if (kind === 'max') return sorted.at(-1) ?? null;
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) return null;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

function since(sample: Sample | undefined, atMs: number): number | null {
  return sample === undefined ? null : atMs - sample.eventTimeMs;
}
