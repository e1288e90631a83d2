import type { AggregateSpec } from '../../core/engine/entry.ts';
import type { NaiveValue } from './naive-expression.ts';

/** An event of a window, with its input's value. */
export type NaiveSample = { readonly eventTimeMs: number; readonly value: NaiveValue };

/** Folds the events of a window, ordered by (event time, offset). */
export function foldSamples(kind: AggregateSpec['kind'], samples: readonly NaiveSample[], atMs: number): NaiveValue {
  if (kind === 'count') return samples.length;
  const values = samples.flatMap(({ value }) => (value === null ? [] : [value]));
  if (kind === 'sum') return sumOf(values.map(Number));
  if (kind === 'countDistinct') return new Set(values).size;
  const firstSample = samples[0];
  const lastSample = samples.at(-1);
  const [firstValue = null] = values;
  if (firstSample === undefined || lastSample === undefined || firstValue === null) return null;
  switch (kind) {
    case 'first':
      return firstValue;
    case 'last':
      return values.at(-1) ?? null;
    case 'sinceFirstMs':
      return atMs - firstSample.eventTimeMs;
    case 'sinceLastMs':
      return atMs - lastSample.eventTimeMs;
    case 'min':
      return Math.min(...values.map(Number));
    case 'max':
      return Math.max(...values.map(Number));
    case 'avg':
      return sumOf(values.map(Number)) / values.length;
    case 'median':
      return medianOf(values.map(Number));
    case 'stddev':
      return deviationOf(values.map(Number));
  }
}

function sumOf(values: readonly number[]): number {
  if (values.every(Number.isInteger)) return Number(values.reduce((sum, value) => sum + BigInt(value), 0n));
  return values.reduce((sum, value) => sum + value, 0);
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const lower = sorted[Math.ceil(values.length / 2) - 1] ?? Number.NaN;
  const upper = sorted[Math.floor(values.length / 2)] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** Of whole numbers exactly, with n^2 times the variance as one whole number. */
function deviationOf(values: readonly number[]): number {
  const count = values.length;
  if (!values.every(Number.isInteger)) {
    const mean = sumOf(values) / count;
    return Math.sqrt(sumOf(values.map((value) => (value - mean) ** 2)) / count);
  }
  const wholes = values.map(BigInt);
  const sum = wholes.reduce((total, whole) => total + whole, 0n);
  const squares = wholes.reduce((total, whole) => total + whole * whole, 0n);
  return Math.sqrt(Number(BigInt(count) * squares - sum * sum)) / count;
}
