import type { KafkaAdmin, KafkaBatch, SourceOffset, TransactionalProducer } from '../adapters/kafka/port.ts';
import { noTraces, type Traces } from '../adapters/opentelemetry/port.ts';
import type { ObjectStore } from '../adapters/s3/port.ts';
import type { RecordReader } from '../adapters/registry/record-reader.ts';
import type { RecordWriter } from '../adapters/registry/record-writer.ts';
import type { ReadView } from '../core/features/columnar-foreign.ts';
import type { Assembled } from './assemble.ts';
import { Columnar, type DurableBatch } from './columnar.ts';
import { decidedOf } from './decided-records.ts';
import type { FeatureStore } from './feature-store.ts';
import type { ForeignTopics } from './foreign-topics.ts';
import { openingLane } from './in-turn.ts';
import { createSourceTime, readsOf, routedRecords } from './kafka-routes.ts';
import { claimManifest } from './manifest.ts';
import { closeOwned, type OwningOptions, type Published, type SourcePartition } from './owned-partition.ts';
import { openPartitionPlace } from './partition-place.ts';
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
export async function openKafkaPartition(
  options: OwningOptions & {
    /** By the number of the foreign key. */
    readonly stores: readonly FeatureStore[];
    readonly onPublished?: ((published: Published) => void) | undefined;
  },
): Promise<SourcePartition> {
  const { plan, partition, driver, admin, stores } = options;
  const producer = await driver.openTransactional({
    transactionalId: `${plan.group}-${partition}`,
    group: plan.group,
  });
  try {
    const committed = await committedOf({ plan, partition, admin });
    const publisher = createPublisher({ ...options, committed, commit: producer.commit });
    const { dir, opened, isCopy, push } = await openPartitionPlace(plan, partition, (path) =>
      openingLane(() => openState({ plan, partition, dir: path, stores, onDurable: publisher.publish })),
    );
    const { scoring, positions } = opened;
    publisher.begin(positions);
    // What is decided from here on reads what was published before.
    await Promise.all(stores.map(({ ready }) => ready));
    await scoring.process({ lagRecordsMax: 0 });
    const sourceTime = createSourceTime({ plan, partition, scoring, commit: producer.commit });
    const starts = await startsOf({ plan, partition, admin, positions, committed });
    let last: Promise<void> = Promise.resolve();
    return {
      dir,
      isCopy,
      scoring,
      starts,
      take: (batch) => {
        const contract = contractOf(plan, batch.topic);
        sourceTime.noteSpoken();
        last = last.then(() => takeBatch({ scoring, positions, contract, plan, push }, batch));
        return last;
      },
      tellTime: () => {
        last = last.then(sourceTime.tell);
        return last;
      },
      close: (how) => closeOwned({ scoring, positions, producer, last, push }, how),
    };
  } catch (error) {
    await producer.close().catch(() => undefined);
    throw error;
  }
}

type Opened = { readonly scoring: Columnar; readonly positions: SourcePositions };

function openState(options: {
  readonly plan: KafkaPlan;
  readonly partition: number;
  readonly dir: string;
  readonly stores: readonly FeatureStore[];
  readonly onDurable: (batch: DurableBatch) => Promise<void>;
}): Opened {
  const { plan, partition, dir, stores, onDurable } = options;
  const { assembled, cutRecords, stateBytesMax, topics, partitions } = plan;
  const tells = plan.writer.jsonPrefix === null ? 'all' : 'values';
  const readView: ReadView = (foreign, key) => stores[foreign]?.read(key);
  const scoring = new Columnar({ dir, assembled, cutRecords, stateBytesMax, tells, partition, readView, onDurable });
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
  return { scoring, positions: openSourcePositions({ dir, checkpointOffset, logEndOffset }) };
}

/** Records between two notes of where the topics go on. */
const saveRecords = 65_536;

