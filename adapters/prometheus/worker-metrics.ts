import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type EngineTotals, registerEngineTotals } from './event-metrics.ts';

/** What a worker is measured by; names and units follow Prometheus: seconds, totals. */
export type WorkerMetrics = {
  /** A partition that is ours, and what its engine has counted. */
  readonly owned: (partition: number, totals: () => EngineTotals) => void;
  readonly released: (partition: number) => void;
  /** A transaction that readers see from now on. */
  readonly published: (decisionsByOutcome: ReadonlyMap<string, number>) => void;
  /** A batch of a partition, taken to its end at a time by our clock. */
  readonly taken: (batch: TakenBatch) => void;
  /** What decisions read of the views of a foreign key. */
  readonly viewsRead: (reads: {
    readonly field: string;
    readonly agesMs: readonly number[];
    readonly missing: number;
  }) => void;
  /** Views of a foreign key that came from their owners: how long ago each was written. */
  readonly viewsCame: (views: { readonly field: string; readonly lagsMs: readonly number[] }) => void;
  /** A fault that was got over, by its code. */
  readonly trouble: (code: string) => void;
  /** The text that Prometheus scrapes. */
  readonly text: () => Promise<string>;
};

export type TakenBatch = {
  readonly topic: string;
  readonly partition: number;
  /** When the broker or the writer stamped each record, milliseconds UTC. */
  readonly timesMs: readonly number[];
  /** They are of a topic between workers: nobody waits for a decision on them. */
  readonly isInternal?: boolean;
  /** Records of the partition behind the batch, null where the source does not count them. */
  readonly behind: number | null;
  /** How far it is behind the end in time, where the source says so. */
  readonly behindMs?: number;
  readonly takenMs: number;
};

const latencyBuckets = [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.18, 0.38, 1, 5, 30, 300];

/** Metrics of one worker, with those of its process. */
export function createWorkerMetrics(): WorkerMetrics {
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register });
  const records = new Counter({ name: 'weir_records_total', help: 'Records taken', labelNames: ['topic'], registers });
  const decisions = new Counter({
    name: 'weir_decisions_total',
    help: 'Decisions that readers of committed records see',
    labelNames: ['outcome'],
    registers,
  });
  const transactions = new Counter({ name: 'weir_transactions_total', help: 'Transactions committed', registers });
  const troubles = createTroubles(registers);
  const owned = new Gauge({ name: 'weir_partitions_owned', help: 'Partitions of this worker', registers });
  const labelNames = ['topic', 'partition'] as const;
  const lagRecords = new Gauge({ name: 'weir_lag_records', help: 'Records not taken yet', labelNames, registers });
  const lagSeconds = new Gauge({
    name: 'weir_lag_seconds',
    help: 'Age of the last record taken, 0 when none is left',
    labelNames,
    registers,
  });
  const latency = new Histogram({
    name: 'weir_decision_latency_seconds',
    help: 'From the time of a record until its decision is committed',
    buckets: latencyBuckets,
    registers,
  });
  const totalsOf = new Map<number, () => EngineTotals>();
  registerEngineTotals(register, totalsOf);
  const views = createViewMetrics(registers);
  const topics = new Set<string>();
  return {
    ...views,
    owned: (partition, totals) => {
      owned.inc();
      totalsOf.set(partition, totals);
    },
    released: (partition) => {
      owned.dec();
      totalsOf.delete(partition);
      for (const topic of topics) for (const gauge of [lagRecords, lagSeconds]) gauge.remove({ topic, partition });
    },
    published: (byOutcome) => {
      transactions.inc();
      for (const [outcome, count] of byOutcome) decisions.inc({ outcome }, count);
    },
    taken: ({ topic, partition, timesMs, isInternal = false, behind, takenMs, ...rest }) => {
      topics.add(topic);
      records.inc({ topic }, timesMs.length);
      if (behind !== null) lagRecords.set({ topic, partition }, behind);
      lagSeconds.set({ topic, partition }, lagMsOf({ timesMs, behind, takenMs, ...rest }) / 1000);
      if (!isInternal) for (const timeMs of timesMs) latency.observe((takenMs - timeMs) / 1000);
    },
    trouble: (code) => troubles.inc({ code }),
    text: () => register.metrics(),
  };
}

function lagMsOf({ timesMs, behind, behindMs, takenMs }: Omit<TakenBatch, 'topic' | 'partition'>): number {
  return behindMs ?? (behind === 0 ? 0 : takenMs - (timesMs.at(-1) ?? takenMs));
}

function createTroubles(registers: Registry[]): Counter<'code'> {
  return new Counter({
    name: 'weir_troubles_total',
    help: 'Faults that were got over',
    labelNames: ['code'],
    registers,
  });
}

const ageBuckets = [0, 1, 10, 60, 600, 3600, 21_600, 86_400, 604_800];

/** How fresh the values of foreign keys are. */
function createViewMetrics(registers: Registry[]): Pick<WorkerMetrics, 'viewsRead' | 'viewsCame'> {
  const labelNames = ['key'] as const;
  const age = new Histogram({
    name: 'weir_view_age_seconds',
    help: 'Event time of a decision less that of the view that it read of a foreign key; below 0 where the view is of a later event',
    buckets: ageBuckets,
    labelNames,
    registers,
  });
  const missing = new Counter({
    name: 'weir_views_missing_total',
    help: 'Decisions that found no view of a foreign key: its first event, or one that its owner has not taken yet',
    labelNames,
    registers,
  });
  const lag = new Histogram({
    name: 'weir_view_lag_seconds',
    help: 'From the time that the owner of a foreign key wrote a view until it could be read here',
    buckets: latencyBuckets,
    labelNames,
    registers,
  });
  return {
    viewsRead: ({ field: key, agesMs, missing: without }) => {
      for (const ageMs of agesMs) age.observe({ key }, ageMs / 1000);
      missing.inc({ key }, without);
    },
    viewsCame: ({ field: key, lagsMs }) => {
      for (const lagMs of lagsMs) lag.observe({ key }, lagMs / 1000);
    },
  };
}

/** Serves the text under `/metrics`, and `/health`, until it is closed. */
export async function serveMetrics(
  metrics: Pick<WorkerMetrics, 'text'>,
  port: number,
): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  const server: Server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/health') return void response.end('ok\n');
    if (path !== '/metrics')
      return void response.writeHead(404).end('got an unknown path, expected /metrics or /health\n');
    response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
    metrics.text().then(
      (text) => response.end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.listen(port);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: address === null || typeof address === 'string' ? port : address.port,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
