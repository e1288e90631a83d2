import { join } from 'node:path';
import { keyGroupOf, keyGroups } from '../core/engine/key-group.ts';
import type { Incoming, Scoring } from './scoring.ts';

/**
 * The partitions of a topic that one owner holds. Each has a directory of its own with all that it keeps (log, journal,
 * lake, index, checkpoint), so that an owner takes one over by opening it, and moving it moves files and no key.
 */
export type HeldPartitions = {
  readonly partitions: readonly number[];
  /** Appends records to the partition that they are of, which must be held, takes them, and ends a cut there. */
  readonly take: (partition: number, incoming: readonly Incoming[]) => Promise<void>;
  /** The position of a partition's last record, null before the first. */
  readonly lastSourcePosition: (partition: number) => number | null;
  /** Lets all go: another owner may open them from then on. */
  readonly close: () => Promise<void>;
};

/** Opens partitions below a directory. What is open of them is closed again where one cannot be opened. */
export async function holdPartitions(options: {
  readonly root: string;
  readonly partitions: readonly number[];
  readonly open: (dir: string) => Scoring | Promise<Scoring>;
}): Promise<HeldPartitions> {
  const { root, partitions, open } = options;
  const held = new Map<number, Scoring>();
  const close = async (): Promise<void> => {
    for (const scoring of held.values()) await scoring.close();
    held.clear();
  };
  try {
    for (const partition of partitions) held.set(partition, await open(partitionDir(root, partition)));
  } catch (error) {
    await close();
    throw error;
  }
  const scoringOf = (partition: number): Scoring => {
    const scoring = held.get(partition);
    if (scoring !== undefined) return scoring;
    throw new RangeError(`got partition ${partition}, expected one of ${partitions.join(', ')}`);
  };
  return {
    partitions,
    take: async (partition, incoming) => {
      const scoring = scoringOf(partition);
      await scoring.append(incoming);
      await scoring.process({ lagRecordsMax: 0 });
      await scoring.commit();
    },
    lastSourcePosition: (partition) => scoringOf(partition).lastSourcePosition,
    close,
  };
}

/** The partition of a tenant's key, of at most 32: the same in every topic of as many. */
export function partitionOf(key: Parameters<typeof keyGroupOf>[0], partitions: number): number {
  return Math.floor((keyGroupOf(key) * partitions) / keyGroups);
}

/** Where a partition keeps its files. */
export function partitionDir(root: string, partition: number): string {
  return join(root, `partition-${String(partition).padStart(2, '0')}`);
}
