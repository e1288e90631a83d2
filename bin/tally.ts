import { createHistogram, type Histogram, quantile, record } from '../runtime/histogram.ts';
import type { Progress } from '../runtime/run-source.ts';
import type { Decision } from '../core/score/decision.ts';

/** What one process has seen of a run so far. */
export type Tally = {
  readonly startMs: number;
  /** Of every record, in microseconds: from just before its batch was appended until its decision was durable. */
  readonly latencyUs: Histogram;
  records: number;
  /** The last declines, newest first. */
  readonly declines: Decision[];
  /** Events a second over the last second or so. */
  readonly pace: { sinceMs: number; sinceRecords: number; eventsPerSecond: number };
};

export type Latency = { readonly p50: number | null; readonly p95: number | null; readonly p99: number | null };

const declinesKept = 5;

/** A tally that begins now, by the monotonic clock. */
export function createTally(): Tally {
  const startMs = performance.now();
  return {
    startMs,
    latencyUs: createHistogram(),
    records: 0,
    declines: [],
    pace: { sinceMs: startMs, sinceRecords: 0, eventsPerSecond: 0 },
  };
}

/** Takes one batch into the tally. */
export function addProgress(tally: Tally, { records, decisions, latencies }: Progress): void {
  tally.records += records;
  for (const { records: times, latencyMs } of latencies) record(tally.latencyUs, { value: latencyMs * 1000, times });
  for (const decision of decisions) {
    if (decision.outcome !== 'decline') continue;
    tally.declines.unshift(decision);
    tally.declines.length = Math.min(tally.declines.length, declinesKept);
  }
}

/** Latency percentiles in milliseconds. */
export function latencyOf({ latencyUs }: Tally): Latency {
  const ofShare = (share: number): number | null => {
    const value = quantile(latencyUs, share);
    return value === null ? null : value / 1000;
  };
  return { p50: ofShare(0.5), p95: ofShare(0.95), p99: ofShare(0.99) };
}

/** Events a second of late, for a live view. */
export function recentPace(tally: Tally): number {
  const { pace } = tally;
  const elapsedMs = performance.now() - pace.sinceMs;
  if (elapsedMs >= 1000 || pace.eventsPerSecond === 0) {
    pace.eventsPerSecond = elapsedMs === 0 ? 0 : ((tally.records - pace.sinceRecords) / elapsedMs) * 1000;
    if (elapsedMs >= 1000) Object.assign(pace, { sinceMs: performance.now(), sinceRecords: tally.records });
  }
  return pace.eventsPerSecond;
}

/** Lets timers, signals and output have their turn between two batches. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
