import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What the score API is measured by. */
export type ServeMetrics = {
  readonly observe: (request: { readonly route: string; readonly status: number; readonly seconds: number }) => void;
  readonly text: () => Promise<string>;
};

const latencyBuckets = [0.001, 0.002, 0.003, 0.005, 0.008, 0.015, 0.03, 0.06, 0.1, 0.18, 0.5, 1];

/** Metrics of one API and its process. `counts` are what the engine has counted since the log began. */
export function createServeMetrics(counts: () => ReadonlyMap<string, number>): ServeMetrics {
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
  const events = new Gauge({
    name: 'weir_events',
    help: 'What became of the events of the log, since it began',
    labelNames: ['what'],
    registers: [],
    collect: () => {
      for (const [what, count] of counts()) events.set({ what }, count);
    },
  });
  register.registerMetric(events);
  return {
    observe: ({ route, status, seconds }) => {
      requests.inc({ route, status });
      latency.observe({ route }, seconds);
    },
    text: () => register.metrics(),
  };
}
