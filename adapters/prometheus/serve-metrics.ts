import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import { type EngineTotals, registerEngineTotals } from './event-metrics.ts';

/** What the score API is measured by. */
export type ServeMetrics = {
  readonly observe: (request: { readonly route: string; readonly status: number; readonly seconds: number }) => void;
  /** An event whose caller got 503 `deadline`. */
  readonly observeLate: () => void;
  readonly text: () => Promise<string>;
};

/** The objectives among them: 50, 180 and 380 ms. */
const latencyBuckets = [0.001, 0.002, 0.003, 0.005, 0.008, 0.015, 0.03, 0.05, 0.1, 0.18, 0.38, 1];

/** Metrics of one API and its process. `totalsOf` is what the engines of its partitions have counted since their logs began. */
export function createServeMetrics(totalsOf: ReadonlyMap<number, () => EngineTotals>): ServeMetrics {
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register });
  const requests = new Counter({
    name: 'weir_http_requests_total',
    help: 'Requests answered',
    labelNames: ['route', 'status'],
    registers,
  });
  const latency = new Histogram({
    name: 'weir_http_request_seconds',
    help: 'From the head of a request to its answer',
    labelNames: ['route'],
    buckets: latencyBuckets,
    registers,
  });
  const late = new Counter({
    name: 'weir_http_late_total',
    help: 'Events whose caller was told that the deadline had passed; they are decided all the same',
    registers,
  });
  registerEngineTotals(register, totalsOf);
  return {
    observe: ({ route, status, seconds }) => {
      requests.inc({ route, status });
      latency.observe({ route }, seconds);
    },
    observeLate: () => late.inc(),
    text: () => register.metrics(),
  };
}
