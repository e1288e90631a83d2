import { setTimeout as delay } from 'node:timers/promises';
import {
  type KafkaAdmin,
  type KafkaBatch,
  type KafkaConsumer,
  type KafkaDriver,
  kafkaLimits,
  type PlainProducer,
} from '../adapters/kafka/port.ts';
import { noTraces } from '../adapters/opentelemetry/port.ts';
import { WeirError } from '../core/contract/failure.ts';
import type { Answering } from './answering.ts';
import { type FeatureStore, openTopicStore } from './feature-store.ts';
import { openOwnedPartition } from './kafka-owned.ts';
import type { KafkaPlan } from './kafka-partition.ts';
import type { KafkaPartition, Published } from './owned-partition.ts';
import { assertPartitions } from './kafka-plan.ts';
import { createEnding, isFinal, runSessions } from './worker-sessions.ts';

/** What a worker tells while it runs. */
export type WorkerEvents = {
  readonly onOwned?: (partition: KafkaPartition & { readonly partition: number }) => void;
  /** A partition takes no more from now on. */
  readonly onReleasing?: (partition: number) => void;
  readonly onReleased?: (partition: number) => void;
  readonly onPublished?: (published: Published) => void;
  /** A batch has been taken to its end. */
  readonly onTaken?: (batch: KafkaBatch) => void;
  /** Views of a foreign key came from their owners: how long ago each was written. */
  readonly onViews?: (views: { readonly field: string; readonly lagsMs: readonly number[] }) => void;
  /** A fault that the worker tries to get over. */
  readonly onTrouble?: (error: Error) => void;
};

export type WorkerOptions = WorkerEvents & {
  readonly driver: KafkaDriver;
  readonly plan: KafkaPlan;
  readonly instanceId?: string | undefined;
  readonly sessionTimeoutMs?: number | undefined;
  readonly fetchWaitMs?: number | undefined;
  readonly heartbeatMs?: number | undefined;
  /** Where callers wait for decisions: what the session does not bring along by itself. */
  readonly answering?: Omit<Answering, 'producer' | 'isOwner'> | undefined;
  /** Ends the worker in order: what is under way is taken to its end, committed and let go. */
  readonly signal: AbortSignal;
};

const limits = { lookMs: 5000, leaveMs: 5000 } as const;

/**
 * Scores what comes on a group's topics until the signal. Whatever goes wrong between it and the cluster ends what it has
 * open, and it begins again from what is committed; what it cannot get over is thrown.
 */
export function runKafkaWorker(options: WorkerOptions): Promise<void> {
  return runSessions(() => runSession(options), options);
}

/** One membership of the group: resolves when the signal ended it, throws what else did. */
async function runSession(options: WorkerOptions): Promise<void> {
  const { driver, plan, signal } = options;
  const admin = await driver.openAdmin();
  const owned = new Map<number, Promise<KafkaPartition>>();
  const leaving = new Map<number, PromiseWithResolvers<true>>();
  const ending = createEnding(signal);
  const stores: FeatureStore[] = [];
  const producers: PlainProducer[] = [];
  try {
    await assertPartitions(admin, plan);
    if (options.answering !== undefined) producers.push(await driver.openProducer());
    const [producer = null] = producers;
    for (const opening of openStores(options, ending.fail)) stores.push(await opening);
    const joining = openMember(options, { admin, owned, leaving, stores, producer, fail: ending.fail });
    // What ends the session may come before the group has answered.
    await Promise.race([joining, ending.ended]);
    const watch = setInterval(() => void assertPartitions(admin, plan).catch(failIfFinal(ending.fail)), limits.lookMs);
    try {
      await ending.ended;
    } finally {
      clearInterval(watch);
      // Who answers gives its partitions up first: the next owner finds them free, and callers wait for no longer than that.
      if (producer !== null && ending.failure() === null) await releaseAll(owned, 'commit', options);
      await joining.then((consumer) => consumer.close()).catch(() => undefined);
    }
  } finally {
    const how = ending.failure() === null ? 'commit' : 'abandon';
    await releaseAll(owned, how, options);
    for (const producer of producers) await producer.close().catch(() => undefined);
    for (const store of stores) await store.close().catch(() => undefined);
    await admin.close().catch(() => undefined);
  }
  const failure = ending.failure();
  if (failure !== null) throw failure;
}

function openStores(
  { driver, plan, onViews }: WorkerOptions,
  onFailure: (error: Error) => void,
): readonly Promise<FeatureStore>[] {
  const { group, partitions } = plan;
  return plan.foreign.map(({ key: { field }, views: topic }) => {
    const tell = (lagsMs: readonly number[]): void => onViews?.({ field, lagsMs });
    return openTopicStore({ driver, topic, partitions, group, onViews: tell, onFailure });
  });
}

