import { type BaseOptions, Consumer, type Message, type MessageToProduce, Producer } from '@platformatic/kafka';
import { asked } from './platformatic-failure.ts';
import {
  kafkaLimits,
  type OutgoingRecord,
  type PlainProducer,
  type SourceOffset,
  type TransactionalProducer,
} from './port.ts';
import { createAppender, createPackedSender } from './platformatic-produce.ts';
import { closeWithin } from './time-limit.ts';

const sending = { acks: -1, idempotent: true, compression: 'lz4' } as const;

/** What a producer without an epoch says when it asks for one; the library's own answer, 0, is fenced on a second attempt. */
const newEpoch = { producerId: -1n, producerEpoch: -1 };

/** A writer without transactions, through @platformatic/kafka. */
export function openPlatformaticProducer(base: BaseOptions): PlainProducer {
  const producer = new Producer({ ...base, ...sending });
  const append = createAppender(producer);
  return {
    send: async (records) => {
      if (records.length === 0) return;
      await asked('writing records', () => producer.send({ messages: records.map(messageOf) }));
    },
    append: (packed) => asked('writing records', () => append(packed)),
    close: () => closeWithin(() => producer.close()),
  };
}

/**
 * A writer of transactions, through @platformatic/kafka. Its offsets carry no generation of the group: what fences an
 * owner that has lost its partition is the epoch of the transactional id, of which each partition has its own.
 */
export async function openPlatformaticTransactional(
  base: BaseOptions,
  { transactionalId, group }: { readonly transactionalId: string; readonly group: string },
): Promise<TransactionalProducer> {
  const timeout = kafkaLimits.transactionTimeoutMs;
  const producer = new Producer({ ...base, ...sending, timeout, transactionalId });
  // It is never joined: the library asks it for the group's id and coordinator.
  const member = new Consumer({ ...base, groupId: group, autocommit: false });
  const sendPacked = createPackedSender(producer, transactionalId);
  const close = async (): Promise<void> => {
    await closeWithin(() => producer.close(true));
    await closeWithin(() => member.close(true));
  };
  try {
    await asked(`taking over transactions of ${transactionalId}`, async () => {
      const first = await producer.beginTransaction(newEpoch);
      await first.cancel();
    });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    commit: (work) =>
      asked(`committing a transaction of ${transactionalId}`, async () => {
        const transaction = await producer.beginTransaction();
        try {
          if (work.records.length > 0) await transaction.send({ messages: work.records.map(messageOf), ...sending });
          const { packed } = work;
          if (packed !== undefined && packed.count > 0) await sendPacked(transaction, packed);
          if (work.offsets.length > 0) {
            await transaction.addConsumer(member);
            const coordinatorId = await member.findGroupCoordinator();
            // One after the other: the library takes two at once for the same.
            for (const offset of work.offsets) await transaction.addOffset(offsetMessage(offset, group, coordinatorId));
          }
          await transaction.commit();
        } catch (error) {
          if (!transaction.completed) await transaction.abort().catch(() => transaction.cancel());
          throw error;
        }
      }),
    close,
  };
}

function messageOf({ topic, partition, key, value, headers, timestampMs }: OutgoingRecord): MessageToProduce {
  return {
    topic,
    ...(key === null ? {} : { key: bufferOf(key) }),
    ...(value === null ? {} : { value: bufferOf(value) }),
    ...(partition === undefined ? {} : { partition }),
    ...(timestampMs === undefined ? {} : { timestamp: BigInt(timestampMs) }),
    ...(headers === undefined
      ? {}
      : { headers: new Map(headers.map(([name, bytes]) => [Buffer.from(name), bufferOf(bytes)])) }),
  };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The library commits the offset after a message. */
function offsetMessage(
  { topic, partition, nextOffset }: SourceOffset,
  groupId: string,
  coordinatorId: number,
): Message {
  const none = Buffer.alloc(0);
  return {
    topic,
    partition,
    key: none,
    value: none,
    timestamp: 0n,
    headers: new Map(),
    headerEntries: [],
    offset: BigInt(nextOffset) - 1n,
    leaderEpoch: -1,
    metadata: { consumer: { groupId, generationId: -1, memberId: '', coordinatorId } },
    commit: () => undefined,
    toJSON: () => ({
      key: none,
      value: none,
      headers: [],
      topic,
      partition,
      timestamp: '0',
      offset: '0',
      leaderEpoch: -1,
      metadata: {},
    }),
  };
}
