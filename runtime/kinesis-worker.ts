import { setTimeout as delay } from 'node:timers/promises';
import type { Lease, Leases } from '../adapters/dynamodb/leases.ts';
import type { ShardRead } from '../adapters/kinesis/port.ts';
import { WeirError } from '../core/contract/failure.ts';
import { type KinesisPlan, type KinesisShard, openKinesisShard, type PublishedShard } from './kinesis-shard.ts';
import { nextLease } from './lease-plan.ts';
import { type HeldLease, holdLease } from './held-lease.ts';
import { assertShards, shardsChanged } from './kinesis-plan.ts';
import { createEnding, runSessions } from './worker-sessions.ts';

/** What a worker tells while it runs. */
export type KinesisEvents = {
  readonly onOwned?: (shard: KinesisShard) => void;
  readonly onReleased?: (shardId: string) => void;
  readonly onPublished?: (published: PublishedShard) => void;
  readonly onTaken?: (shardId: string, read: ShardRead) => void;
  /** A fault that the worker tries to get over. */
  readonly onTrouble?: (error: Error) => void;
};

export type KinesisWorkerOptions = KinesisEvents & {
  readonly plan: KinesisPlan;
  readonly leases: Leases;
  readonly owner: string;
  readonly sessionTimeoutMs: number;
  /** Between two reads of a shard: a stream takes 5 a second from all readers together. */
  readonly pollMs: number;
  readonly signal: AbortSignal;
};

/**
 * Scores what comes on the shards of a stream until the signal, shared with the other members of the group by leases.
 * Whatever goes wrong ends what is open, and it begins again from what is committed.
 */
export function runKinesisWorker(options: KinesisWorkerOptions): Promise<void> {
  return runSessions(() => runSession(options), options);
}

type Owned = { readonly held: HeldLease; readonly stopping: AbortController; readonly done: Promise<void> };

async function runSession(options: KinesisWorkerOptions): Promise<void> {
  const { signal, sessionTimeoutMs, leases, onTrouble } = options;
  const ending = createEnding(signal);
  const owned = new Map<string, Owned>();
  const looking = new AbortController();
  const look = createLook(options, { owned, fail: ending.fail });
  const looks = (async () => {
    while (!looking.signal.aborted) {
      await look();
      await delay(sessionTimeoutMs / 6, undefined, { signal: looking.signal }).catch(() => undefined);
    }
  })().catch((error: unknown) => ending.fail(error instanceof Error ? error : new Error(String(error))));
  await ending.ended;
  looking.abort();
  await looks;
  for (const { stopping } of owned.values()) stopping.abort(ending.failure() === null ? 'commit' : 'abandon');
  await Promise.all([...owned.values()].map(({ done }) => done));
  for (const { held } of owned.values()) await leases.release(held.lease).catch((error: Error) => onTrouble?.(error));
  const failure = ending.failure();
  if (failure !== null) throw failure;
}

/** One look at who reads what: shows that we are alive, and takes a shard if one is ours to take. */
function createLook(
  options: KinesisWorkerOptions,
  { owned, fail }: { readonly owned: Map<string, Owned>; readonly fail: (error: Error) => void },
): () => Promise<void> {
  const { plan, leases, owner, sessionTimeoutMs } = options;
  const seen = new Map<string, { readonly sign: string; readonly sinceMs: number }>();
  return async () => {
    const shardIds = await assertShards(plan);
    await Promise.all([...owned.values()].map(({ held }) => held.beat()));
    const found = await leases.list();
    const silent = new Set<string>();
    for (const { shardId, epoch, beat } of found) {
      const sign = `${epoch} ${beat}`;
      const known = seen.get(shardId);
      if (known?.sign !== sign) seen.set(shardId, { sign, sinceMs: performance.now() });
      else if (performance.now() - known.sinceMs > sessionTimeoutMs) silent.add(shardId);
    }
    const shardId = nextLease({ shardIds, leases: found, owner, held: new Set(owned.keys()), silent });
    if (shardId === null) return;
    const lease = await leases.take(shardId, found.find((other) => other.shardId === shardId) ?? null);
    if (lease !== null) own(options, { owned, fail, lease });
  };
}

/** Reads a shard until it is stopped, taken away, or fails; what fails ends the session, but for a shard that went. */
function own(
  options: KinesisWorkerOptions,
  { owned, fail, lease }: { readonly owned: Map<string, Owned>; readonly fail: (error: Error) => void; lease: Lease },
): void {
  const { leases, sessionTimeoutMs, onReleased, onTrouble } = options;
  const { shardId } = lease;
  const stopping = new AbortController();
  const held = holdLease({ lease, leases, sessionTimeoutMs, onLost: () => stopping.abort('abandon') });
  const done = readShard(options, { held, signal: stopping.signal })
    .catch((error: unknown) => {
      const failure = error instanceof Error ? error : new Error(String(error));
      if (failure instanceof WeirError && failure.code === 'FENCED') onTrouble?.(failure);
      else fail(failure);
    })
    .finally(() => {
      // Else the session is ending, and lets the lease go itself.
      if (held.isLost()) owned.delete(shardId);
      onReleased?.(shardId);
    });
  owned.set(shardId, { held, stopping, done });
}

async function readShard(
  options: KinesisWorkerOptions,
  { held, signal }: { readonly held: HeldLease; readonly signal: AbortSignal },
): Promise<void> {
  const { plan, pollMs, onOwned, onPublished, onTaken } = options;
  const { leases, lease, assertHeld } = held;
  const shard = await openKinesisShard({ plan, lease, leases, assertHeld, onPublished });
  let isWhole = false;
  try {
    onOwned?.(shard);
    let wait = Promise.resolve();
    while (!signal.aborted) {
      await wait;
      const read = await shard.cursor.read();
      wait = delay(pollMs, undefined, { signal }).catch(() => undefined);
      if (read.records.length > 0) await shard.take(read);
      onTaken?.(shard.shardId, read);
      if (read.isAtEnd) throw shardsChanged(plan.source, `the end of ${shard.shardId}, expected it to go on`);
    }
    isWhole = signal.reason === 'commit';
  } finally {
    await shard.close(isWhole ? 'commit' : 'abandon');
  }
}
