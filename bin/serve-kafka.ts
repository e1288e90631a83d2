import { setTimeout as delay } from 'node:timers/promises';
import { createApp } from '../adapters/http/app.ts';
import { createPeerClient } from '../adapters/http/peer-client.ts';
import { listenToPeers } from '../adapters/http/peer-server.ts';
import type { TelemetryPort } from '../adapters/http/port.ts';
import { listen } from '../adapters/http/serve.ts';
import type { KafkaAdmin, KafkaDriver } from '../adapters/kafka/port.ts';
import type { EngineTotals } from '../adapters/prometheus/event-metrics.ts';
import { createServeMetrics } from '../adapters/prometheus/serve-metrics.ts';
import { WeirError } from '../core/contract/failure.ts';
import { keyEventsMaxDefault } from '../core/engine/key-gaps.ts';
import { KafkaAuthorizer } from '../runtime/kafka-authorizer.ts';
import type { KafkaPlan } from '../runtime/kafka-partition.ts';
import { parseKafkaSource } from '../runtime/kafka-plan.ts';
import { topicTelemetry } from '../runtime/kafka-readings.ts';
import { runKafkaWorker, type WorkerEvents } from '../runtime/kafka-worker.ts';
import { stateBytesMaxDefault } from '../runtime/state-limit.ts';
import { addressAt, openPartitionOwners } from '../runtime/partition-owners.ts';
import { callersOf } from './caller-keys.ts';
import type { ServeOptions } from './commands/serve.ts';
import { engineTotalsOf } from './engine-totals.ts';
import { formatCount } from './format.ts';
import { listenForInterruption } from './interruption.ts';
import { exitCodes } from './invocation.ts';
import { findKept } from './kept-decision.ts';
import { openKafkaPlan } from './run-kafka.ts';
import { remark, say, sayJson } from './terminal.ts';
import { weirFilesOf } from './weir-files.ts';

type Options = Omit<ServeOptions, 'log'> & { readonly log: string };

const limits = {
  /** How long partitions may be without an owner when a process starts, before it is ready all the same. */
  settleMs: 15_000,
  /** Before its deadline an event that waits for an owner is told so, as nothing was made of it. */
  aheadMs: 20,
} as const;

