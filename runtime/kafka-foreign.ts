import { join } from 'node:path';
import type { KafkaBatch, SourceOffset } from '../adapters/kafka/port.ts';
import { inputContracts } from '../core/contract/contracts.ts';
import { controlTopic } from '../core/engine/record.ts';
import { routedContractOf } from '../core/steps/repartition-record.ts';
import { Columnar, type DurableBatch } from './columnar.ts';
import type { FeatureStore } from './feature-store.ts';
import type { ForeignTopics } from './foreign-topics.ts';
import { openingLane } from './in-turn.ts';
import { closeOwned, type KafkaPartition, type OwningOptions } from './owned-partition.ts';
import { claimManifest } from './manifest.ts';
import { openPartitionDirectory } from './partition-directory.ts';
import { partitionDir } from './partitions.ts';
import { openSourcePositions, type SourcePositions } from './source-positions.ts';

/** A foreign key, and where its views go. */
export type ForeignOptions = OwningOptions & { readonly foreign: ForeignTopics; readonly store: FeatureStore };

type Opened = { readonly scoring: Columnar; readonly positions: SourcePositions };

/**
 * Becomes the owner of a partition of a repartition topic: of the windows of the keys whose events come to it. As with a
 * source partition the epoch of its own transactional id fences the former owner off, and its state is opened then. Views
 * go out in one transaction with the offset that they are of.
 */
export async function openForeignPartition(options: ForeignOptions): Promise<KafkaPartition> {
  const { plan, partition, driver, admin, foreign } = options;
  const { field } = foreign.key;
  const producer = await driver.openTransactional({
    transactionalId: `${plan.group}-${field}-${partition}`,
    group: plan.group,
  });
  try {
    const at = { topic: foreign.repartition, partition };
    const [known] = await admin.committed(plan.group, [at]);
    const publisher = createPublisher(options, { committed: known?.nextOffset ?? 0, commit: producer.commit });
    const dir = partitionDir(join(plan.state, `by-${field}`), partition);
    const { opened, ...directory } = await openPartitionDirectory(dir, (path) =>
      openingLane(() => openState(options, { dir: path, onDurable: publisher.publish })),
    );
    const { scoring, positions } = opened;
    publisher.begin(positions);
    await scoring.process({ lagRecordsMax: 0 });
    const begun = nextOf(positions) ?? (known === undefined ? null : 0);
    const ends = begun === null ? await admin.ends(foreign.repartition) : [];
    let last: Promise<void> = Promise.resolve();
    return {
      ...directory,
      scoring,
      starts: [{ ...at, nextOffset: begun ?? ends[partition]?.firstOffset ?? 0 }],
      take: (batch) => {
        last = last.then(() => takeBatch(opened, batch));
        return last;
      },
      close: (how) => closeOwned({ scoring, positions, producer, last }, how),
    };
  } catch (error) {
    await producer.close().catch(() => undefined);
    throw error;
  }
}

function openState(
  { plan, partition, foreign }: ForeignOptions,
  { dir, onDurable }: { readonly dir: string; readonly onDurable: (batch: DurableBatch) => Promise<void> },
): Opened {
  const { cutRecords, stateBytesMax, partitions } = plan;
  const { assembled, repartition } = foreign;
  const scoring = new Columnar({ dir, assembled, cutRecords, stateBytesMax, partition, onDurable });
  const path = `kafka:${repartition} partition ${partition} of ${partitions}`;
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

const contractNames = [...inputContracts.keys()];
/** Records between two notes of where the topic goes on. */
const saveRecords = 65_536;

async function takeBatch({ scoring, positions }: Opened, batch: KafkaBatch): Promise<void> {
  const next = nextOf(positions) ?? 0;
  const fresh = batch.records.filter(({ offset }) => offset >= next);
  const incoming = fresh.map(({ offset, value, timestampMs }) => {
    if (value === null) throw new RangeError(`got a tombstone at offset ${offset} of ${batch.topic}, expected none`);
    const contract = routedContractOf(value);
    const topic = contract === null ? controlTopic : contractNames[contract];
    if (topic === undefined) throw new RangeError(`got contract ${contract} at offset ${offset} of ${batch.topic}`);
    return { topic, bytes: value, sourcePosition: offset, ingestTimeMs: timestampMs };
  });
  const before = scoring.nextOffset;
  positions.add(incoming);
  await scoring.append(incoming);
  await scoring.process({ lagRecordsMax: 0 });
  if (Math.floor(before / saveRecords) !== Math.floor(scoring.nextOffset / saveRecords)) positions.save();
}

/** The offset after the last record in the log; its records are there by their contracts. */
function nextOf(positions: SourcePositions): number | null {
  const known = [controlTopic, ...contractNames].flatMap((topic) => positions.nextOf(topic) ?? []);
  return known.length === 0 ? null : Math.max(...known);
}

/** Publishes what the windows say of each key that a batch changed, with the offset that it comes to. */
function createPublisher(
  { plan, partition, foreign, store }: ForeignOptions,
  cluster: {
    readonly committed: number;
    readonly commit: (work: {
      readonly records: ReturnType<FeatureStore['recordsOf']>;
      readonly offsets: SourceOffset[];
    }) => Promise<void>;
  },
): {
  readonly begin: (positions: SourcePositions) => void;
  readonly publish: (batch: DurableBatch) => Promise<void>;
} {
  let positions: SourcePositions | null = null;
  return {
    begin: (opened) => (positions = opened),
    publish: async ({ nextOffset, views: changed }) => {
      if (positions === null) throw new Error('got views before the positions, expected them after');
      const offset = positions.takeUntil(nextOffset).records.at(-1)?.sourcePosition;
      if (offset === undefined) return;
      const views = changed.map(({ key, view }) => ({ key, view: { ...view, offset } }));
      if (offset >= cluster.committed) {
        const offsets = [{ topic: foreign.repartition, partition, nextOffset: offset + 1 }];
        const { traces } = plan;
        const commit = (): Promise<void> => cluster.commit({ records: store.recordsOf(views), offsets });
        await (traces === undefined ? commit() : traces.stage('publish', commit));
      }
      store.put(views);
    },
  };
}
