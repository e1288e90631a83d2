import kafkajs, { type Kafka, type Message, type Producer, type TopicMessages } from 'kafkajs';
import { asked } from './kafkajs-failure.ts';
import {
  type AppendedRecords,
  kafkaLimits,
  type OutgoingRecord,
  type PackedRecords,
  type PlainProducer,
  type SourceOffset,
  type TransactionalProducer,
} from './port.ts';
import { unpack } from './packed-records.ts';
import { closeWithin } from './time-limit.ts';

const sending = { acks: -1, compression: kafkajs.CompressionTypes.GZIP } as const;

/** A writer without transactions, through kafkajs. */
export async function openKafkajsProducer(kafka: Kafka): Promise<PlainProducer> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
  await asked('connecting', () => producer.connect());
  return {
    append: (packed) => asked('writing records', () => append(producer, packed)),
    send: async (records) => {
      if (records.length === 0) return;
      await asked('writing records', () => producer.sendBatch({ ...sending, topicMessages: byTopic(records) }));
    },
    close: () => closeWithin(() => producer.disconnect()),
  };
}

async function append(producer: Producer, packed: PackedRecords): Promise<AppendedRecords> {
  const { topic, partition } = packed;
  const timestampMs = Date.now();
  const timed = unpack(packed).map((record) => ({ ...record, timestampMs }));
  const written = await producer.sendBatch({ ...sending, topicMessages: byTopic(timed) });
  const place = written.find((one) => one.topicName === topic && one.partition === partition);
  if (place?.baseOffset === undefined)
    throw new Error(`got no place of records in ${topic}/${partition}, expected one`);
  // -1 where the topic keeps the writer's time.
  const appendMs = Number(place.logAppendTime ?? -1);
  return {
    topic,
    partition,
    firstOffset: Number(place.baseOffset),
    timestampMs: appendMs < 0 ? timestampMs : appendMs,
  };
}

/** A writer of transactions, through kafkajs: fenced by the epoch of its transactional id. */
export async function openKafkajsTransactional(
  kafka: Kafka,
  { transactionalId, group }: { readonly transactionalId: string; readonly group: string },
): Promise<TransactionalProducer> {
  const producer = kafka.producer({
    transactionalId,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    transactionTimeout: kafkaLimits.transactionTimeoutMs,
  });
  await asked(`taking over transactions of ${transactionalId}`, async () => {
    await producer.connect();
    // The library takes an epoch with its first transaction.
    const first = await producer.transaction();
    await first.abort();
  });
  return {
    commit: ({ records, packed, offsets }) =>
      asked(`committing a transaction of ${transactionalId}`, async () => {
        const transaction = await producer.transaction();
        try {
          const all = packed === undefined ? records : [...records, ...unpack(packed)];
          if (all.length > 0) await transaction.sendBatch({ ...sending, topicMessages: byTopic(all) });
          if (offsets.length > 0) {
            await transaction.sendOffsets({ consumerGroupId: group, topics: offsetsByTopic(offsets) });
          }
          await transaction.commit();
        } catch (error) {
          if (transaction.isActive()) await transaction.abort().catch(() => undefined);
          throw error;
        }
      }),
    close: () => closeWithin(() => producer.disconnect()),
  };
}

function byTopic(records: readonly OutgoingRecord[]): TopicMessages[] {
  const topics = new Map<string, Message[]>();
  for (const record of records) {
    const messages = topics.get(record.topic) ?? [];
    topics.set(record.topic, messages);
    messages.push(messageOf(record));
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}

function messageOf({ partition, key, value, headers = [], timestampMs }: OutgoingRecord): Message {
  return {
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    headers: Object.fromEntries(headers.map(([name, bytes]) => [name, Buffer.from(bytes)])),
    ...(partition === undefined ? {} : { partition }),
    ...(timestampMs === undefined ? {} : { timestamp: String(timestampMs) }),
  };
}

function offsetsByTopic(offsets: readonly SourceOffset[]) {
  const topics = [...new Set(offsets.map(({ topic }) => topic))];
  return topics.map((topic) => ({
    topic,
    partitions: offsets
      .filter((at) => at.topic === topic)
      .map(({ partition, nextOffset }) => ({ partition, offset: String(nextOffset) })),
  }));
}