/** Serves the API over topics of Kafka, as one of the processes of a group, until it is stopped. */
export async function serveFromKafka(options: Options): Promise<number> {
  using interruption = listenForInterruption();
  const { callers, madeKey } = callersOf(options.keys);
  const { driver, plan } = await openAskedPlan(options);
  const admin = await driver.openAdmin();
  const totalsOf = new Map<number, () => EngineTotals>();
  const metrics = createServeMetrics(totalsOf);
  const serving = await openServing(options, { driver, admin, plan, totalsOf });
  const { authorizer, worker, failed } = serving;
  try {
    await Promise.race([authorizer.settled(limits.settleMs), worker, failed]);
    const telemetry = await openReadings(driver, admin, options.readings);
    const { observe, observeLate, text } = metrics;
    const { deadlineMs, host, port } = options;
    const app = createApp({
      port: authorizer,
      callers,
      deadlineMs,
      observe,
      observeLate,
      metrics: text,
      ...(telemetry === null ? {} : { telemetry: telemetry.port }),
    });
    const server = await listen(app, { host, port, isLeaving: () => authorizer.isLeaving() });
    if (options.json) sayJson({ url: server.url, key: madeKey });
    else say(server.url);
    if (madeKey !== null && !options.json) remark(`key, for this run alone: ${madeKey}`);
    remark(`${options.log} is the log, ${options.out} holds what comes of it. Ctrl-C hands the partitions over.`);
    const stopped = new Promise<void>((resolve) => {
      interruption.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([stopped, worker, failed]);
    authorizer.leave();
    const drained = Promise.all([delay(options.drainMs), serving.stop()]);
    await Promise.race([drained, failed]);
    await server.close();
    await telemetry?.close();
  } finally {
    await serving.stop().catch(() => undefined);
    await serving.close();
    await admin.close();
  }
  remark(`stopped: ${formatCount(serving.published())} records were taken here, and their decisions published`);
  return exitCodes.ok;
}

async function openAskedPlan(options: Options): ReturnType<typeof openKafkaPlan> {
  const { log, out, group, decisions, auth, cutRecords } = options;
  const source = parseKafkaSource(log);
  if (out.includes('://')) throw notAFolder(out);
  const state = { state: out, stateMibMax: stateBytesMaxDefault / 2 ** 20, keyEventsMax: keyEventsMaxDefault };
  return openKafkaPlan(
    { ...weirFilesOf(options), ...state, group, decisions, cutRecords, ...(auth === undefined ? {} : { auth }) },
    { source, place: { dir: out } },
  );
}

type Parts = {
  readonly driver: KafkaDriver;
  readonly admin: KafkaAdmin;
  readonly plan: KafkaPlan;
  readonly totalsOf: Map<number, () => EngineTotals>;
};

type Serving = {
  readonly authorizer: KafkaAuthorizer;
  /** Ends when it is stopped; rejects with what ended it. */
  readonly worker: Promise<void>;
  readonly failed: Promise<never>;
  readonly published: () => number;
  /** Gives the partitions up. */
  readonly stop: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Joins the group, and answers the other processes. */
async function openServing(options: Options, { driver, admin, plan, totalsOf }: Parts): Promise<Serving> {
  const { group, deadlineMs, waitingMax, peerHost: host, peerPort: port } = options;
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined);
  const onFailure = failure.reject;
  const address = addressAt('');
  const peers = createPeerClient();
  const opened: KafkaAuthorizer[] = [];
  const peerPort = (): KafkaAuthorizer['peerPort'] => opened[0]?.peerPort ?? starting;
  const peerServer = await listenToPeers({ host, port, token: address.token, peerPort });
  const self = { ...address, url: peerServer.url };
  const owners = await openPartitionOwners({ driver, admin, group, self, onFailure });
  const holdMs = Math.max(1, deadlineMs - limits.aheadMs);
  const routing = { plan, owners, selfId: self.id, peers, holdMs, heldMax: waitingMax, onFailure };
  const authorizer = new KafkaAuthorizer(routing);
  opened.push(authorizer);
  const stopping = new AbortController();
  const told = tellOf(authorizer, totalsOf);
  const { sessionTimeoutMs, heartbeatMs } = options;
  const answering = { waitingMax, findKept, files: weirFilesOf(options) };
  const { signal } = stopping;
  const worker = runKafkaWorker({ ...told.events, driver, plan, sessionTimeoutMs, heartbeatMs, answering, signal });
  worker.catch(() => undefined);
  return {
    authorizer,
    worker,
    failed: failure.promise,
    published: told.published,
    stop: () => {
      stopping.abort();
      return worker;
    },
    close: async () => {
      await peerServer.close();
      peers.close();
      await owners.close();
    },
  };
}

function tellOf(authorizer: KafkaAuthorizer, totalsOf: Parts['totalsOf']) {
  let published = 0;
  const events: WorkerEvents = {
    onOwned: (own) => {
      totalsOf.set(own.partition, engineTotalsOf(own.scoring));
      authorizer.own(own);
      const { checkpointOffset, logEndOffset } = own.scoring.recovery;
      const again = `${formatCount(logEndOffset - checkpointOffset)} taken again`;
      remark(`partition ${own.partition} is ours: ${formatCount(logEndOffset)} records, ${again}`);
    },
    onReleasing: (partition) => authorizer.disown(partition),
    onReleased: (partition) => {
      if (totalsOf.delete(partition)) remark(`partition ${partition} is let go`);
    },
    onPublished: ({ records }) => (published += records),
    onTrouble: (error) => remark(`${error instanceof WeirError ? error.code : error.name}: ${error.message}`),
  };
  return { events, published: () => published };
}

const starting: KafkaAuthorizer['peerPort'] = {
  submit: () => Promise.reject(notReady()),
  decision: () => Promise.reject(notReady()),
};

function notReady(): WeirError {
  return new WeirError({ code: 'NOT_OWNER', message: 'got an event while starting, expected it later' });
}

async function openReadings(
  driver: KafkaDriver,
  admin: KafkaAdmin,
  topic: string | undefined,
): Promise<{ readonly port: TelemetryPort; readonly close: () => Promise<void> } | null> {
  if (topic === undefined) return null;
  const { partitions } = await admin.describeTopic(topic);
  const producer = await driver.openProducer();
  return { port: topicTelemetry(producer, { topic, partitions }), close: () => producer.close() };
}

function notAFolder(out: string): WeirError {
  return new WeirError({
    code: 'USAGE',
    message: `got --out ${out}, expected a folder that all processes of the group reach`,
    fix: 'Such as one on a shared file system: the next owner of a partition opens what the last one kept.',
  });
}
