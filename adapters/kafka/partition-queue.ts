import type { KafkaBatch, SourceOffset, TopicPartition } from './port.ts';

/** The partitions that a member reads, with what is fetched of each and not taken yet. */
export type PartitionQueues = {
  /** Begins to read partitions. */
  readonly add: (offsets: readonly SourceOffset[]) => void;
  /** Reads partitions no more, and resolves once none of their batches is under way. */
  readonly remove: (partitions: readonly TopicPartition[]) => Promise<void>;
  readonly list: () => readonly TopicPartition[];
  /** Those that a fetch may ask for: at most one batch waits behind the one under way. */
  readonly wanted: () => readonly SourceOffset[];
  /** Takes up what was fetched from an offset on; false when nobody asked for it. */
  readonly put: (asked: SourceOffset, batch: KafkaBatch) => boolean;
  /** Resolves when the next fetch may ask for something that it could not before. */
  readonly changed: () => Promise<void>;
  /** Resolves once no batch is under way. */
  readonly idle: () => Promise<void>;
};

type Queue = TopicPartition & { nextOffset: number; waiting: number; last: Promise<void>; isRemoved: boolean };

const waitingMax = 2;

/** Queues batches by partition: each in order, one at a time. `onFailure` gets what taking one threw. */
export function createPartitionQueues(
  onBatch: (batch: KafkaBatch) => Promise<void>,
  onFailure: (error: unknown) => void,
): PartitionQueues {
  const queues = new Map<string, Queue>();
  const waiters: (() => void)[] = [];
  const tell = (): void => {
    for (const wake of waiters.splice(0)) wake();
  };
  const take = async (queue: Queue, batch: KafkaBatch): Promise<void> => {
    if (!queue.isRemoved) await onBatch(batch);
    queue.waiting--;
    tell();
  };
  return {
    add: (offsets) => {
      for (const { topic, partition, nextOffset } of offsets) {
        const queue = { topic, partition, nextOffset, waiting: 0, last: Promise.resolve(), isRemoved: false };
        queues.set(nameOf(queue), queue);
      }
      tell();
    },
    remove: async (partitions) => {
      const gone = partitions.map((at) => queues.get(nameOf(at))).filter((queue) => queue !== undefined);
      for (const queue of gone) {
        queue.isRemoved = true;
        queues.delete(nameOf(queue));
      }
      await Promise.all(gone.map(({ last }) => last));
    },
    list: () => [...queues.values()],
    wanted: () => [...queues.values()].filter(({ waiting }) => waiting < waitingMax),
    put: (asked, batch) => {
      const queue = queues.get(nameOf(asked));
      if (queue === undefined || queue.nextOffset !== asked.nextOffset) return false;
      queue.nextOffset = batch.nextOffset;
      if (batch.records.length === 0) return true;
      queue.waiting++;
      queue.last = queue.last.then(() => take(queue, batch)).catch(onFailure);
      return true;
    },
    changed: () =>
      new Promise((resolve) => {
        waiters.push(resolve);
      }),
    idle: async () => {
      await Promise.all([...queues.values()].map(({ last }) => last));
    },
  };
}

/** One text for a partition of a topic. */
export function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
