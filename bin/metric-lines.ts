import { createWorkerMetrics, type WorkerMetrics } from '../adapters/prometheus/worker-metrics.ts';
import { metricsLine } from '../runtime/lambda-metrics.ts';

/** What writes a worker's metrics as lines that CloudWatch makes metrics of. */
export type MetricLines = {
  /** Those of the worker, which are noted on their way. */
  readonly metrics: WorkerMetrics;
  /** Writes what came since the last line; nothing where nothing did. */
  readonly tell: () => void;
  /** Writes the rest, and no more from then on. */
  readonly close: () => void;
};

/** A line each 10 seconds: CloudWatch makes minutes of them. */
const lineMs = 10_000;

/** The metrics of a worker, as lines too where they are asked for. */
export function openWorkerMetrics({
  metricLines,
}: {
  readonly metricLines?: true;
}): Pick<MetricLines, 'metrics' | 'close'> {
  const metrics = createWorkerMetrics();
  if (metricLines !== true) return { metrics, close: () => undefined };
  const write = (line: string): void => void process.stderr.write(`${line}\n`);
  return openMetricLines(metrics, { write, clockMs: () => Date.now() });
}

/** Of a line: what CloudWatch takes of one metric. */
const latenciesMax = 100;

/**
 * Tells of a worker in CloudWatch's embedded metric format, by the names that the functions use: sums without a dimension
 * since the line before (`decisions.approve`, `late`, `errors.FENCED`), and up to 100 of the latencies of the period in
 * milliseconds, evenly taken (`latencyMs`), from a record's time until its decision is committed.
 */
export function openMetricLines(
  metrics: WorkerMetrics,
  {
    write,
    clockMs,
  }: {
    readonly write: (line: string) => void;
    /** Milliseconds UTC. */
    readonly clockMs: () => number;
  },
): MetricLines {
  const period = openPeriod();
  const tell = (): void => {
    const line = period.take(clockMs());
    if (line !== null) write(line);
  };
  const timer = setInterval(tell, lineMs);
  timer.unref();
  return {
    metrics: {
      ...metrics,
      owned: (partition, totals) => {
        period.own(partition, totals().counts);
        metrics.owned(partition, totals);
      },
      released: (partition) => {
        period.release(partition);
        metrics.released(partition);
      },
      taken: (batch) => {
        if (batch.isInternal !== true) for (const timeMs of batch.timesMs) period.wait(batch.takenMs - timeMs);
        metrics.taken(batch);
      },
      trouble: (code) => {
        period.add(`errors.${code}`, 1);
        metrics.trouble(code);
      },
    },
    tell,
    close: () => {
      clearInterval(timer);
      tell();
    },
  };
}

/** What came since the last line. */
function openPeriod() {
  const owned = new Map<number, { readonly counts: ReadonlyMap<string, number>; told: Map<string, number> }>();
  let pending = new Map<string, number>();
  let latencies: number[] = [];
  let seen = 0;
  const add = (name: string, by: number): void => void pending.set(name, (pending.get(name) ?? 0) + by);
  const collect = (partition: number): void => {
    const own = owned.get(partition);
    if (own === undefined) return;
    for (const [name, count] of own.counts) {
      const by = count - (own.told.get(name) ?? 0);
      if (by > 0) add(name, by);
    }
    own.told = new Map(own.counts);
  };
  return {
    add,
    /** What was counted before it was ours was told by its owner of then. */
    own: (partition: number, counts: ReadonlyMap<string, number>): void =>
      void owned.set(partition, { counts, told: new Map(counts) }),
    release: (partition: number): void => {
      collect(partition);
      owned.delete(partition);
    },
    /** Keeps every n-th latency: as n doubles, every other one that was kept goes. */
    wait: (latencyMs: number): void => {
      const step = 2 ** Math.floor(Math.log2(1 + seen / latenciesMax));
      if (seen++ % step === 0) latencies.push(latencyMs);
      if (latencies.length > latenciesMax) latencies = latencies.filter((_, index) => index % 2 === 0);
    },
    take: (timestampMs: number): string | null => {
      for (const partition of owned.keys()) collect(partition);
      if (pending.size === 0 && latencies.length === 0) return null;
      const line = metricsLine(pending, timestampMs, latencies);
      pending = new Map();
      latencies = [];
      seen = 0;
      return line;
    },
  };
}
