import type { Lease } from '../adapters/dynamodb/leases.ts';

/** What a member of a group sees of its leases. */
export type LeaseView = {
  readonly shardIds: readonly string[];
  readonly leases: readonly Lease[];
  /** Who looks. */
  readonly owner: string;
  /** Shards that it holds. */
  readonly held: ReadonlySet<string>;
  /** Shards whose owner has given no sign of life for a session. */
  readonly silent: ReadonlySet<string>;
};

/**
 * Which shard to take next, null for none: one that nobody reads while we have less than our share, else one of whoever has
 * at least two more than we do. One at a time, so that members that look at the same moment come to rest.
 */
export function nextLease({ shardIds, leases, owner, held, silent }: LeaseView): string | null {
  const byShard = new Map(leases.map((lease) => [lease.shardId, lease]));
  const isFree = (shardId: string): boolean => {
    const other = byShard.get(shardId)?.owner ?? null;
    // What is ours by name and not held is of a process before this one.
    return other === null || other === owner || silent.has(shardId);
  };
  const free = shardIds.filter((shardId) => !held.has(shardId) && isFree(shardId));
  const counts = new Map<string, string[]>([[owner, [...held]]]);
  for (const shardId of shardIds) {
    const other = byShard.get(shardId)?.owner ?? null;
    if (other !== null && !held.has(shardId) && !isFree(shardId)) {
      counts.set(other, [...(counts.get(other) ?? []), shardId]);
    }
  }
  const share = Math.ceil(shardIds.length / counts.size);
  if (held.size >= share) return null;
  const first = free[0];
  if (first !== undefined) return first;
  const [largest = []] = [...counts.values()].toSorted((left, right) => right.length - left.length);
  return largest.length >= held.size + 2 ? (largest.at(-1) ?? null) : null;
}
