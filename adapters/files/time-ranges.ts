/** Where in a head a list of ranges of time begins: how many numbers follow, then the start and the end of each range. */
export type RangesPlace = { readonly head: Float64Array; readonly at: number };

/**
 * Covers times, in milliseconds, by ranges `[startMs, endMs)` of whole steps, ascending, apart from each other, the two
 * numbers of each in turn. Where there would be more than `rangesMax`, the narrowest gaps between them are covered too.
 */
export function rangesOf(
  timesMs: Iterable<number>,
  { stepMs, rangesMax }: { readonly stepMs: number; readonly rangesMax: number },
): number[] {
  const steps = new Set<number>();
  let last = Number.NaN;
  for (const timeMs of timesMs) {
    const step = Math.floor(timeMs / stepMs);
    if (step !== last) steps.add(step);
    last = step;
  }
  const sorted = Float64Array.from(steps).sort();
  const gaps = sorted.subarray(1).map((step, index) => step - sorted[index]! - 1);
  const coveredGap = Math.max(0, gaps.toSorted().at(-rangesMax) ?? 0);
  const ranges: number[] = [];
  for (const [index, step] of sorted.entries()) {
    if (index === 0 || gaps[index - 1]! > coveredGap) ranges.push(step * stepMs, (step + 1) * stepMs);
    else ranges[ranges.length - 1] = (step + 1) * stepMs;
  }
  return ranges;
}

/** Whether one of the ranges holds a time. */
export function holdsTime({ head, at }: RangesPlace, timeMs: number): boolean {
  const end = afterRanges({ head, at });
  if (end === at + 1 || timeMs >= head[end - 1]!) return false;
  for (let place = at + 1; place < end && head[place]! <= timeMs; place += 2) {
    if (timeMs < head[place + 1]!) return true;
  }
  return false;
}

/** The end of the last range; -Infinity when there is none. */
export function lastEndMs({ head, at }: RangesPlace): number {
  return head[at]! === 0 ? Number.NEGATIVE_INFINITY : head[afterRanges({ head, at }) - 1]!;
}

/** Where in the head the ranges end. */
export function afterRanges({ head, at }: RangesPlace): number {
  return at + 1 + head[at]!;
}
