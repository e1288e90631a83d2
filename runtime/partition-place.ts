import { basename } from 'node:path';
import type { ObjectStore } from '../adapters/s3/port.ts';
import { openPartitionDirectory } from './partition-directory.ts';
import { partitionDir } from './partitions.ts';
import { openRemoteState } from './remote-state.ts';

/** Where a partition's state is. */
export type PartitionPlace<Opened> = {
  readonly dir: string;
  readonly opened: Opened;
  /** It was copied from an owner that is alive and does not answer. */
  readonly isCopy: boolean;
  /** Brings it to the object store, from which the next owner has it; null where owners hand a folder over. */
  readonly push: (() => Promise<void>) | null;
};

/** Opens a folder that owners hand over, or a working copy of what an object store has. */
export async function openPartitionPlace<Opened>(
  { state, store }: { readonly state: string; readonly store?: ObjectStore | undefined },
  partition: number,
  open: (dir: string) => Promise<Opened> | Opened,
): Promise<PartitionPlace<Opened>> {
  const path = partitionDir(state, partition);
  if (store === undefined) return { ...(await openPartitionDirectory(path, open)), push: null };
  const { dir, push } = await openRemoteState({ store, root: state, partition: basename(path) });
  return { dir, opened: await open(dir), isCopy: false, push };
}
