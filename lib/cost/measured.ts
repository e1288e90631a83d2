/** A figure that was measured, with where it can be read again. */
export type Measured = { readonly cpuUsPerEvent: number; readonly what: string; readonly source: string };

/** What the events are: telemetry without a ledger, or payments with one decision each. */
export type Workload = 'telemetry' | 'payments';

/** CPU of one event in our worker, all sinks on. */
export const workerCpu: Readonly<Record<Workload, Measured>> = {
  telemetry: {
    cpuUsPerEvent: 5.88,
    what: '42 million readings from the log to all sinks; no Kafka client in it',
    source: 'bench/RESULTS.md, npm run bench -- telemetry --seconds 300 --rate 140000',
  },
  payments: {
    cpuUsPerEvent: 47.1,
    what: 'a worker on Kafka at 20,000 a second, decisions in transactions',
    source: 'bench/RESULTS.md, npm run bench -- kafka',
  },
};

/** CPU of one event in Apache Flink 2.2 on the same kind of machine. */
export const flinkCpu: Readonly<Record<Workload, Measured>> = {
  telemetry: {
    cpuUsPerEvent: 33,
    what: 'OVER a window of an hour, state on heap: 29 to 37',
    source: 'docs/adr/0029-cost-model.md',
  },
  payments: {
    cpuUsPerEvent: 98,
    what: 'Kafka to Kafka exactly once, tumbling windows, RocksDB',
    source: 'docs/adr/0029-cost-model.md',
  },
};
