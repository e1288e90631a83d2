import { setTimeout as delay } from 'node:timers/promises';
import {
  type BaseOptions,
  type ClusterMetadata,
  Consumer,
  type FetchOptions,
  type GroupAssignment,
} from '@platformatic/kafka';
import { WeirError } from '../../core/contract/failure.ts';
import { outOfRange } from './kafka-failure.ts';
import { createPartitionQueues, nameOf, type PartitionQueues } from './partition-queue.ts';
import { batchOf } from './platformatic-batch.ts';
import { asked, failureOf, namesOf } from './platformatic-failure.ts';
import {
  type ConsumeOptions,
  type KafkaConsumer,
  kafkaLimits,
  type SourceOffset,
  type TopicPartition,
} from './port.ts';
import { closeWithin } from './time-limit.ts';

/**
 * A member of a group, through @platformatic/kafka: it joins by the cooperative protocol, in which a rebalance moves only
 * the partitions that must move, and fetches by hand, as its stream would go on elsewhere when an offset is out of range.
 */
export async function openPlatformaticConsumer(base: BaseOptions, options: ConsumeOptions): Promise<KafkaConsumer> {
  const member = new PlatformaticConsumer(base, options);
  try {
    await member.join();
    return member;
  } catch (error) {
    await member.close();
    throw error;
  }
}

/**
 * Goes out as the byte 1, read committed, and is not the 1 by which the library would leave out aborted records itself: it
 * keeps those whose mark is not in the same answer, and takes what lies between two aborts of a producer for aborted too.
 * What is aborted is left out where answers become batches.
 */
const committedOnly = 1.5;

class PlatformaticConsumer implements KafkaConsumer {
  readonly #options: ConsumeOptions;
  readonly #topics: string[];
  readonly #consumer: Consumer;
  readonly #queues: PartitionQueues;
  readonly #closing = new AbortController();
  #beatMs = performance.now();
  #heardMs = performance.now();
  #assigning: Promise<void> = Promise.resolve();
  #fetching: Promise<void> = Promise.resolve();

