import type { ConsumeOptions, KafkaBatch, KafkaDriver, TopicPartition } from '../adapters/kafka/port.ts';
import type { RecordReader } from '../adapters/registry/record-reader.ts';
import { WeirError } from '../core/contract/failure.ts';
import type { Columnar } from './columnar.ts';
import { claimManifest } from './manifest.ts';
import { partitionDir } from './partitions.ts';
import { openShadowPartition, type PartitionedReplay } from './replay-partitions.ts';

/** Which topic is read again, by which group, and up to where. */
export type ReplayedTopic = {
  readonly driver: KafkaDriver;
  readonly topic: string;
  readonly contract: string;
  /** The replay's own; it commits nothing, so that the workers' group is where it was. */
  readonly group: string;
  /** By partition: the end of the topic when the replay began. */
  readonly ends: readonly number[];
  readonly read: RecordReader;
};

/**
 * Where a topic ends now, by partition. Throws `REPLAY_PAST_RETENTION` where its first records are gone, as the state is a
 * function of all of them.
 */
export async function endsOfTopic(driver: KafkaDriver, topic: string): Promise<number[]> {
  const admin = await driver.openAdmin();
  try {
    const ends = await admin.ends(topic);
    const short = ends.find(({ firstOffset }) => firstOffset > 0);
    if (short !== undefined) throw pastRetention(topic, short);
    return [...ends].toSorted((left, right) => left.partition - right.partition).map(({ nextOffset }) => nextOffset);
  } finally {
    await admin.close();
  }
}

/**
 * Takes a topic through what is tried, under a group of its own, up to the recorded ends; writes nothing to the cluster. One
 * that was stopped goes on after the last record that its logs hold.
 */
export async function replayTopic(
  replay: PartitionedReplay,
  replayed: ReplayedTopic,
  steps: { readonly onProgress?: (records: number) => void; readonly signal: AbortSignal },
): Promise<'complete' | 'stopped'> {
  const { driver, topic, group, ends } = replayed;
  const { signal, onProgress } = steps;
  const shadows = new Map<number, Columnar>();
  const open = new Set(ends.flatMap((end, partition) => (end > 0 ? [partition] : [])));
  const ended = Promise.withResolvers<'complete' | 'stopped'>();
  const stop = (): void => ended.resolve('stopped');
  signal.addEventListener('abort', stop, { once: true });
  let records = 0;
  const reach = (partition: number, nextOffset: number): void => {
    if (nextOffset >= (ends[partition] ?? 0)) open.delete(partition);
    if (open.size === 0) ended.resolve('complete');
  };
  const onAssigned: ConsumeOptions['onAssigned'] = (partitions) =>
    Promise.all(
      partitions.map(async ({ partition }: TopicPartition) => {
        const shadow = shadows.get(partition) ?? claimShadow(replay, partition);
        shadows.set(partition, shadow);
        // What a log had taken and not decided when it was stopped comes first.
        await shadow.process({ lagRecordsMax: 0 });
        const last = shadow.lastSourcePosition;
        const nextOffset = last === null ? 0 : last + 1;
        records += shadow.nextOffset + shadow.lagRecords;
        reach(partition, nextOffset);
        return { topic, partition, nextOffset };
      }),
    );
  const onBatch = async (batch: KafkaBatch): Promise<void> => {
    const shadow = shadows.get(batch.partition);
    if (shadow === undefined || signal.aborted || !open.has(batch.partition)) return;
    records += await takeBatch(shadow, batch, replayed);
    onProgress?.(records);
    reach(batch.partition, batch.nextOffset);
  };
  try {
    const options = { group, topics: [topic], onAssigned, onBatch, onRevoked: () => Promise.resolve() };
    const consumer = await driver.openConsumer({ ...options, onFailure: ended.reject });
    let status: 'complete' | 'stopped';
    try {
      status = await ended.promise;
    } finally {
      await consumer.close();
    }
    if (status === 'complete') for (const shadow of shadows.values()) await shadow.commit();
    return status;
  } finally {
    signal.removeEventListener('abort', stop);
    for (const shadow of shadows.values()) await shadow.close();
  }
}

function claimShadow(replay: PartitionedReplay, partition: number): Columnar {
  const shadow = openShadowPartition(replay, partition);
  const { identity, weir } = replay.assembled;
  const source = { path: 'replay', sizeBytes: null, format: 'kafka', mapping: null };
  const dir = partitionDir(replay.shadow, partition);
  claimManifest({ dir, manifest: { ...identity, engine: 'columnar', source }, plan: weir.features.plan });
  return shadow;
}

async function takeBatch(
  shadow: Columnar,
  { partition, records }: KafkaBatch,
  { contract, ends, read }: ReplayedTopic,
): Promise<number> {
  const next = (shadow.lastSourcePosition ?? -1) + 1;
  const fresh = records.filter(({ offset }) => offset >= next && offset < (ends[partition] ?? 0));
  const values = await read(
    fresh.map(({ offset, value }) => ({ topic: contract, offset, bytes: value ?? new Uint8Array() })),
  );
  await shadow.append(
    values.map(({ topic, bytes }, index) => {
      const { offset, timestampMs } = fresh[index]!;
      return { topic, bytes, sourcePosition: offset, ingestTimeMs: timestampMs };
    }),
  );
  await shadow.process({ lagRecordsMax: 0 });
  return fresh.length;
}

function pastRetention(topic: string, at: { readonly partition: number; readonly firstOffset: number }): WeirError {
  const { partition, firstOffset } = at;
  return new WeirError({
    code: 'REPLAY_PAST_RETENTION',
    message: `partition ${partition} of ${topic} begins at offset ${firstOffset}, expected its first record: a state is made of all of them`,
    fix: 'Replay with --source archive: the workers keep every record in their logs.',
    facts: { topic, partition, firstOffset },
  });
}
