import { randomUUID } from 'node:crypto';
import type { KafkaDriver, KafkaRecord, OutgoingRecord } from '../adapters/kafka/port.ts';
import { type KeyView, packView, unpackView } from '../core/features/key-view.ts';

/** A view as it is published: of a key by the name that it goes by outside of its partition. */
export type PublishedView = { readonly key: string; readonly view: KeyView };

/** Where the owners of a foreign key's windows put views, and decisions read them. */
export type FeatureStore = {
  /** The view of a key, as far as it has come here. */
  readonly read: (key: string) => KeyView | undefined;
  /** The records that bring views to other processes, for the transaction that they are part of. */
  readonly recordsOf: (views: readonly PublishedView[]) => OutgoingRecord[];
  /** Takes views whose transaction is committed; of two of a key the one of the higher offset stays. */
  readonly put: (views: readonly PublishedView[]) => void;
  /** Resolves once everything is here that was committed before the store was opened. */
  readonly ready: Promise<void>;
  readonly close: () => Promise<void>;
};

/** A store for one process that holds all windows. */
export function createMemoryStore(): FeatureStore {
  const views = new Map<string, KeyView>();
  return {
    read: (key) => views.get(key),
    recordsOf: () => [],
    put: (published) => {
      for (const { key, view } of published) if (!isOlder(view, views.get(key))) views.set(key, view);
    },
    ready: Promise.resolve(),
    close: async () => undefined,
  };
}

export type TopicStoreOptions = {
  readonly driver: KafkaDriver;
  /** A compacted topic: what it keeps is the last view of each key. */
  readonly topic: string;
  readonly partitions: number;
  /** The workers' group; each store reads in one of its own. */
  readonly group: string;
  /** Views that came through the topic, and how long ago they were written. */
  readonly onViews?: ((lagsMs: readonly number[]) => void) | undefined;
  readonly onFailure: (error: Error) => void;
};

/** Names the records that tell a reader that it has come to the end: one a partition, which compaction leaves. */
const endKey = '\u0000end';
const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() };

/** A store that all processes of a group share through a compacted topic; each has all views in memory. */
export async function openTopicStore(options: TopicStoreOptions): Promise<FeatureStore> {
  const { driver, topic, partitions, group, onViews, onFailure } = options;
  const memory = createMemoryStore();
  const id = randomUUID();
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  const missing = new Set(all);
  const ready = Promise.withResolvers<void>();
  const fail = (error: Error): void => {
    ready.reject(error);
    onFailure(error);
  };
  // Whoever waits is told; who does not wait learns it by `onFailure`.
  ready.promise.catch(() => undefined);
  await markEnd(options, { id, all });
  const consumer = await driver.openConsumer({
    group: `${group}.${topic}.${id}`,
    topics: [topic],
    onAssigned: async (assigned) => assigned.map((at) => ({ ...at, nextOffset: 0 })),
    onRevoked: async () => undefined,
    onBatch: async ({ partition, records }) => {
      const views = records.flatMap((record) => viewOf(record));
      memory.put(views);
      onViews?.(records.map(({ timestampMs }) => Date.now() - timestampMs));
      if (missing.has(partition) && records.some((record) => isEnd(record, id))) missing.delete(partition);
      if (missing.size === 0) ready.resolve();
    },
    onFailure: fail,
  });
  return {
    ...memory,
    recordsOf: (views) =>
      views.map(({ key, view }) => ({ topic, key: utf8.encoder.encode(key), value: packView(view) })),
    ready: ready.promise,
    close: () => consumer.close(),
  };
}

async function markEnd(
  { driver, topic }: TopicStoreOptions,
  { id, all }: { readonly id: string; readonly all: readonly number[] },
): Promise<void> {
  const producer = await driver.openProducer();
  try {
    const [key, value] = [utf8.encoder.encode(endKey), utf8.encoder.encode(id)];
    await producer.send(all.map((partition) => ({ topic, partition, key, value })));
  } finally {
    await producer.close();
  }
}

function viewOf({ key, value }: KafkaRecord): PublishedView[] {
  if (key === null || value === null) return [];
  const name = utf8.decoder.decode(key);
  return name === endKey ? [] : [{ key: name, view: unpackView(value) }];
}

function isEnd({ key, value }: KafkaRecord, id: string): boolean {
  return key !== null && value !== null && utf8.decoder.decode(key) === endKey && utf8.decoder.decode(value) === id;
}

function isOlder(view: KeyView, known: KeyView | undefined): boolean {
  return known !== undefined && known.offset > view.offset;
}
