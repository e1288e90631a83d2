import type { KeyIndex } from '../adapters/files/key-index.ts';
import { lookupsOf, type Arrival } from '../core/pipeline.ts';
import type { AcceptedKey } from '../core/sinks/effects.ts';
import { createIdFilter } from './id-filter.ts';

/** Every id that was ever accepted: those of the open cut in memory, older ones in the key index on disk. */
export type KnownIds = {
  /** For a batch's lookups: the body hash, or a prefix of it, of each id that was accepted before. */
  readonly lookUp: (arrivals: readonly Arrival[]) => Map<string, string>;
  /** As `lookUp`, of ids. */
  readonly lookUpIds: (idHashes: readonly string[]) => Map<string, string>;
  /** Adds the ids that a batch accepted. */
  readonly add: (keys: readonly AcceptedKey[]) => void;
  /** The ids of the open cut, which go to the index with it. */
  readonly pending: () => readonly AcceptedKey[];
  /** The open cut has been written. */
  readonly committed: () => void;
};

/** Opens the memory of ids over an index. A filter in memory spares the disk almost every id that is new. */
export function openKnownIds(index: KeyIndex): KnownIds {
  const filter = createIdFilter();
  index.eachIdWords(filter.addWords);
  const bodies = new Map<string, string>();
  let pending: AcceptedKey[] = [];
  const find = (idHash: string): string | undefined =>
    bodies.get(idHash) ?? (filter.mightHold(idHash) ? index.find(idHash)?.bodyHashPrefix : undefined);
  const lookUpIds: KnownIds['lookUpIds'] = (idHashes) => {
    const known = new Map<string, string>();
    for (const idHash of idHashes) {
      const bodyHash = find(idHash);
      if (bodyHash !== undefined) known.set(idHash, bodyHash);
    }
    return known;
  };
  return {
    lookUpIds,
    lookUp: (arrivals) => lookUpIds(arrivals.flatMap(lookupsOf)),
    add: (keys) => {
      for (const key of keys) {
        bodies.set(key.idHash, key.bodyHash);
        pending.push(key);
      }
    },
    pending: () => pending,
    committed: () => {
      for (const { idHash } of pending) filter.add(idHash);
      pending = [];
      bodies.clear();
      index.refresh();
    },
  };
}