async function takeBatch(
  taking: Opened & {
    readonly contract: string;
    readonly plan: KafkaPlan;
    readonly push: (() => Promise<void>) | null;
  },
  batch: KafkaBatch,
): Promise<void> {
  const { scoring, positions, contract, plan, push } = taking;
  const { read, cutRecords, traces = noTraces } = plan;
  const next = positions.nextOf(contract) ?? 0;
  const fresh = batch.records.filter(({ offset }) => offset >= next);
  // A tombstone is no event: it goes to the dead letters, as other bytes that are none.
  const values = await read(
    fresh.map(({ offset, value }) => ({ topic: contract, offset, bytes: value ?? new Uint8Array() })),
  );
  if (values.length !== fresh.length)
    throw new RangeError(`got ${values.length} values of records, expected ${fresh.length}, one of each`);
  const incoming = values.map(({ topic, bytes }, index) => {
    const { offset, timestampMs } = fresh[index]!;
    return { topic, bytes, sourcePosition: offset, ingestTimeMs: timestampMs };
  });
  // What is brought to an object store goes there cut by cut: a fetch may hold several.
  const partMax = push === null ? incoming.length : cutRecords;
  for (let from = 0; from < incoming.length;) {
    const before = scoring.nextOffset;
    const part = incoming.slice(from, from + partMax - (push === null ? 0 : before % cutRecords));
    from += part.length;
    positions.add(part.map(({ sourcePosition }) => ({ topic: contract, sourcePosition })));
    await traces.stage('append', () => scoring.append(part));
    await traces.stage('decide', () => scoring.process({ lagRecordsMax: 0 }));
    if (Math.floor(before / saveRecords) !== Math.floor(scoring.nextOffset / saveRecords)) positions.save();
    if (push === null || scoring.nextOffset % cutRecords > 0) continue;
    await scoring.rest();
    await push();
  }
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

type Publisher = {
  readonly begin: (positions: SourcePositions) => void;
  readonly publish: (batch: DurableBatch) => Promise<void>;
};

/** Publishes the decisions of each batch that the group has not committed, with the offsets that it comes to. */
function createPublisher(options: {
  readonly plan: KafkaPlan;
  readonly partition: number;
  readonly committed: ReadonlyMap<string, number>;
  readonly commit: TransactionalProducer['commit'];
  readonly onPublished?: ((published: Published) => void) | undefined;
}): Publisher {
  const { plan, partition, committed, commit, onPublished } = options;
  const { traces = noTraces } = plan;
  const topicOf = new Map([...plan.topics].map(([topic, contract]) => [contract, topic]));
  let positions: SourcePositions | null = null;
  return {
    begin: (opened) => (positions = opened),
    publish: async (batch) => {
      const { nextOffset } = batch;
      if (positions === null) throw new Error('got decisions before the positions, expected them after');
      const { firstLogOffset, records } = positions.takeUntil(nextOffset);
      const isNew = records.map(({ topic, sourcePosition }) => sourcePosition >= (committed.get(topic) ?? 0));
      const reached = new Map<string, number>();
      for (const [index, { topic, sourcePosition }] of records.entries()) {
        if (isNew[index] === true) reached.set(topic, sourcePosition + 1);
      }
      if (reached.size === 0) return;
      const decided = decidedOf(plan, batch, {
        partition,
        isNew: (offset) => isNew[offset - firstLogOffset] === true,
      });
      const routed = routedRecords(plan, batch.routed, (logOffset) => {
        const index = logOffset - firstLogOffset;
        return isNew[index] === true ? { partition, offset: records[index]!.sourcePosition } : null;
      });
      const work = {
        records: [...decided.records, ...routed],
        packed: decided.packed,
        offsets: [...reached].map(([contract, next]) => ({
          topic: topicOf.get(contract) ?? contract,
          partition,
          nextOffset: next,
        })),
      };
      await traces.stage('publish', () => commit(work));
      const reads = readsOf(plan, batch, decided.offsets, firstLogOffset);
      onPublished?.({ partition, outcomes: decided.outcomes, records: isNew.filter(Boolean).length, reads });
    },
  };
}

function contractOf(plan: KafkaPlan, topic: string): string {
  const contract = plan.topics.get(topic);
  if (contract !== undefined) return contract;
  throw new RangeError(`got topic ${topic}, expected one of ${[...plan.topics.keys()].join(', ')}`);
}
