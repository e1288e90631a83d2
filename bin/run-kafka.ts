import { hostname } from 'node:os';
import { openCluster } from '../adapters/kafka/cluster.ts';
import { kafkajsDriver } from '../adapters/kafka/kafkajs.ts';
import { platformaticDriver } from '../adapters/kafka/platformatic.ts';
import type { ClusterOptions, KafkaBatch, KafkaDriver } from '../adapters/kafka/port.ts';
import { noTraces, type Traces } from '../adapters/opentelemetry/port.ts';
import { serveMetrics, type WorkerMetrics } from '../adapters/prometheus/worker-metrics.ts';
import { createRecordReader, plainReader } from '../adapters/registry/record-reader.ts';
import { openRecordWriter } from '../adapters/registry/record-writer.ts';
import { inputContracts } from '../core/contract/contracts.ts';
import { decisionContract } from '../core/contract/decision.ts';
import { WeirError } from '../core/contract/failure.ts';
import { assemble } from '../runtime/assemble.ts';
import { expectLongRun } from '../runtime/compiler-settings.ts';
import type { KafkaPlan } from '../runtime/kafka-partition.ts';
import { contractsOfTopics, type KafkaSource, parseKafkaSource, planPartitions } from '../runtime/kafka-plan.ts';
import { runKafkaWorker, type WorkerEvents } from '../runtime/kafka-worker.ts';
import type { EngineOptions } from './engine-options.ts';
import { engineTotalsOf } from './engine-totals.ts';
import { formatCount } from './format.ts';
import { listenForInterruption } from './interruption.ts';
import { exitCodes } from './invocation.ts';
import { type KafkaRunOptions, missing } from './kafka-options.ts';
import { openWorkerMetrics } from './metric-lines.ts';
import { openAskedRegistry } from './registry-options.ts';
import { openScreen } from './screen.ts';
import { assertReplayable, openStatePlace } from './state-place.ts';
import { remark, say, sayJson } from './terminal.ts';
import { type WeirFileOptions, weirFilesOf } from './weir-files.ts';

type Options = KafkaRunOptions &
  WeirFileOptions &
  Pick<EngineOptions, 'stateMibMax' | 'keyEventsMax'> & { readonly source: string; readonly json?: true };

/** Runs a worker until it is stopped, then says what it has done. */
export async function runFromKafka(options: Options): Promise<number> {
  expectLongRun();
  using interruption = listenForInterruption();
  const { state, metricsPort, json } = options;
  const source = parseKafkaSource(options.source);
  if (state === undefined) throw missing('--state <dir>', 'Kafka');
  await using place = await openStatePlace(state, source.topics);
  const { driver, plan: untraced } = await openKafkaPlan({ ...options, state }, { source, place });
  const plan = { ...untraced, traces: await openAskedTraces(options) };
  const { metrics, close: closeMetrics } = openWorkerMetrics(options);
  const server = metricsPort === undefined ? null : await serveMetrics(metrics, metricsPort);
  if (server !== null) remark(`metrics at http://127.0.0.1:${server.port}/metrics`);
  const told = createTold(source);
  using _screen = openScreen(() => [told.line()]);
  try {
    const { instanceId, sessionTimeoutMs, fetchWaitMs } = options;
    const events = tellAll(told.events, metrics, plan);
    const { signal } = interruption;
    await runKafkaWorker({ ...events, driver, plan, instanceId, sessionTimeoutMs, fetchWaitMs, signal });
  } finally {
    closeMetrics();
    await server?.close();
    await plan.traces?.close().catch((error: unknown) => remark(`traces were lost: ${String(error)}`));
  }
  if (json) sayJson(told.summary());
  else say(told.line());
  remark('stopped and committed; the same command goes on from here');
  return exitCodes.ok;
}

type PlanOptions = WeirFileOptions &
  Pick<KafkaRunOptions, 'group' | 'decisions' | 'auth' | 'cutRecords'> &
  Partial<Pick<KafkaRunOptions, 'client' | 'registry' | 'encoding'>> &
  Pick<EngineOptions, 'stateMibMax' | 'keyEventsMax'> & { readonly state: string };

type StatePlace = Pick<Awaited<ReturnType<typeof openStatePlace>>, 'dir'> &
  Partial<Pick<Awaited<ReturnType<typeof openStatePlace>>, 'store'>>;

