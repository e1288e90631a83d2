/**
 * A sketch of numbers that answers quantiles within a relative accuracy: DDSketch (https://arxiv.org/abs/1908.10693).
 * What it holds depends on the numbers alone, not on their order or on how sketches were merged. Plain data.
 */
export type DdSketch = {
  /** How many numbers by bucket of their magnitude, for numbers above and below 0. */
  readonly positive: Map<number, number>;
  readonly negative: Map<number, number>;
  /** Numbers nearer to 0 than the smallest normal double, 2^-1022, and 0 itself. */
  zeros: number;
  count: number;
  /** The highest bucket of each sign; -Infinity where there is none. Buckets `bucketsMax` below it are joined to one. */
  positiveTop: number;
  negativeTop: number;
  /** Infinity and -Infinity of an empty sketch. */
  min: number;
  max: number;
};

/** How numbers fall into buckets: follows from the relative accuracy alone. */
export type BucketScale = {
  readonly relativeAccuracy: number;
  /** Buckets for each doubling of a number. */
  readonly bucketsPerDoubling: number;
};

/** The most buckets of one sign: at an accuracy of 1 % numbers within a factor of 2.7e16 keep theirs. */
export const bucketsMax = 2048;

/** The scale of a relative accuracy above 0 and below 1. Throws on any other. */
export function bucketScale(relativeAccuracy: number): BucketScale {
  if (!(relativeAccuracy > 0 && relativeAccuracy < 1)) {
    throw new RangeError(`got the relative accuracy ${relativeAccuracy}, expected above 0 and below 1, such as 0.01`);
  }
  // The interpolated logarithm rises by at least 4/3 for each unit of the natural one, whose bucket is ln(gamma) wide.
  const bucketWidth = Math.log1p(relativeAccuracy) - Math.log1p(-relativeAccuracy);
  return { relativeAccuracy, bucketsPerDoubling: 3 / (4 * bucketWidth) };
}

/** The empty sketch. */
export function createSketch(): DdSketch {
  return {
    positive: new Map(),
    negative: new Map(),
    zeros: 0,
    count: 0,
    positiveTop: Number.NEGATIVE_INFINITY,
    negativeTop: Number.NEGATIVE_INFINITY,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
  };
}

/** Adds a finite number. */
export function addToSketch(sketch: DdSketch, value: number, scale: BucketScale): void {
  // Adding 0 makes -0 a 0, so that the smallest and the largest have one form.
  sketch.min = Math.min(sketch.min, value + 0);
  sketch.max = Math.max(sketch.max, value + 0);
  sketch.count += 1;
  const magnitude = Math.abs(value);
  if (magnitude < smallestNormal) sketch.zeros += 1;
  else addToSide(sketch, value > 0 ? 'positive' : 'negative', { bucket: bucketOf(magnitude, scale), count: 1 });
}

/** Adds one sketch to another of the same scale; the source stays as it is. */
export function mergeSketches(target: DdSketch, source: DdSketch): void {
  target.count += source.count;
  target.zeros += source.zeros;
  target.min = Math.min(target.min, source.min);
  target.max = Math.max(target.max, source.max);
  for (const side of ['positive', 'negative'] as const) {
    for (const [bucket, count] of source[side]) addToSide(target, side, { bucket, count });
  }
}

/**
 * The number at rank `floor(quantile * (count - 1))` of those added, in order: within the relative accuracy, never outside
 * of the smallest and the largest, and these exactly at the first and the last rank. Null of an empty sketch. `quantile`
 * is 0 to 1. Takes O(b log b) for b buckets.
 */
export function readQuantile(sketch: DdSketch, quantile: number, scale: BucketScale): number | null {
  if (sketch.count === 0) return null;
  const rank = Math.floor(quantile * (sketch.count - 1));
  if (rank <= 0) return sketch.min;
  if (rank >= sketch.count - 1) return sketch.max;
  const value = valueAtRank(sketch, rank, scale);
  return Math.min(Math.max(value, sketch.min), sketch.max);
}

/**
 * The bucket of a normal positive double. The logarithm is interpolated by a parabola between powers of two, so that only
 * additions and products are needed: every engine with IEEE doubles finds the same bucket, and quickly.
 */
export function bucketOf(magnitude: number, scale: BucketScale): number {
  bits.setFloat64(0, magnitude);
  const high = bits.getInt32(0);
  bits.setInt32(0, (high & 0xf_ffff) | 0x3ff0_0000);
  const mantissa = bits.getFloat64(0);
  const logarithm = (high >> 20) - 1023 + ((2 - mantissa / 3) * mantissa - 5 / 3);
  return Math.floor(logarithm * scale.bucketsPerDoubling);
}

/** The number that stands for a bucket: at most the relative accuracy from each number in it. */
export function bucketValue(bucket: number, scale: BucketScale): number {
  const logarithm = bucket / scale.bucketsPerDoubling;
  const exponent = Math.floor(logarithm);
  const mantissa = 3 - Math.sqrt(4 - 3 * (logarithm - exponent));
  // The lowest bucket begins below the smallest normal double.
  const lowest = exponent < -1022 ? smallestNormal : mantissa * powerOfTwo(exponent);
  return lowest * (1 + scale.relativeAccuracy);
}

const smallestNormal = 2 ** -1022;
/** Written before each read: nothing is remembered in it. */
const bits = new DataView(new ArrayBuffer(8));

type Side = 'positive' | 'negative';
type Load = { readonly bucket: number; readonly count: number };

/** Adds to a bucket; the ones too far below the highest are joined to the lowest that is kept. */
function addToSide(sketch: DdSketch, side: Side, { bucket, count }: Load): void {
  const buckets = sketch[side];
  const top = side === 'positive' ? sketch.positiveTop : sketch.negativeTop;
  if (bucket > top) {
    if (side === 'positive') sketch.positiveTop = bucket;
    else sketch.negativeTop = bucket;
    joinLowest(buckets, bucket - bucketsMax + 1);
  }
  const kept = Math.max(bucket, top - bucketsMax + 1);
  buckets.set(kept, (buckets.get(kept) ?? 0) + count);
}

function joinLowest(buckets: Map<number, number>, lowest: number): void {
  for (const [bucket, count] of buckets) {
    if (bucket >= lowest) continue;
    buckets.delete(bucket);
    buckets.set(lowest, (buckets.get(lowest) ?? 0) + count);
  }
}

/** Counts up from the lowest number: negative buckets from the largest magnitude, zeros, positive ones. */
function valueAtRank(sketch: DdSketch, rank: number, scale: BucketScale): number {
  let seen = 0;
  for (const [bucket, count] of [...sketch.negative].toSorted(([left], [right]) => right - left)) {
    seen += count;
    if (seen > rank) return -bucketValue(bucket, scale);
  }
  seen += sketch.zeros;
  if (seen > rank) return 0;
  for (const [bucket, count] of [...sketch.positive].toSorted(([left], [right]) => left - right)) {
    seen += count;
    if (seen > rank) return bucketValue(bucket, scale);
  }
  throw new RangeError(`got rank ${rank}, expected below ${sketch.count}`);
}

function powerOfTwo(exponent: number): number {
  bits.setInt32(0, (exponent + 1023) << 20);
  bits.setInt32(4, 0);
  return bits.getFloat64(0);
}
