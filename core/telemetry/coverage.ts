/** An interval of event time `[startMs, endMs]`, both included, inside which a sensor may have sent. */
export type Interval = { startMs: number; endMs: number };

/** How many intervals a sensor keeps. */
export const intervalsMax = 8;

/** How far from an interval a reading may be and still join it, in expected intervals of the sensor. */
const joinIntervals = 4;

/**
 * False when no reading of that time was accepted before: outside of all intervals. True says that one may have been.
 */
export function mayHold(coverage: readonly Interval[], timeMs: number): boolean {
  return coverage.some(({ startMs, endMs }) => startMs <= timeMs && timeMs <= endMs);
}

/**
 * Notes an accepted reading. It joins the intervals that are close, else opens one; of too many the two that lie closest
 * become one, so coverage only ever claims too much. What ends at or before `tooLateMs` is dropped.
 *
 *     |-----|      |------|                    two intervals
 *     |-----|  x   |------|         |-|        a reading far from both opens a third
 *     |-------------------|         |-|        x joins both where they are close
 */
export function cover(
  coverage: Interval[],
  reading: { readonly timeMs: number; readonly expectedIntervalMs: number; readonly tooLateMs: number },
): void {
  const { timeMs, expectedIntervalMs, tooLateMs } = reading;
  const joinMs = joinIntervals * expectedIntervalMs;
  const joined: Interval = { startMs: timeMs, endMs: timeMs };
  const kept: Interval[] = [];
  for (const interval of coverage) {
    if (interval.endMs <= tooLateMs) continue;
    if (interval.startMs - timeMs > joinMs || timeMs - interval.endMs > joinMs) kept.push(interval);
    else {
      joined.startMs = Math.min(joined.startMs, interval.startMs);
      joined.endMs = Math.max(joined.endMs, interval.endMs);
    }
  }
  kept.push(joined);
  kept.sort((left, right) => left.startMs - right.startMs);
  if (kept.length > intervalsMax) mergeClosest(kept);
  coverage.splice(0, coverage.length, ...kept);
}

function mergeClosest(intervals: Interval[]): void {
  let closest = 1;
  for (let index = 2; index < intervals.length; index++) {
    if (gapBefore(intervals, index) < gapBefore(intervals, closest)) closest = index;
  }
  const [left, right] = intervals.slice(closest - 1, closest + 1);
  if (left === undefined || right === undefined) throw new Error(`got ${intervals.length} intervals, expected two`);
  intervals.splice(closest - 1, 2, { startMs: left.startMs, endMs: right.endMs });
}

function gapBefore(intervals: readonly Interval[], index: number): number {
  return intervals[index]!.startMs - intervals[index - 1]!.endMs;
}