/** Looks at the cluster, and says what is read and written there. */
export async function openKafkaPlan(
  options: PlanOptions,
  { source, place }: { readonly source: KafkaSource; readonly place: StatePlace },
): Promise<{ readonly driver: KafkaDriver; readonly plan: KafkaPlan }> {
  const { group, decisions, auth, state } = options;
  if (group === undefined) throw missing('--group <group>', 'Kafka');
  const defined = await assemble({ ...weirFilesOf(options), keyEventsMax: options.keyEventsMax });
  const cluster = await openCluster({ clientId: `weir-${group}-${hostname()}`, brokers: source.brokers, auth });
  const driver = driverOf(options.client, cluster);
  const { partitions, assembled, foreign } = await planOf(driver, {
    group,
    topics: source.topics,
    decisionsTopic: decisions,
    state: place.dir,
    assembled: defined,
  });
  if (place.store !== undefined) assertReplayable(foreign.length, state);
  const { registry, encoding } = await openAskedRegistry({ encoding: 'avro', ...options });
  const plan: KafkaPlan = {
    group,
    topics: contractsOfTopics(source.topics),
    partitions,
    decisionsTopic: decisions,
    state: place.dir,
    store: place.store,
    assembled,
    foreign,
    read: registry === null ? plainReader : createRecordReader(registry, inputContracts),
    writer: await openRecordWriter({ contract: decisionContract, topic: decisions, encoding }),
    cutRecords: options.cutRecords,
    stateBytesMax: options.stateMibMax * 2 ** 20,
  };
  return { driver, plan };
}

/** Its libraries take a moment to load, which no other run waits for. */
async function openAskedTraces({ traces: url, traceShare: share }: Options): Promise<Traces> {
  if (url === undefined) return noTraces;
  const { openTraces } = await import('../adapters/opentelemetry/open-traces.ts');
  return openTraces({ url, share });
}

async function planOf(
  driver: KafkaDriver,
  plan: Parameters<typeof planPartitions>[1],
): ReturnType<typeof planPartitions> {
  const admin = await driver.openAdmin();
  try {
    return await planPartitions(admin, plan);
  } finally {
    await admin.close();
  }
}

function driverOf(client: PlanOptions['client'], cluster: ClusterOptions): KafkaDriver {
  return client === 'kafkajs' ? kafkajsDriver(cluster) : platformaticDriver(cluster);
}

/** What a person is told of a worker: what it has and does, each change once. */
function createTold({ topics }: KafkaSource) {
  const startMs = performance.now();
  const owned = new Set<number>();
  const behind = new Map<string, number>();
  let records = 0;
  let decisions = 0;
  const lag = (): number => [...behind.values()].reduce((sum, one) => sum + one, 0);
  const perSecond = (): number => (records / Math.max(1, performance.now() - startMs)) * 1000;
  const events: WorkerEvents = {
    onOwned: ({ partition, scoring, isCopy }) => {
      owned.add(partition);
      const { checkpointOffset, logEndOffset } = scoring.recovery;
      const again = logEndOffset - checkpointOffset;
      const from = isCopy ? ', copied from an owner that does not answer' : '';
      remark(
        `partition ${partition} is ours: ${formatCount(logEndOffset)} records, ${formatCount(again)} taken again${from}`,
      );
    },
    onReleased: (partition) => {
      if (owned.delete(partition)) remark(`partition ${partition} is let go`);
    },
    onPublished: (published) => {
      records += published.records;
      for (const count of published.outcomes.values()) decisions += count;
    },
    onTaken: ({ topic, partition, highWatermark, nextOffset }) => {
      behind.set(`${topic}/${partition}`, highWatermark - nextOffset);
    },
    onTrouble: (error) => remark(`${error instanceof WeirError ? error.code : error.name}: ${error.message}`),
  };
  return {
    events,
    line: () =>
      `${topics.join(',')}   ${owned.size} partitions   ${formatCount(records)} records   ${formatCount(decisions)} decisions   ` +
      `${formatCount(perSecond())} a second   lag ${formatCount(lag())} records`,
    summary: () => ({ topics, records, decisions, recordsPerSecond: perSecond(), lagRecords: lag() }),
  };
}

function tellAll(told: WorkerEvents, metrics: WorkerMetrics, { foreign }: KafkaPlan): WorkerEvents {
  const internal = new Set(foreign.map(({ repartition }) => repartition));
  return {
    onOwned: (own) => {
      metrics.owned(own.partition, engineTotalsOf(own.scoring));
      told.onOwned?.(own);
    },
    onReleased: (partition) => {
      metrics.released(partition);
      told.onReleased?.(partition);
    },
    onPublished: (published) => {
      metrics.published(published.outcomes);
      for (const reads of published.reads) metrics.viewsRead(reads);
      told.onPublished?.(published);
    },
    onTaken: (batch) => {
      metrics.taken(takenOf(batch, internal.has(batch.topic)));
      told.onTaken?.(batch);
    },
    onViews: metrics.viewsCame,
    onTrouble: (error) => {
      metrics.trouble(error instanceof WeirError ? error.code : 'BUG');
      told.onTrouble?.(error);
    },
  };
}

function takenOf(
  { topic, partition, records, highWatermark, nextOffset }: KafkaBatch,
  isInternal: boolean,
): Parameters<WorkerMetrics['taken']>[0] {
  const timesMs = records.map(({ timestampMs }) => timestampMs);
  return { topic, partition, timesMs, isInternal, behind: highWatermark - nextOffset, takenMs: Date.now() };
}
