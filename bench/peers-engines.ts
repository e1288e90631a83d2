import { z } from 'zod';
import { startSql } from '../engines/flink/run-sql.ts';
import { type CardWindows, startCardWindows } from '../engines/kafka-streams/card-windows.ts';
import { type KafkaRun, startWorker, stopWorker } from './kafka-run.ts';

/** An engine at work, as a process. */
export type PeerProcess = { readonly pid: number; readonly stop: () => Promise<void> };

/** An engine that does the job, and where it has its values of a payment. */
export type Peer = {
  readonly name: string;
  readonly start: (run: KafkaRun) => Promise<PeerProcess>;
  readonly rows: z.ZodType<HourRow>;
};

/** The values at a payment. */
export type HourRow = { readonly eventId: string; readonly values: readonly (number | null)[] };

const namedRows = z
  .object({ eventId: z.string(), n: z.number(), total: z.number(), top: z.number() })
  .transform(({ eventId, n, total, top }) => ({ eventId, values: [n, total, top] }));
// By the order of the definition; the first is the amount.
const decisionRows = z
  .object({ eventId: z.string(), features: z.array(z.number().nullable()) })
  .transform(({ eventId, features }) => ({ eventId, values: features.slice(1) }));

/** All do it from the same topic to a topic of their own, exactly once, with state that outlives them. */
export const peers: readonly Peer[] = [
  {
    name: 'Weir',
    start: async (run) => {
      const worker = await startWorker(run);
      return { pid: worker.pid, stop: () => stopWorker(worker) };
    },
    rows: decisionRows,
  },
  {
    name: 'Kafka Streams, in memory between commits',
    start: (run) => startStreams(run, 'in memory between commits'),
    rows: namedRows,
  },
  { name: 'Kafka Streams, as it comes', start: (run) => startStreams(run, 'as it comes'), rows: namedRows },
  { name: 'Flink, heap', start: (run) => startFlink(run, 'hashmap'), rows: namedRows },
  { name: 'Flink, RocksDB', start: (run) => startFlink(run, 'rocksdb'), rows: namedRows },
];

function startStreams(run: KafkaRun, store: CardWindows['store']): Promise<PeerProcess> {
  const { bootstrap, payments, decisions, group, dir } = run;
  return startCardWindows({ bootstrap, from: payments, to: decisions, application: group, dir, store });
}

function startFlink(run: KafkaRun, backend: 'hashmap' | 'rocksdb'): Promise<PeerProcess> {
  const settings = {
    'parallelism.default': '2',
    'state.backend.type': backend,
    'execution.checkpointing.interval': '2s',
    'execution.checkpointing.dir': `file://${run.dir}/checkpoints`,
    'execution.checkpointing.incremental': 'true',
    'pipeline.object-reuse': 'true',
    'taskmanager.numberOfTaskSlots': '2',
  };
  return startSql({ dir: run.dir, script: scriptOf(run), settings });
}

/** Weir's hour leaves out the payment of exactly an hour ago, so this one is a millisecond shorter, with both ends. */
function scriptOf({ bootstrap, payments, decisions, group }: KafkaRun): string {
  return `
CREATE TABLE payments (
  eventId STRING, cardToken STRING, eventTimeMs BIGINT, amountMinor BIGINT,
  eventTime AS TO_TIMESTAMP_LTZ(eventTimeMs, 3),
  WATERMARK FOR eventTime AS eventTime - INTERVAL '1' SECOND
) WITH (
  'connector' = 'kafka', 'topic' = '${payments}', 'properties.bootstrap.servers' = '${bootstrap}',
  'properties.group.id' = '${group}', 'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset', 'format' = 'json'
);
CREATE TABLE windows (
  eventId STRING, cardToken STRING, eventTimeMs BIGINT, n BIGINT, total BIGINT, top BIGINT
) WITH (
  'connector' = 'kafka', 'topic' = '${decisions}', 'properties.bootstrap.servers' = '${bootstrap}',
  'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = '${group}',
  'properties.transaction.timeout.ms' = '600000', 'format' = 'json'
);
INSERT INTO windows
SELECT eventId, cardToken, eventTimeMs, COUNT(*) OVER hour_before, SUM(amountMinor) OVER hour_before,
  MAX(amountMinor) OVER hour_before
FROM payments
WINDOW hour_before AS (PARTITION BY cardToken ORDER BY eventTime
  RANGE BETWEEN INTERVAL '59:59.999' MINUTE TO SECOND(3) PRECEDING AND CURRENT ROW);
`;
}
