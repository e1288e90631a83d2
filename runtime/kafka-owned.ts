import type { Answering } from './answering.ts';
import type { FeatureStore } from './feature-store.ts';
import { openForeignPartition } from './kafka-foreign.ts';
import { openKafkaPartition } from './kafka-partition.ts';
import type { KafkaPartition, OwningOptions, Published } from './owned-partition.ts';

/** Between two looks at whether the event time of a source partition has moved on. */
const tellTimeMs = 100;

/**
 * Becomes the owner of a partition in all its parts: of the source's, and of the same one of each repartition topic, as
 * far as there are any. Who owns one owns the others, so the group hands them over together.
 */
export async function openOwnedPartition(
  options: OwningOptions & {
    readonly stores: readonly FeatureStore[];
    readonly onPublished?: ((published: Published) => void) | undefined;
    /** Where callers wait for decisions. */
    readonly answering?: Answering | undefined;
    /** A failure that no batch learns of. */
    readonly onFailure: (error: Error) => void;
  },
): Promise<KafkaPartition> {
  const { plan, stores, onFailure } = options;
  const openingSource = openKafkaPartition(options);
  const openingForeign = plan.foreign.map((foreign, number) =>
    openForeignPartition({ ...options, foreign, store: stores[number]! }),
  );
  const opened = await Promise.allSettled([openingSource, ...openingForeign]);
  const failed = opened.find((one) => one.status === 'rejected');
  if (failed !== undefined) {
    const open = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    await Promise.allSettled(open.map((one) => one.close('abandon')));
    throw failed.reason;
  }
  const source = await openingSource;
  const foreign = await Promise.all(openingForeign);
  if (foreign.length === 0) return source;
  const byTopic = new Map(plan.foreign.map(({ repartition }, number) => [repartition, foreign[number]!]));
  let isTelling = false;
  const tell = (): void => {
    if (isTelling) return;
    isTelling = true;
    source
      .tellTime()
      .catch(onFailure)
      .finally(() => (isTelling = false));
  };
  const ticking = setInterval(tell, tellTimeMs);
  return {
    ...source,
    isCopy: [source, ...foreign].some(({ isCopy }) => isCopy),
    starts: [source, ...foreign].flatMap(({ starts }) => starts),
    take: (batch) => (byTopic.get(batch.topic) ?? source).take(batch),
    close: async (how) => {
      clearInterval(ticking);
      const closed = await Promise.allSettled([source, ...foreign].map((one) => one.close(how)));
      for (const one of closed) if (one.status === 'rejected') throw one.reason;
    },
  };
}
