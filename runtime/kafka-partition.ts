import type { KafkaAdmin, KafkaBatch, SourceOffset, TransactionalProducer } from '../adapters/kafka/port.ts';
import type { Traces } from '../adapters/opentelemetry/port.ts';
import type { ObjectStore } from '../adapters/s3/port.ts';
import type { RecordReader } from '../adapters/registry/record-reader.ts';
import type { RecordWriter } from '../adapters/registry/record-writer.ts';
import type { ReadView } from '../core/features/columnar-foreign.ts';
import { type Answering, type AnsweringPartition, createAnswering, openFound } from './answering.ts';
import type { Assembled } from './assemble.ts';
import { Columnar, type DurableBatch } from './columnar.ts';
import type { FeatureStore } from './feature-store.ts';
import type { ForeignTopics } from './foreign-topics.ts';
import type { FoundAnswers } from './found-answers.ts';
import { openingLane } from './in-turn.ts';
import { Publisher } from './kafka-publisher.ts';
import { createSourceTime } from './kafka-routes.ts';
import { takeBatch, type Taking } from './kafka-take.ts';
import { claimManifest } from './manifest.ts';
import { closeOwned, type OwningOptions, type Published, type SourcePartition } from './owned-partition.ts';
import { openPartitionPlace, type PartitionPlace } from './partition-place.ts';
import { openSourcePositions, type SourcePositions } from './source-positions.ts';

/** What a worker reads, and where it writes. */
export type KafkaPlan = {
  readonly group: string;
  /** The topics by the contracts of their records: the same partition of all is one log. */
  readonly topics: ReadonlyMap<string, string>;
  readonly partitions: number;
  /** Where decisions go: the same partition of this topic. */
  readonly decisionsTopic: string;
  /** The folder that holds one of each partition. */
  readonly state: string;
  /** Where the folders are kept, if not there alone: then they are this process's working copies. */
  readonly store?: ObjectStore | undefined;
  readonly assembled: Assembled;
  /** How values of records become events, and decisions values. */
  readonly read: RecordReader;
  readonly writer: Pick<RecordWriter, 'encode' | 'jsonPrefix'>;
  /** Records between two cuts of a partition: at most as many are taken again after a crash. */
  readonly cutRecords: number;
  readonly stateBytesMax: number;
  /** The keys of the definition that are spread over the partitions. */
  readonly foreign: readonly ForeignTopics[];
  readonly traces?: Traces | undefined;
};

/**
 * Becomes the owner of a partition. The epoch of its transactional id fences the former owner off; then what that one
 * committed is known, its state is opened, and what it had not published is published.
 *
 * Decisions and offsets go out in one transaction, before a cut can make them the past; so what the cluster has as this
 * group's offsets is exactly what readers see decided, whatever befell the one who wrote it.
 */
export async function openKafkaPartition(options: PartitionOptions): Promise<SourcePartition> {
  const { plan, partition, driver, admin, stores, answering } = options;
  const producer = await driver.openTransactional({
    transactionalId: `${plan.group}-${partition}`,
    group: plan.group,
  });
  try {
    const committed = await committedOf({ plan, partition, admin });
    const commit = oneAtATime(producer.commit);
    const publisher = new Publisher({ ...options, committed, commit });
    const place = await openPartitionPlace(plan, partition, (path) =>
      openingLane(() => openState({ plan, partition, dir: path, stores, answering, publisher })),
    );
    const { scoring, positions } = place.opened;
    publisher.begin(positions);
    // What is decided from here on reads what was published before.
    await Promise.all(stores.map(({ ready }) => ready));
    await scoring.process({ lagRecordsMax: 0 });
    const sourceTime = createSourceTime({ plan, partition, scoring, commit });
    const starts = await startsOf({ plan, partition, admin, positions, committed });
    return runOwned(options, { place, producer, publisher, sourceTime, starts });
  } catch (error) {
    await producer.close().catch(() => undefined);
    throw error;
  }
}

type PartitionOptions = OwningOptions & {
  /** By the number of the foreign key. */
  readonly stores: readonly FeatureStore[];
  readonly onPublished?: ((published: Published) => void) | undefined;
  /** Where callers wait for decisions. */
  readonly answering?: Answering | undefined;
  /** A failure that no batch learns of. */
  readonly onFailure: (error: Error) => void;
};

type OpenedParts = {
  readonly place: PartitionPlace<Opened>;
  readonly producer: TransactionalProducer;
  readonly publisher: Publisher;
  readonly sourceTime: ReturnType<typeof createSourceTime>;
  readonly starts: readonly SourceOffset[];
};

/** Takes batches one after the other, those that were read and, where callers wait, those that they sent. */
function runOwned({ plan, partition, answering, onFailure }: PartitionOptions, parts: OpenedParts): SourcePartition {
  const { place, producer, publisher, sourceTime, starts } = parts;
  const { dir, isCopy, push, opened } = place;
  const { scoring, positions, found } = opened;
  const order = createOrder();
  const ownOrder = createOrder();
  const deliver = (batch: KafkaBatch): void => void ownOrder.add(() => takeOwn(batch)).catch(onFailure);
  const answers =
    answering === undefined || found === null
      ? null
      : createAnswering({ plan, partition, answering, scoring, found, publisher, deliver });
  const decide: Taking['decide'] = answers?.decide ?? (() => scoring.process({ lagRecordsMax: 0 }));
  const take = (batch: KafkaBatch): Promise<void> => {
    const contract = contractOf(plan, batch.topic);
    sourceTime.noteSpoken();
    return order.add(() => takeBatch({ scoring, positions, plan, push, decide, contract }, batch));
  };
  /** What others wrote before it comes first: reading brings both. */
  const takeOwn = async (batch: KafkaBatch): Promise<void> => {
    await order.last();
    const next = positions.nextOf(contractOf(plan, batch.topic)) ?? startOf(starts, batch.topic);
    if (batch.nextOffset - batch.records.length <= next) await take(batch);
  };
  return {
    desk: answers?.desk ?? null,
    dir,
    isCopy,
    scoring,
    starts,
    take,
    tellTime: () => order.add(sourceTime.tell),
    close: async (how) => {
      const isFinished =
        answers === null || (await finishAnswers(answers, () => ownOrder.last().then(order.last), how));
      await closeOwned({ scoring, positions, producer, last: order.last(), push }, isFinished ? how : 'abandon');
    },
  };
}

