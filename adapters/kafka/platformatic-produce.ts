import { setTimeout as delay } from 'node:timers/promises';
import { type Connection, findErrorBy, NetworkError, type Producer, produceV9, Writer } from '@platformatic/kafka';
import { type AppendedRecords, kafkaLimits, type PackedRecords } from './port.ts';
import { createBatchEncoder, plainOrigin } from './record-batch.ts';

type ProduceResponse = ReturnType<typeof produceV9.parseResponse>;
type Transaction = Awaited<ReturnType<Producer['beginTransaction']>>;

/** Of the broker's request to write: https://kafka.apache.org/protocol#The_Messages_Produce */
const produce = { key: 0, version: 9 } as const;

/**
 * Sends packed records in transactions of a producer. The library makes several objects of each record, which took a
 * fifth of a worker's time: here a batch is written as bytes, and the library brings it to the broker.
 */
export function createPackedSender(producer: Producer, transactionalId: string) {
  const encode = createBatchEncoder();
  /** Records of the producer's epoch by partition; of a transaction that fails the producer is given up. */
  const sequences = new Map<string, number>();
  return async (transaction: Transaction, packed: PackedRecords): Promise<void> => {
    const { topic, partition, count } = packed;
    const metadata = await producer.metadata({ topics: [topic] });
    await transaction.addPartitions(metadata, [{ topic, partition, value: Buffer.alloc(0) }]);
    const { producerId, producerEpoch } = producer;
    if (producerId === undefined || producerEpoch === undefined)
      throw new Error('got a producer without an id, expected one that has begun a transaction');
    const name = `${topic}/${partition}`;
    const firstSequence = sequences.get(name) ?? 0;
    const batch = encode(packed, {
      producerId,
      producerEpoch,
      firstSequence,
      timestampMs: Date.now(),
      kind: 'transactional',
    });
    await sendWithRetries(producer, { transactionalId, topic, partition, batch });
    sequences.set(name, (firstSequence + count) % 2 ** 31);
  };
}

/**
 * Sends packed records by themselves. The broker does not know them again: where its answer is lost, another attempt writes
 * them a second time.
 */
export function createAppender(producer: Producer): (packed: PackedRecords) => Promise<AppendedRecords> {
  const encode = createBatchEncoder();
  return async (packed) => {
    const { topic, partition } = packed;
    const timestampMs = Date.now();
    const batch = encode(packed, { ...plainOrigin, timestampMs });
    const response = await sendWithRetries(producer, { transactionalId: null, topic, partition, batch });
    const written = response.responses[0]?.partitionResponses[0];
    if (written === undefined) throw new Error(`got no place of records in ${topic}/${partition}, expected one`);
    // -1 where the topic keeps the writer's time.
    const appendMs = Number(written.logAppendTimeMs);
    const firstOffset = Number(written.baseOffset);
    return { topic, partition, firstOffset, timestampMs: appendMs < 0 ? timestampMs : appendMs };
  };
}

type BatchToSend = {
  readonly transactionalId: string | null;
  readonly topic: string;
  readonly partition: number;
  readonly batch: Buffer;
};

/** A broker that has taken the batch already knows it by its sequence, and says that it has it. */
async function sendWithRetries(producer: Producer, sending: BatchToSend): Promise<ProduceResponse> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { topics, brokers } = await producer.metadata({ topics: [sending.topic], forceUpdate: attempt > 1 });
      const leader = topics.get(sending.topic)?.partitions[sending.partition]?.leader ?? -1;
      const broker = brokers.get(leader);
      if (broker === undefined) throw new NetworkError('got no leader of the partition', { canRetry: true });
      return await sendBatch(await producer.connections.get(broker), sending);
    } catch (error) {
      if (attempt > kafkaLimits.retries || !mayRetry(error)) throw error;
      await delay(kafkaLimits.retryDelayMs);
    }
  }
}

function mayRetry(error: unknown): boolean {
  return error instanceof Error && (NetworkError.isRetryable(error) || findErrorBy(error, 'canRetry', true) !== null);
}

function sendBatch(
  connection: Connection,
  { transactionalId, topic, partition, batch }: BatchToSend,
): Promise<ProduceResponse> {
  const createRequest = (): Writer =>
    Writer.create()
      .appendString(transactionalId)
      .appendInt16(-1)
      .appendInt32(kafkaLimits.requestTimeoutMs)
      .appendArray([topic], (topics, name) => {
        topics.appendString(name).appendArray([partition], (partitions, number) => {
          partitions
            .appendInt32(number)
            .appendUnsignedVarInt(batch.length + 1)
            .append(batch);
        });
      })
      .appendTaggedFields();
  return new Promise((resolve, reject) => {
    const { key, version } = produce;
    connection.send(key, version, createRequest, produceV9.parseResponse, true, true, (error, response) => {
      if (error || response === undefined) reject(error ?? new Error('got no answer to a write, expected one'));
      else resolve(response);
    });
  });
}
