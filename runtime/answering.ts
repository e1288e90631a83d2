import type { KafkaBatch, KafkaRecord, PlainProducer } from '../adapters/kafka/port.ts';
import type { DecisionAnswer } from '../adapters/http/port.ts';
import type { WeirFiles } from './assemble.ts';
import type { Columnar } from './columnar.ts';
import { createFoundAnswers, type FoundAnswers } from './found-answers.ts';
import type { KafkaPlan } from './kafka-partition.ts';
import type { Publisher } from './kafka-publisher.ts';
import type { Taking } from './kafka-take.ts';
import { PartitionDesk } from './partition-desk.ts';
import { shareSyncs } from './shared-syncs.ts';

/** How a worker answers callers who wait. */
export type Answering = {
  readonly producer: Pick<PlainProducer, 'append'>;
  /** Events of one partition that may wait at once. */
  readonly waitingMax: number;
  /** Finds a decision that a cut has put into the lake of a partition's folder; null when there is none. */
  readonly findKept: (dir: string, decisionId: string) => Promise<DecisionAnswer | null>;
  /** What was assembled, by its files: the lake is written in a thread of its own then. */
  readonly files: WeirFiles;
  /** Does the group still take this process for the owner? */
  readonly isOwner: () => boolean;
};

/** The decisions that a partition's callers may ask for again: whatever no cut has put into the lake is among them. */
export function openFound({ findKept, waitingMax }: Answering, dir: string, cutRecords: number): FoundAnswers {
  return createFoundAnswers((id) => findKept(dir, id), 2 * cutRecords + waitingMax);
}

/** How records of a partition are decided where callers wait, and where those wait. */
export type AnsweringPartition = {
  readonly desk: PartitionDesk;
  readonly decide: Taking['decide'];
  /** Answers what has come, after the last batch. */
  readonly finish: () => Promise<void>;
};

/**
 * Decides without waiting for the disk or the cluster: what is decided while one sync is under way shares the next, callers
 * are answered after that, and decisions are published behind.
 */
export function createAnswering(options: {
  readonly plan: Pick<KafkaPlan, 'topics'>;
  readonly partition: number;
  readonly answering: Answering;
  readonly scoring: Columnar;
  readonly found: FoundAnswers;
  readonly publisher: Publisher;
  readonly deliver: (batch: KafkaBatch) => void;
}): AnsweringPartition {
  const { plan, partition, answering, scoring, found, publisher, deliver } = options;
  const syncs = shareSyncs(() => scoring.sync());
  const topicOf = new Map([...plan.topics].map(([topic, contract]) => [contract, topic]));
  const { producer, waitingMax, isOwner } = answering;
  const desk = new PartitionDesk({ partition, topicOf, producer, found, waitingMax, isOwner, deliver });
  const decideAll = async (durable: Promise<void>): Promise<void> => {
    found.begin();
    while (scoring.lagRecords > 0) {
      const batch = await scoring.take();
      if (batch === null) return;
      found.note(batch);
      publisher.publishLater(batch, durable);
    }
  };
  return {
    desk,
    decide: async (records: readonly KafkaRecord[], firstLogOffset, contract) => {
      const { promise: durable, resolve, reject } = Promise.withResolvers<void>();
      durable.catch(() => undefined);
      try {
        await decideAll(durable);
      } catch (error) {
        reject(error);
        throw error;
      }
      for (const [index, { offset }] of records.entries()) {
        desk.tell(contract, offset, { found: found.at(firstLogOffset + index), durable });
      }
      syncs().then(resolve, reject);
    },
    finish: async () => {
      await syncs();
      desk.leave();
      await publisher.published(scoring.nextOffset);
    },
  };
}