/** Answers what was taken, and says whether that and the publishing of it came to an end. */
async function finishAnswers(
  { desk, finish }: AnsweringPartition,
  last: () => Promise<void>,
  how: 'commit' | 'abandon',
): Promise<boolean> {
  if (how === 'commit') {
    try {
      await desk.shut();
      await last();
      await finish();
      return true;
    } catch {
      // Whoever waits is turned away, and asks the next owner.
    }
  }
  desk.leave();
  return false;
}

type Opened = { readonly scoring: Columnar; readonly positions: SourcePositions; readonly found: FoundAnswers | null };

function openState(options: {
  readonly plan: KafkaPlan;
  readonly partition: number;
  readonly dir: string;
  readonly stores: readonly FeatureStore[];
  readonly answering: Answering | undefined;
  readonly publisher: Publisher;
}): Opened {
  const { plan, partition, dir, stores, answering, publisher } = options;
  const { assembled, cutRecords, stateBytesMax, topics, partitions } = plan;
  const isJson = plan.writer.jsonPrefix !== null;
  const found = answering === undefined ? null : openFound(answering, dir, cutRecords);
  const onDurable = async (batch: DurableBatch): Promise<void> => {
    found?.note(batch);
    await publisher.publish(batch);
  };
  const readView: ReadView = (foreign, key) => stores[foreign]?.read(key);
  const tells = found === null ? (isJson ? 'values' : 'all') : isJson ? 'valuesAndAnswers' : 'allAndAnswers';
  // The thread assembles the files, which know of no foreign keys.
  const lakeThread = answering === undefined || plan.foreign.length > 0 ? {} : { lakeThread: answering.files };
  const limits = { cutRecords, stateBytesMax };
  const beforeCut = (endOffset: number): Promise<void> => publisher.published(endOffset);
  const publishing = { onDurable, ...(found === null ? {} : { beforeCut }) };
  const scoring = new Columnar({ dir, assembled, tells, partition, readView, ...limits, ...publishing, ...lakeThread });
  const path = `kafka:${[...topics.keys()].join(',')} partition ${partition} of ${partitions}`;
  claimManifest({
    dir,
    manifest: {
      ...assembled.identity,
      engine: 'columnar',
      source: { path, sizeBytes: null, format: 'kafka', mapping: null },
    },
    plan: assembled.weir.features.plan,
  });
  const { checkpointOffset, logEndOffset } = scoring.recovery;
  return { scoring, positions: openSourcePositions({ dir, checkpointOffset, logEndOffset }), found };
}

/** By contract: what the group has committed of this partition's topics. */
async function committedOf(options: {
  readonly plan: KafkaPlan;
  readonly partition: number;
  readonly admin: KafkaAdmin;
}): Promise<ReadonlyMap<string, number>> {
  const { plan, partition, admin } = options;
  const wanted = [...plan.topics.keys()].map((topic) => ({ topic, partition }));
  const found = await admin.committed(plan.group, wanted);
  return new Map(found.map(({ topic, nextOffset }) => [contractOf(plan, topic), nextOffset]));
}

/**
 * A topic that neither the state nor the group knows is begun where it begins. One that the group knows and the state does
 * not is read from 0: when its first records are gone by then, the state cannot be made again, and reading says so.
 */
async function startsOf(options: {
  readonly plan: KafkaPlan;
  readonly partition: number;
  readonly admin: KafkaAdmin;
  readonly positions: SourcePositions;
  readonly committed: ReadonlyMap<string, number>;
}): Promise<SourceOffset[]> {
  const { plan, partition, admin, positions, committed } = options;
  const starts: SourceOffset[] = [];
  for (const [topic, contract] of plan.topics) {
    const known = positions.nextOf(contract) ?? (committed.has(contract) ? 0 : null);
    const ends = known === null ? await admin.ends(topic) : [];
    starts.push({ topic, partition, nextOffset: known ?? ends[partition]?.firstOffset ?? 0 });
  }
  return starts;
}

function startOf(starts: readonly SourceOffset[], topic: string): number {
  return starts.find((start) => start.topic === topic)?.nextOffset ?? 0;
}

/** Runs one after the other; after a failure nothing more. */
function createOrder() {
  let last: Promise<void> = Promise.resolve();
  return {
    add: (run: () => Promise<void>): Promise<void> => {
      last = last.then(run);
      return last;
    },
    last: (): Promise<void> => last,
  };
}

/** A producer has one transaction at a time. */
function oneAtATime(commit: TransactionalProducer['commit']): TransactionalProducer['commit'] {
  const order = createOrder();
  return (work) => order.add(() => commit(work));
}

function contractOf(plan: KafkaPlan, topic: string): string {
  const contract = plan.topics.get(topic);
  if (contract !== undefined) return contract;
  throw new RangeError(`got topic ${topic}, expected one of ${[...plan.topics.keys()].join(', ')}`);
}
