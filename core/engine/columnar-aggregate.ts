import type { AggregateKind } from './aggregate.ts';
import { addExact, squareExact, varianceExact, type ExactInteger } from './exact-sum.ts';

/** The samples of a window, the newest first: `values.f64[0, count)`. The array is replaced by a larger one when needed. */
export type Samples = { f64: Float64Array };

/** Makes room for samples `[0, count)`. */
export function reserveSamples(samples: Samples, count: number): Float64Array {
  if (count > samples.f64.length) {
    const grown = new Float64Array(Math.max(count, samples.f64.length * 2));
    grown.set(samples.f64);
    samples.f64 = grown;
  }
  return samples.f64;
}

/**
 * Folds samples into the aggregate's value exactly as `foldAggregate` does; NaN is null. First and last give the sample
 * itself, `sinceFirstMs` and `sinceLastMs` expect event times as samples.
 */
export function foldSamples(
  kind: AggregateKind,
  values: Float64Array,
  { count, atMs, isText }: { readonly count: number; readonly atMs: number; readonly isText: boolean },
): number {
  if (kind === 'count') return count;
  if (kind === 'countDistinct') return new Set(values.subarray(0, count)).size;
  if (kind === 'sum' || kind === 'avg' || kind === 'stddev') return foldMoments(kind, values, count);
  if (count === 0) return isText ? -1 : Number.NaN;
  switch (kind) {
    case 'first':
      return values[count - 1]!;
    case 'last':
      return values[0]!;
    case 'sinceFirstMs':
      return atMs - values[count - 1]!;
    case 'sinceLastMs':
      return atMs - values[0]!;
    case 'min':
    case 'max':
      return foldExtreme(kind, values, count);
    case 'median':
      return foldMedian(values, count);
  }
}

/** The standard deviation of `count` whole numbers from their exact sums: with BigInts where doubles are too short. */
export function deviationOf(count: number, sum: ExactInteger, sumOfSquares: ExactInteger): number {
  if (typeof sum === 'number' && typeof sumOfSquares === 'number') {
    const left = count * sumOfSquares;
    const right = sum * sum;
    const isExact = left <= Number.MAX_SAFE_INTEGER && right <= Number.MAX_SAFE_INTEGER;
    if (isExact) return Math.sqrt((left - right) / (count * count));
  }
  return Math.sqrt(varianceExact(count, sum, sumOfSquares));
}

/** The median of `values[0, count)`, whose order it changes. */
export function foldMedian(values: Float64Array, count: number): number {
  if (count === 0) return Number.NaN;
  const sorted = values.subarray(0, count).sort();
  const middle = count >> 1;
  return count % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Sums, means and deviations: exact over whole numbers, else in order of time. */
export function foldMoments(kind: 'sum' | 'avg' | 'stddev', values: Float64Array, count: number): number {
  for (let index = 0; index < count; index++) {
    if (!Number.isInteger(values[index])) return foldFloats(kind, values, count);
  }
  let sum: ExactInteger = 0;
  let sumOfSquares: ExactInteger = 0;
  for (let index = 0; index < count; index++) {
    const value = values[index]!;
    sum = addExact(sum, value);
    if (kind === 'stddev') sumOfSquares = addExact(sumOfSquares, squareExact(value));
  }
  if (kind === 'sum') return Number(sum);
  if (count === 0) return Number.NaN;
  return kind === 'avg' ? Number(sum) / count : Math.sqrt(varianceExact(count, sum, sumOfSquares));
}

function foldFloats(kind: 'sum' | 'avg' | 'stddev', values: Float64Array, count: number): number {
  let sum = 0;
  for (let index = count - 1; index >= 0; index--) sum += values[index]!;
  if (kind === 'sum') return sum;
  const mean = sum / count;
  if (kind === 'avg') return mean;
  let squares = 0;
  for (let index = count - 1; index >= 0; index--) squares += (values[index]! - mean) ** 2;
  return Math.sqrt(squares / count);
}

function foldExtreme(kind: 'min' | 'max', values: Float64Array, count: number): number {
  let best = values[0]!;
  for (let index = 1; index < count; index++) {
    const value = values[index]!;
    if (kind === 'min' ? value < best : value > best) best = value;
  }
  return best;
}