  constructor(base: BaseOptions, options: ConsumeOptions) {
    const { group, instanceId, isolation = 'committed', sessionTimeoutMs = kafkaLimits.sessionTimeoutMs } = options;
    this.#options = options;
    this.#topics = [...options.topics, ...(options.along ?? [])];
    this.#consumer = new Consumer({
      ...base,
      groupId: group,
      ...(instanceId === undefined ? {} : { groupInstanceId: instanceId }),
      autocommit: false,
      isolationLevel: isolation === 'committed' ? 1 : 0,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: Math.max(sessionTimeoutMs, 30_000),
      heartbeatInterval: options.heartbeatMs ?? kafkaLimits.heartbeatMs,
      protocols: [{ name: 'cooperative-sticky', version: 1 }],
      minBytes: options.fetchBytesMin ?? kafkaLimits.fetchBytesMin,
      maxWaitTime: options.fetchWaitMs ?? kafkaLimits.fetchWaitMs,
      maxBytes: kafkaLimits.fetchBytesMax,
    });
    this.#queues = createPartitionQueues(options.onBatch, (error) => this.#fail(error));
  }

  async join(): Promise<void> {
    for (const topic of this.#options.topics) this.#consumer.topics.track(topic);
    this.#consumer.on('consumer:group:join', ({ assignments }) => this.#reassign(assignments ?? []));
    this.#consumer.on('consumer:heartbeat:start', () => (this.#beatMs = performance.now()));
    this.#consumer.on('consumer:heartbeat:end', () => (this.#heardMs = this.#beatMs));
    // The library gives up on the group by itself, once it could not come back for a while.
    this.#consumer.on('error', (error) => this.#fail(failureOf(error, 'staying in the group')));
    await asked(`joining group ${this.#options.group}`, () => this.#consumer.joinGroup({}), kafkaLimits.joinMs);
    this.#fetching = this.#fetchAll();
  }

  heardMs(): number {
    return this.#heardMs;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#fetching;
    await this.#assigning;
    await this.#queues.idle();
    await closeWithin(() => this.#consumer.close(true));
  }

  /** One change of the assignment after the other. */
  #reassign(assignments: readonly GroupAssignment[]): void {
    const now = assignments.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
    const change = async (): Promise<void> => {
      const { topics, along = [] } = this.#options;
      const held = this.#queues.list().filter(({ topic }) => topics.includes(topic));
      const gone = without(held, now);
      const come = without(now, held);
      const idle = this.#queues.remove(gone.flatMap((at) => [at, ...along.map((topic) => ({ ...at, topic }))]));
      if (gone.length > 0) await this.#options.onRevoked(gone);
      await idle;
      if (come.length > 0) this.#queues.add(await this.#options.onAssigned(come));
    };
    this.#assigning = this.#assigning.then(change).catch((error: unknown) => this.#fail(error));
  }

  async #fetchAll(): Promise<void> {
    const { signal } = this.#closing;
    const closed = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    while (!signal.aborted) {
      const wanted = this.#queues.wanted();
      if (wanted.length === 0) {
        await Promise.race([this.#queues.changed(), closed]);
        continue;
      }
      try {
        await Promise.race([this.#fetch(wanted), closed]);
      } catch (error) {
        await this.#judge(error, wanted);
      }
    }
  }

  /** Asks each leader for what it has of the wanted partitions. */
  async #fetch(wanted: readonly SourceOffset[]): Promise<void> {
    const metadata = await this.#consumer.metadata({ topics: this.#topics });
    const isolationLevel = this.#options.isolation === 'uncommitted' ? 0 : committedOnly;
    await Promise.all(
      requestsOf(metadata, wanted).map(async ({ node, topics, offsets }) => {
        const response = await asked('reading records', () => this.#consumer.fetch({ node, topics, isolationLevel }));
        for (const { topicId, partitions } of response.responses) {
          for (const fetched of partitions) {
            const from = offsets.get(`${topicId}/${fetched.partitionIndex}`);
            if (from !== undefined) this.#queues.put(from, batchOf(from, fetched));
          }
        }
      }),
    );
  }

  /** An offset that is not there ends the consumer; whatever else a broker or the network says is tried again. */
  async #judge(error: unknown, wanted: readonly SourceOffset[]): Promise<void> {
    if (namesOf(error instanceof WeirError ? error.cause : error).includes('OFFSET_OUT_OF_RANGE')) {
      const lost = await asked('looking up offsets', () => this.#findLost(wanted)).catch(() => null);
      if (lost !== null) return this.#fail(lost);
    }
    this.#options.onTrouble?.(failureOf(error, 'reading records'));
    this.#consumer.clearMetadata();
    await delay(kafkaLimits.troubleDelayMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }

  async #findLost(wanted: readonly SourceOffset[]): Promise<Error | null> {
    const topics = this.#topics;
    const first = await this.#consumer.listOffsets({ topics, timestamp: -2n });
    const end = await this.#consumer.listOffsets({ topics, timestamp: -1n });
    for (const { topic, partition, nextOffset } of wanted) {
      const firstOffset = Number(first.get(topic)?.[partition] ?? 0n);
      const endOffset = Number(end.get(topic)?.[partition] ?? 0n);
      if (nextOffset < firstOffset || nextOffset > endOffset) {
        return outOfRange({ topic, partition, offset: nextOffset, firstOffset, endOffset });
      }
    }
    return null;
  }

  #fail(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#options.onFailure(error instanceof Error ? error : failureOf(error, 'reading records'));
  }
}

type Request = {
  readonly node: number;
  readonly topics: FetchOptions<Buffer, Buffer, Buffer, Buffer>['topics'];
  readonly offsets: Map<string, SourceOffset>;
};

/** The fetches for partitions, one a leader; of a partition without a leader there is none. */
function requestsOf({ topics }: ClusterMetadata, wanted: readonly SourceOffset[]): Request[] {
  const requests = new Map<number, Request>();
  for (const at of wanted) {
    const found = topics.get(at.topic);
    const leader = found?.partitions[at.partition];
    if (found === undefined || leader === undefined) continue;
    const request: Request = requests.get(leader.leader) ?? { node: leader.leader, topics: [], offsets: new Map() };
    requests.set(leader.leader, request);
    request.offsets.set(`${found.id}/${at.partition}`, at);
    const asking = {
      partition: at.partition,
      currentLeaderEpoch: leader.leaderEpoch,
      fetchOffset: BigInt(at.nextOffset),
      lastFetchedEpoch: -1,
      partitionMaxBytes: kafkaLimits.partitionBytesMax,
    };
    const sameTopic = request.topics.find(({ topicId }) => topicId === found.id);
    if (sameTopic === undefined) request.topics.push({ topicId: found.id, partitions: [asking] });
    else sameTopic.partitions.push(asking);
  }
  return [...requests.values()];
}

function without(some: readonly TopicPartition[], others: readonly TopicPartition[]): TopicPartition[] {
  const names = new Set(others.map(nameOf));
  return some.filter((at) => !names.has(nameOf(at)));
}
