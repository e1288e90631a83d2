import { PerformanceObserver } from 'node:perf_hooks';
import { authorizationContract } from '../core/contract/authorization.ts';
import type { Duration } from '../core/contract/duration.ts';
import { count, countDistinct, defineFeatures, sum } from '../core/features/define.ts';
import { type FeatureLog, type FeatureRun, openFeatureRun, runRound } from './feature-log.ts';

export const name = 'growth';

const hourMs = 3_600_000;
const shape = { events: 500_000, spanMs: hourMs, disorderMs: 5000, plan: planOver('1h') } as const;

/** The same features as keys grow, evenly and unevenly used, and as their window grows. */
const logs: Readonly<Record<string, FeatureLog>> = {
  '10k keys': { ...shape, keys: 10_000, keyed: 'uniform' },
  '100k keys': { ...shape, keys: 100_000, keyed: 'uniform' },
  '1M keys': { ...shape, keys: 1_000_000, keyed: 'uniform' },
  '1M keys, 5 events a key': { ...shape, events: 5_000_000, keys: 1_000_000, keyed: 'uniform' },
  '5M keys': { ...shape, keys: 5_000_000, keyed: 'uniform' },
  '10k keys, zipf': { ...shape, keys: 10_000, keyed: 'zipf' },
  '1M keys, zipf': { ...shape, keys: 1_000_000, keyed: 'zipf' },
  '100k keys, 1 day': { ...shape, keys: 100_000, keyed: 'uniform', plan: planOver('24h') },
  '100k keys, 30 days': { ...shape, keys: 100_000, keyed: 'uniform', plan: planOver('30d') },
};

let pauseMsMax = 0;
/** Pauses are told of later than they were: those of the making of the logs do not count. */
let measuredFromMs = Number.POSITIVE_INFINITY;
const pauses = new PerformanceObserver((list) => {
  for (const { duration, startTime } of list.getEntries())
    if (startTime >= measuredFromMs) pauseMsMax = Math.max(pauseMsMax, duration);
});

const under = new Map<string, FeatureRun>();

/** One state for each log, which goes on from run to run. */
export const variants = Object.entries(logs).map(([title, log]) => ({
  name: title,
  run: (): number => {
    const known = under.get(title);
    if (known !== undefined) return runRound(known);
    pauses.observe({ entryTypes: ['gc'] });
    const opened = openFeatureRun(log);
    under.set(title, opened);
    const events = runRound(opened);
    opened.eventMsMax = 0;
    pauseMsMax = 0;
    measuredFromMs = performance.now();
    return events;
  },
}));

/** What is beside the mean. */
export function report(): string[] {
  const lines = [...under].map(
    ([title, run]) =>
      `${title}: ${bytesAnEvent(run).toFixed(1)} bytes an event held, longest stall ${run.eventMsMax.toFixed(3)} ms`,
  );
  return [...lines, `longest pause of the collector ${pauseMsMax.toFixed(3)} ms`];
}

function planOver(window: Duration) {
  return defineFeatures({
    name: 'growth',
    version: 1,
    on: authorizationContract,
    features: ({ cardToken, amountMinor, merchantId }) => ({
      events: count().by(cardToken).over(window),
      amount: sum(amountMinor).by(cardToken).over(window),
      merchants: countDistinct(merchantId).by(cardToken).over(window),
    }),
  }).plan;
}

/** Segments and pages of the key stores, for each of the events that their windows hold. */
function bytesAnEvent({ state }: FeatureRun): number {
  let bytes = 0;
  let events = 0;
  for (const { slab, keyPages, hot } of state.keys) {
    for (const { f64 } of slab.segments) bytes += f64.byteLength;
    for (const one of hot) events += one?.entries ?? 0;
    for (const page of keyPages.pages) {
      bytes += page?.records.byteLength ?? 0;
      // Of a key with few events, the second of four words says how many, above the lowest byte.
      page?.records.forEach((word, at) => (events += at % 4 === 1 && word > 0 ? word >> 8 : 0));
    }
  }
  return bytes / events;
}
