import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { openLeases } from '../adapters/dynamodb/leases.ts';
import { unwrapEvent } from '../adapters/files/source-jsonl.ts';
import { openStream } from '../adapters/kinesis/stream.ts';
import { serveMetrics, type WorkerMetrics } from '../adapters/prometheus/worker-metrics.ts';
import { WeirError } from '../core/contract/failure.ts';
import { assemble } from '../runtime/assemble.ts';
import { expectLongRun } from '../runtime/compiler-settings.ts';
import { assertOwnKeys, assertShards, parseKinesisSource } from '../runtime/kinesis-plan.ts';
import type { KinesisPlan } from '../runtime/kinesis-shard.ts';
import { type KinesisEvents, runKinesisWorker } from '../runtime/kinesis-worker.ts';
import type { EngineOptions } from './engine-options.ts';
import { engineTotalsOf } from './engine-totals.ts';
import { formatCount } from './format.ts';
import { listenForInterruption } from './interruption.ts';
import { exitCodes } from './invocation.ts';
import { type KafkaRunOptions, missing } from './kafka-options.ts';
import { openScreen } from './screen.ts';
import { openWorkerMetrics } from './metric-lines.ts';
import { remark, say, sayJson } from './terminal.ts';
import { type WeirFileOptions, weirFilesOf } from './weir-files.ts';

type Options = Pick<
  KafkaRunOptions,
  'group' | 'state' | 'decisions' | 'instanceId' | 'metricLines' | 'metricsPort' | 'sessionTimeoutMs' | 'cutRecords'
> &
  WeirFileOptions &
  Pick<EngineOptions, 'stateMibMax' | 'keyEventsMax'> & {
    readonly source: string;
    readonly leases: string;
    readonly pollMs: number;
    readonly json?: true;
  };

/** Runs a worker on a stream of Kinesis until it is stopped, then says what it has done. */
export async function runFromKinesis(options: Options): Promise<number> {
  expectLongRun();
  using interruption = listenForInterruption();
  const { group, state, instanceId, metricsPort, sessionTimeoutMs, pollMs, json } = options;
  if (group === undefined) throw missing('--group <group>', 'Kinesis');
  if (state === undefined) throw missing('--state <dir>', 'Kinesis');
  const source = openStream(parseKinesisSource(options.source));
  const decisions = openStream(options.decisions);
  const assembled = await assemble({ ...weirFilesOf(options), keyEventsMax: options.keyEventsMax });
  const plan: KinesisPlan = {
    group,
    source,
    decisions,
    state,
    assembled,
    unwrap: unwrapEvent,
    cutRecords: options.cutRecords,
    stateBytesMax: options.stateMibMax * 2 ** 20,
  };
  const shardIds = await assertShards(plan);
  assertOwnKeys(assembled, shardIds.length);
  await decisions.listShards();
  const owner = instanceId ?? `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const leases = await openLeases({ table: options.leases, group, stream: source.name, owner });
  const { metrics, close: closeMetrics } = openWorkerMetrics(options);
  const server = metricsPort === undefined ? null : await serveMetrics(metrics, metricsPort);
  if (server !== null) remark(`metrics at http://127.0.0.1:${server.port}/metrics`);
  const told = createTold(source.name, metrics);
  using _screen = openScreen(() => [told.line()]);
  try {
    const { signal } = interruption;
    await runKinesisWorker({ ...told.events, plan, leases, owner, sessionTimeoutMs, pollMs, signal });
  } finally {
    closeMetrics();
    await server?.close();
    leases.close();
    for (const stream of [source, decisions]) stream.close();
  }
  if (json) sayJson(told.summary());
  else say(told.line());
  remark('stopped and committed; the same command goes on from here');
  return exitCodes.ok;
}

/** What a person and Prometheus are told of a worker. */
function createTold(stream: string, metrics: WorkerMetrics) {
  const startMs = performance.now();
  const owned = new Set<string>();
  const behindMs = new Map<string, number>();
  let records = 0;
  let decisions = 0;
  const lagMs = (): number => Math.max(0, ...behindMs.values());
  const perSecond = (): number => (records / Math.max(1, performance.now() - startMs)) * 1000;
  const partitionOf = (shardId: string): number => Number(/\d+$/.exec(shardId)?.[0] ?? 0);
  const events: KinesisEvents = {
    onOwned: ({ shardId, scoring, isCopy }) => {
      owned.add(shardId);
      metrics.owned(partitionOf(shardId), engineTotalsOf(scoring));
      const { checkpointOffset, logEndOffset } = scoring.recovery;
      const again = formatCount(logEndOffset - checkpointOffset);
      const from = isCopy ? ', copied from an owner that does not answer' : '';
      remark(`${shardId} is ours: ${formatCount(logEndOffset)} records, ${again} taken again${from}`);
    },
    onReleased: (shardId) => {
      behindMs.delete(shardId);
      if (!owned.delete(shardId)) return;
      metrics.released(partitionOf(shardId));
      remark(`${shardId} is let go`);
    },
    onPublished: (published) => {
      for (const count of published.outcomes.values()) decisions += count;
      metrics.published(published.outcomes);
    },
    onTaken: (shardId, read) => {
      behindMs.set(shardId, read.behindMs);
      const timesMs = read.records.flatMap(({ arrivalMs, records: users }) => users.map(() => arrivalMs));
      records += timesMs.length;
      const taken = { topic: stream, partition: partitionOf(shardId), timesMs, takenMs: Date.now() };
      metrics.taken({ ...taken, behind: null, behindMs: read.behindMs });
    },
    onTrouble: (error) => {
      const code = error instanceof WeirError ? error.code : error.name;
      metrics.trouble(code);
      remark(`${code}: ${error.message}`);
    },
  };
  return {
    events,
    line: () =>
      `${stream}   ${owned.size} shards   ${formatCount(records)} records   ${formatCount(decisions)} decisions   ` +
      `${formatCount(perSecond())} a second   lag ${formatCount(lagMs())} ms`,
    summary: () => ({ stream, records, decisions, recordsPerSecond: perSecond(), lagMs: lagMs() }),
  };
}
