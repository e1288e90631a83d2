import type {
  ConsumeOptions,
  KafkaBatch,
  KafkaConsumer,
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

type ReadingOptions = Pick<ConsumeOptions, 'group' | 'topics' | 'isolation' | 'instanceId' | 'sessionTimeoutMs'> & {
  readonly from?: (at: TopicPartition) => Promise<number> | number;
  readonly onBatch?: (batch: KafkaBatch) => Promise<void>;
  readonly joinsAgain?: boolean;
};

/** Joins a group and keeps what comes; `from` says where a partition is begun, `joinsAgain` that a failure ends nothing. */
export async function openReading(driver: KafkaDriver, options: ReadingOptions): Promise<Reading> {
  const reading = {
    records: new Array<KafkaRecord & TopicPartition>(),
    held: new Set<string>(),
    failures: new Array<Error>(),
  };
  const waiting: (() => void)[] = [];
  const tell = (): void => {
    for (const look of waiting.splice(0)) look();
  };
  const member = openMember(() => driver.openConsumer(keepAll(reading, options, { tell, fail: () => member.fail() })));
  await member.joined;
  const until = async (isMet: () => boolean): Promise<void> => {
    while (!isMet()) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    }
  };
  return { ...reading, until, close: member.close };
}

/** A member that can join again. */
function openMember(join: () => Promise<KafkaConsumer>): {
  readonly joined: Promise<KafkaConsumer>;
  readonly fail: () => void;
  readonly close: () => Promise<void>;
} {
  let isClosed = false;
  let consumer = join();
  const fail = (): void => {
    const left = consumer;
    consumer = left
      .then((one) => one.close())
      .catch(() => undefined)
      .then(() => (isClosed ? left : join()));
    consumer.catch(fail);
  };
  const close = async (): Promise<void> => {
    isClosed = true;
    await (await consumer).close();
  };
  return { joined: consumer, fail, close };
}

function keepAll(
  reading: Pick<Reading, 'records' | 'held' | 'failures'>,
  { from = () => 0, onBatch, joinsAgain = false, ...consume }: ReadingOptions,
  { tell, fail }: { readonly tell: () => void; readonly fail: () => void },
): ConsumeOptions {
  const next = new Map<string, number>();
  const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;
  return {
    ...consume,
    onAssigned: async (partitions) => {
      for (const at of partitions) reading.held.add(nameOf(at));
      tell();
      const begin = async (at: TopicPartition): Promise<number> => next.get(nameOf(at)) ?? from(at);
      return Promise.all(partitions.map(async (at) => ({ ...at, nextOffset: await begin(at) })));
    },
    onRevoked: async (partitions) => {
      for (const at of partitions) reading.held.delete(nameOf(at));
      tell();
    },
    onBatch: async (batch) => {
      await onBatch?.(batch);
      const { topic, partition } = batch;
      for (const record of batch.records) reading.records.push({ ...record, topic, partition });
      if (joinsAgain) next.set(nameOf(batch), batch.nextOffset);
      tell();
    },
    onFailure: (error) => {
      reading.failures.push(error);
      tell();
      if (joinsAgain) fail();
    },
  };
}
