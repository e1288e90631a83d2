import type {
  Admin,
  Consumer,
  ConsumerCrashEvent,
  EachBatchPayload,
  IMemberAssignment,
  Kafka,
  KafkaMessage,
} from 'kafkajs';
import { WeirError } from '../../core/contract/failure.ts';
import { outOfRange } from './kafka-failure.ts';
import { asked, failureOf } from './kafkajs-failure.ts';
import { nameOf } from './partition-queue.ts';
import {
  type ConsumeOptions,
  type KafkaBatch,
  type KafkaConsumer,
  kafkaLimits,
  type KafkaRecord,
  type TopicPartition,
} from './port.ts';
import { closeWithin } from './time-limit.ts';

/** A member of a group, through kafkajs, which rebalances eagerly. */
export async function openKafkajsConsumer(kafka: Kafka, options: ConsumeOptions): Promise<KafkaConsumer> {
  if (options.along !== undefined && options.along.length > 0) {
    throw new WeirError({
      code: 'DRIVER_UNABLE',
      message: `got topics to read along (${options.along.join(', ')}), which kafkajs cannot do`,
      fix: 'Use the driver platformatic.',
    });
  }
  const member = new KafkajsConsumer(kafka, options);
  try {
    await member.join();
    return member;
  } catch (error) {
    await member.close();
    throw error;
  }
}

/** A partition that this member has: where it is read on, and where it was last sought to. */
type Held = TopicPartition & { nextOffset: number; soughtOffset: number | null };

class KafkajsConsumer implements KafkaConsumer {
  readonly #options: ConsumeOptions;
  readonly #consumer: Consumer;
  readonly #admin: Admin;
  readonly #held = new Map<string, Held>();
  #beatMs = performance.now();
  #heardMs = performance.now();
  #assigning: Promise<void> = Promise.resolve();
  #isClosing = false;

