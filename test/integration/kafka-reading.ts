import type {
  ConsumeOptions,
  KafkaBatch,
  KafkaDriver,
  KafkaRecord,
  TopicPartition,
} from '../../adapters/kafka/port.ts';

/** What a member of a group has been given, and how to wait for it. */
export type Reading = {
  readonly records: (KafkaRecord & TopicPartition)[];
  readonly held: Set<string>;
  readonly failures: Error[];
  /** Resolves once a condition holds, looked at after each change. */
  readonly until: (isMet: () => boolean) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Joins a group and keeps whatever comes; `from` says where a partition is begun. */
export async function openReading(
  driver: KafkaDriver,
  options: Pick<ConsumeOptions, 'group' | 'topics' | 'isolation' | 'instanceId' | 'sessionTimeoutMs'> & {
    readonly from?: (at: TopicPartition) => Promise<number> | number;
    readonly onBatch?: (batch: KafkaBatch) => Promise<void>;
  },
): Promise<Reading> {
  const { from = () => 0, onBatch, ...consume } = options;
  const reading = {
    records: new Array<KafkaRecord & TopicPartition>(),
    held: new Set<string>(),
    failures: new Array<Error>(),
  };
  const waiting: (() => void)[] = [];
  const tell = (): void => {
    for (const look of waiting.splice(0)) look();
  };
  const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;
  const consumer = await driver.openConsumer({
    ...consume,
    onAssigned: async (partitions) => {
      for (const at of partitions) reading.held.add(nameOf(at));
      tell();
      return Promise.all(partitions.map(async (at) => ({ ...at, nextOffset: await from(at) })));
    },
    onRevoked: async (partitions) => {
      for (const at of partitions) reading.held.delete(nameOf(at));
      tell();
    },
    onBatch: async (batch) => {
      await onBatch?.(batch);
      const { topic, partition } = batch;
      for (const record of batch.records) reading.records.push({ ...record, topic, partition });
      tell();
    },
    onFailure: (error) => {
      reading.failures.push(error);
      tell();
    },
  });
  const until = async (isMet: () => boolean): Promise<void> => {
    while (!isMet()) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    }
  };
  return { ...reading, until, close: () => consumer.close() };
}
