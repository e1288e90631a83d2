import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { KafkaAdmin, KafkaDriver, KafkaRecord } from '../adapters/kafka/port.ts';
import { WeirError } from '../core/contract/failure.ts';

/** A process that answers for partitions, and what it is asked with. */
export type OwnerAddress = z.infer<typeof ownerAddress>;

const ownerAddress = z.object({
  /** Of one run of the process. */
  id: z.string(),
  url: z.string(),
  /** Who can read the topic of owners may ask them. */
  token: z.string(),
});
const ownerRecord = z.object({ kind: z.enum(['owns', 'left']), owner: ownerAddress });

/** Who owns which partition, as all processes of a group tell each other. */
export type PartitionOwners = {
  /** Null while nobody is known to own it. */
  readonly ownerOf: (partition: number) => OwnerAddress | null;
  /** Tells all that this process owns a partition, or has left it. */
  readonly tell: (partition: number, kind: 'owns' | 'left') => Promise<void>;
  /** Resolves when something was told. */
  readonly changed: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** An address for this run of a process. */
export function addressAt(url: string): OwnerAddress {
  return { id: randomUUID(), url, token: randomBytes(24).toString('base64url') };
}

const endKey = 'end';
const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() };

/**
 * Opens the compacted topic `GROUP.owners`, makes it if there is none, and reads it to where it ends now. What a process
 * tells late of a partition that it has left is no news where another owns it by then, and an owner that is not named any
 * more says again that it is.
 */
export async function openPartitionOwners(options: {
  readonly driver: KafkaDriver;
  readonly admin: KafkaAdmin;
  readonly group: string;
  readonly self: OwnerAddress;
  readonly onFailure: (error: Error) => void;
}): Promise<PartitionOwners> {
  const { driver, admin, group, self, onFailure } = options;
  const topic = `${group}.owners`;
  await makeTopic(admin, topic);
  const producer = await driver.openProducer();
  const write = (key: string, value: string): Promise<void> =>
    producer.send([{ topic, partition: 0, key: utf8.encoder.encode(key), value: utf8.encoder.encode(value) }]);
  const tell = (partition: number, kind: 'owns' | 'left'): Promise<void> =>
    write(String(partition), JSON.stringify({ kind, owner: self }));
  const book = createBook(self, (partition) => void tell(partition, 'owns').catch(onFailure));
  const looks: (() => void)[] = [];
  const ready = Promise.withResolvers<void>();
  await write(endKey, self.id);
  const consumer = await driver.openConsumer({
    group: `${topic}.${self.id}`,
    topics: [topic],
    fetchBytesMin: 1,
    fetchWaitMs: 500,
    onAssigned: async (assigned) => assigned.map((at) => ({ ...at, nextOffset: 0 })),
    onRevoked: async () => undefined,
    onBatch: async ({ records }) => {
      for (const record of records) if (book.hear(record) === 'end') ready.resolve();
      for (const wake of looks.splice(0)) wake();
    },
    onFailure: (error) => {
      ready.reject(error);
      onFailure(error);
    },
  });
  await ready.promise;
  return {
    ownerOf: book.ownerOf,
    tell: async (partition, kind) => {
      book.note(partition, kind);
      await tell(partition, kind);
    },
    changed: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      looks.push(resolve);
      return promise;
    },
    close: async () => {
      await consumer.close();
      await producer.close();
    },
  };
}

/** What was told, by partition. `sayAgain` gets those of this process that another one is named for. */
function createBook(self: OwnerAddress, sayAgain: (partition: number) => void) {
  const owners = new Map<number, OwnerAddress>();
  const owned = new Set<number>();
  return {
    ownerOf: (partition: number): OwnerAddress | null => owners.get(partition) ?? null,
    note: (partition: number, kind: 'owns' | 'left'): void => {
      if (kind === 'owns') owned.add(partition);
      else owned.delete(partition);
    },
    /** `end` is what this process wrote before it began to read. */
    hear: ({ key, value }: KafkaRecord): 'end' | null => {
      if (key === null || value === null) return null;
      const name = utf8.decoder.decode(key);
      const text = utf8.decoder.decode(value);
      if (name === endKey) return text === self.id ? 'end' : null;
      const { kind, owner } = ownerRecord.parse(JSON.parse(text));
      const partition = Number(name);
      if (kind === 'owns') owners.set(partition, owner);
      else if (owners.get(partition)?.id === owner.id) owners.delete(partition);
      if (owned.has(partition) && owner.id !== self.id) sayAgain(partition);
      return null;
    },
  };
}

async function makeTopic(admin: KafkaAdmin, topic: string): Promise<void> {
  try {
    await admin.createTopics([{ topic, partitions: 1, configs: { 'cleanup.policy': 'compact' } }]);
  } catch (error) {
    if (!(error instanceof WeirError) || error.code !== 'TOPIC_EXISTS') throw error;
  }
}