  constructor(kafka: Kafka, options: ConsumeOptions) {
    const { group, isolation = 'committed', sessionTimeoutMs = kafkaLimits.sessionTimeoutMs } = options;
    this.#options = options;
    this.#admin = kafka.admin();
    this.#consumer = kafka.consumer({
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: options.heartbeatMs ?? kafkaLimits.heartbeatMs,
      readUncommitted: isolation === 'uncommitted',
      minBytes: options.fetchBytesMin ?? kafkaLimits.fetchBytesMin,
      maxWaitTimeInMs: options.fetchWaitMs ?? kafkaLimits.fetchWaitMs,
      maxBytes: kafkaLimits.fetchBytesMax,
      maxBytesPerPartition: kafkaLimits.partitionBytesMax,
      allowAutoTopicCreation: false,
    });
  }

  async join(): Promise<void> {
    const { group, topics } = this.#options;
    await asked('connecting', async () => {
      await this.#admin.connect();
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true });
    });
    const { GROUP_JOIN, CRASH, HEARTBEAT, REQUEST } = this.#consumer.events;
    this.#consumer.on(REQUEST, ({ payload }) => {
      if (payload.apiName === 'Heartbeat') this.#beatMs = performance.now() - payload.duration;
    });
    this.#consumer.on(HEARTBEAT, () => (this.#heardMs = this.#beatMs));
    const joined = new Promise<void>((resolve) => {
      this.#consumer.on(GROUP_JOIN, ({ payload }) => {
        this.#reassign(payload.memberAssignment);
        resolve();
      });
    });
    this.#consumer.on(CRASH, ({ payload }) => this.#crash(payload));
    await asked(`joining group ${group}`, () =>
      this.#consumer.run({
        autoCommit: false,
        partitionsConsumedConcurrently: 64,
        eachBatch: (payload) => this.#take(payload),
      }),
    );
    await joined;
  }

  heardMs(): number {
    return this.#heardMs;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#assigning;
    await closeWithin(() => this.#consumer.disconnect());
    await closeWithin(() => this.#admin.disconnect());
  }

  /** One change of the assignment after the other. What stays is sought again: the library begins at what was committed. */
  #reassign(assignment: IMemberAssignment): void {
    const now = Object.entries(assignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    );
    const names = new Set(now.map(nameOf));
    const change = async (): Promise<void> => {
      const gone = [...this.#held.values()].filter((held) => !names.has(nameOf(held)));
      const come = now.filter((at) => !this.#held.has(nameOf(at)));
      for (const at of gone) this.#held.delete(nameOf(at));
      if (gone.length > 0) await this.#options.onRevoked(gone);
      if (come.length > 0) {
        for (const at of await this.#options.onAssigned(come))
          this.#held.set(nameOf(at), { ...at, soughtOffset: null });
      }
      for (const held of this.#held.values()) this.#seek(held);
    };
    this.#assigning = this.#assigning.then(change).catch((error: unknown) => this.#fail(error));
  }

  #seek(held: Held): void {
    const { topic, partition, nextOffset } = held;
    held.soughtOffset = nextOffset;
    this.#consumer.seek({ topic, partition, offset: String(nextOffset) });
  }

  async #take(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    await this.#assigning;
    const held = this.#held.get(nameOf(batch));
    if (held === undefined || this.#isClosing) return;
    const records = batch.messages.map(recordOf).filter(({ offset }) => offset >= held.nextOffset);
    const first = batch.messages[0];
    if (first !== undefined && Number(first.offset) > held.nextOffset && !(await this.#isGap(held))) return;
    held.soughtOffset = null;
    const nextOffset = Math.max(held.nextOffset, Number(batch.lastOffset()) + 1);
    const { topic, partition } = held;
    const taken = { topic, partition, records, nextOffset, highWatermark: Number(batch.highWatermark) };
    if (records.length > 0) await this.#hand(taken, () => payload.heartbeat());
    held.nextOffset = nextOffset;
  }

  /**
   * Whether offsets that are missing hold no records (markers, compaction). Otherwise the library began elsewhere than it
   * should: it is sent back once, and what is no longer there ends the consumer.
   */
  async #isGap(held: Held): Promise<boolean> {
    const { topic, partition, nextOffset: offset } = held;
    const ends = await this.#admin.fetchTopicOffsets(topic);
    const end = ends.find((found) => found.partition === partition);
    const firstOffset = Number(end?.low ?? 0);
    if (offset < firstOffset) {
      this.#fail(outOfRange({ topic, partition, offset, firstOffset, endOffset: Number(end?.high ?? 0) }));
      return false;
    }
    if (held.soughtOffset === null) return true;
    // A second batch after the same seek begins where the first one did.
    held.soughtOffset = null;
    this.#consumer.seek({ topic, partition, offset: String(offset) });
    return false;
  }

  /** The member stays one of the group however long a batch takes. */
  async #hand(batch: KafkaBatch, heartbeat: () => Promise<void>): Promise<void> {
    const beat = setInterval(() => void heartbeat().catch(() => undefined), kafkaLimits.heartbeatMs);
    try {
      await this.#options.onBatch(batch);
    } catch (error) {
      this.#fail(error);
    } finally {
      clearInterval(beat);
    }
  }

  #crash({ error, restart }: ConsumerCrashEvent['payload']): void {
    const failure = failureOf(error, 'reading records');
    if (restart) this.#options.onTrouble?.(failure);
    else this.#fail(failure);
  }

  #fail(error: unknown): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#options.onFailure(error instanceof Error ? error : failureOf(error, 'reading records'));
  }
}

function recordOf({ offset, key, value, headers = {}, timestamp }: KafkaMessage): KafkaRecord {
  const pairs = Object.entries(headers).flatMap(([name, some]) =>
    (Array.isArray(some) ? some : [some ?? '']).map((one) => [name, Buffer.from(one)] as const),
  );
  return { offset: Number(offset), key, value, headers: pairs, timestampMs: Number(timestamp) };
}