type Session = {
  readonly admin: KafkaAdmin;
  /** By the number of the foreign key. */
  readonly stores: readonly FeatureStore[];
  readonly owned: Map<number, Promise<KafkaPartition>>;
  /** Resolved when the group takes a partition away. */
  readonly leaving: Map<number, PromiseWithResolvers<true>>;
  /** Of events that callers send. */
  readonly producer: PlainProducer | null;
  readonly fail: (error: Error) => void;
};

async function openMember(options: WorkerOptions, session: Session): Promise<KafkaConsumer> {
  const { admin, owned, leaving, stores, producer, fail } = session;
  const { driver, plan, instanceId, sessionTimeoutMs, fetchWaitMs, heartbeatMs } = options;
  const { onOwned, onPublished, onTaken, onTrouble } = options;
  const { traces = noTraces } = plan;
  const [topic = '', ...others] = plan.topics.keys();
  const along = [...others, ...plan.foreign.map(({ repartition }) => repartition)];
  /** A failure of a partition, but one that another owner has by now. */
  const fails = async (error: unknown, partition: number): Promise<boolean> =>
    !(error instanceof WeirError && error.code === 'FENCED') || !(await isLeaving(leaving.get(partition)?.promise));
  const joined: KafkaConsumer[] = [];
  const answering = createAnsweringOf(options, producer, () => joined[0]?.heardMs() ?? performance.now());
  const consumer = await driver.openConsumer({
    group: plan.group,
    topics: [topic],
    along,
    ...(instanceId === undefined ? {} : { instanceId }),
    ...(sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs }),
    ...(fetchWaitMs === undefined ? {} : { fetchWaitMs }),
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    onAssigned: async (partitions) => {
      const opened = partitions.map(async ({ partition }) => {
        const onFailure = (error: Error): void =>
          void fails(error, partition).then((isFailure) => (isFailure ? fail(error) : undefined));
        const own = { plan, partition, driver, admin, stores, answering, onPublished, onFailure };
        const opening = openOwnedPartition(own);
        owned.set(partition, opening);
        leaving.set(partition, Promise.withResolvers());
        const opened = await opening;
        onOwned?.({ ...opened, partition });
        return opened.starts;
      });
      return (await Promise.all(opened)).flat();
    },
    onRevoked: async (partitions) => {
      const going = partitions.map(async ({ partition }) => {
        const opening = owned.get(partition);
        owned.delete(partition);
        leaving.get(partition)?.resolve(true);
        if (opening !== undefined) await release(partition, opening, 'commit', options);
      });
      await Promise.all(going);
    },
    onBatch: async (batch) => {
      const own = await owned.get(batch.partition);
      if (own === undefined) return;
      try {
        await traces.batch({ ...batch, group: plan.group }, () => own.take(batch));
      } catch (error) {
        if (!(await fails(error, batch.partition))) return;
        throw error;
      }
      onTaken?.(batch);
    },
    onFailure: fail,
    onTrouble: (error) => onTrouble?.(error),
  });
  joined.push(consumer);
  return consumer;
}

/** A process that was stopped may have lost its partitions without knowing: it answers within its session alone. */
function createAnsweringOf(
  { answering, sessionTimeoutMs = kafkaLimits.sessionTimeoutMs }: WorkerOptions,
  producer: PlainProducer | null,
  heardMs: () => number,
): Answering | undefined {
  if (answering === undefined || producer === null) return undefined;
  return { ...answering, producer, isOwner: () => performance.now() - heardMs() < sessionTimeoutMs };
}

/** The next owner may be told of a partition before the last one is: it is known in a moment whether that was so. */
async function isLeaving(left: Promise<true> | undefined): Promise<boolean> {
  const known = new AbortController();
  const late = delay(limits.leaveMs, false, { signal: known.signal }).catch(() => false);
  const isLeft = await Promise.race([left ?? late, late]);
  known.abort();
  return isLeft;
}

async function releaseAll(
  owned: Map<number, Promise<KafkaPartition>>,
  how: 'commit' | 'abandon',
  events: WorkerEvents,
): Promise<void> {
  const going = [...owned];
  owned.clear();
  await Promise.all(going.map(([partition, opening]) => release(partition, opening, how, events)));
}

/** A partition that cannot be let go in order is found by its next owner as after a crash. */
async function release(
  partition: number,
  opening: Promise<KafkaPartition>,
  how: 'commit' | 'abandon',
  { onReleasing, onReleased, onTrouble }: WorkerEvents,
): Promise<void> {
  onReleasing?.(partition);
  try {
    const own = await opening;
    await own.close(how);
  } catch (error) {
    onTrouble?.(error instanceof Error ? error : new Error(String(error)));
  }
  onReleased?.(partition);
}

/** A look that the cluster did not answer is repeated; what it says for good ends the session. */
function failIfFinal(fail: (error: Error) => void): (error: unknown) => void {
  return (error) => {
    if (error instanceof WeirError && isFinal(error)) fail(error);
  };
}
