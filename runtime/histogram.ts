/**
 * Counts of whole numbers from 0 to 2^32 - 1 in buckets that grow with the value: exact below 128, then 64 to a power of
 * two, so that a quantile is at most 1/64 too high. Plain data: histograms of several hosts or threads can be merged.
 */
export type Histogram = {
  readonly buckets: Float64Array;
  count: number;
  /** Null while nothing was recorded; the largest is exact. */
  max: number | null;
};

const exactBelow = 128;
const bucketsOfPower = exactBelow / 2;
const valueMax = 2 ** 32 - 1;
const bucketCount = bucketOf(valueMax) + 1;

/** A histogram that has seen nothing. */
export function createHistogram(): Histogram {
  return { buckets: new Float64Array(bucketCount), count: 0, max: null };
}

/** Records a value `times` times. A fraction is rounded, a value beyond the range counts as its nearest end. */
export function record(histogram: Histogram, { value, times = 1 }: { value: number; times?: number }): void {
  const whole = Math.min(Math.max(Math.round(value), 0), valueMax);
  const bucket = bucketOf(whole);
  histogram.buckets[bucket] = (histogram.buckets[bucket] ?? 0) + times;
  histogram.count += times;
  histogram.max = Math.max(histogram.max ?? 0, whole);
}

/** Adds everything that another histogram has recorded. */
export function merge(histogram: Histogram, other: Histogram): void {
  other.buckets.forEach((times, bucket) => {
    histogram.buckets[bucket] = (histogram.buckets[bucket] ?? 0) + times;
  });
  histogram.count += other.count;
  if (other.max !== null) histogram.max = Math.max(histogram.max ?? 0, other.max);
}

/** The value that a share in (0, 1] of all recorded ones does not exceed; null when nothing was recorded. O(buckets). */
export function quantile(histogram: Histogram, share: number): number | null {
  if (histogram.max === null) return null;
  const rank = Math.max(1, Math.ceil(share * histogram.count));
  let seen = 0;
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    seen += histogram.buckets[bucket] ?? 0;
    if (seen >= rank) return Math.min(largestOf(bucket), histogram.max);
  }
  return histogram.max;
}

/** Below 128 the value itself; above, the power of two and its next six bits. */
function bucketOf(value: number): number {
  if (value < exactBelow) return value;
  const shift = 31 - Math.clz32(value) - 6;
  return shift * bucketsOfPower + (value >>> shift);
}

function largestOf(bucket: number): number {
  if (bucket < exactBelow) return bucket;
  const shift = Math.floor(bucket / bucketsOfPower) - 1;
  return ((bucket % bucketsOfPower) + bucketsOfPower + 1) * 2 ** shift - 1;
}
