import { join } from 'node:path';
import type { Lease, LeasePosition, Leases } from '../adapters/dynamodb/leases.ts';
import type { KinesisStream, ShardCursor, ShardRead } from '../adapters/kinesis/port.ts';
import type { UserRecord } from '../core/decode/aggregated-record.ts';
import type { Assembled } from './assemble.ts';
import { Columnar, type DurableBatch } from './columnar.ts';
import { outcomesOf, valuesFrom } from './decided-records.ts';
import { openingLane } from './in-turn.ts';
import { claimManifest } from './manifest.ts';
import { openPartitionDirectory } from './partition-directory.ts';
import type { Scoring, TimedIncoming } from './scoring.ts';
import { openShardPositions, type ShardPositions } from './shard-positions.ts';

/** What a worker reads, and where it writes. */
export type KinesisPlan = {
  readonly group: string;
  readonly source: KinesisStream;
  readonly decisions: KinesisStream;
  /** The folder that holds one of each shard. */
  readonly state: string;
  readonly assembled: Assembled;
  /** The topic and the event of a record's bytes. */
  readonly unwrap: (data: Uint8Array) => { readonly topic: string; readonly bytes: Uint8Array };
  /** Records between two cuts of a shard: at most as many are taken again after a crash. */
  readonly cutRecords: number;
  readonly stateBytesMax: number;
};

/** Decisions that readers of the stream see from now on. */
export type PublishedShard = {
  readonly shardId: string;
  /** How many decisions had each outcome. */
  readonly outcomes: ReadonlyMap<string, number>;
};

/** A shard that this process owns. */
export type KinesisShard = {
  readonly shardId: string;
  readonly isCopy: boolean;
  readonly scoring: Pick<Scoring, 'counts' | 'recovery' | 'totals'>;
  readonly cursor: ShardCursor;
  /** Takes what a read brought to its end: decided, durable, published, and the lease moved on. */
  readonly take: (read: ShardRead) => Promise<void>;
  readonly close: (how: 'commit' | 'abandon') => Promise<void>;
};

/**
 * Opens the state of a shard whose lease is ours, and publishes what its former owner had not.
 *
 * Kinesis has no transactions: decisions are put, then the lease is moved on under our epoch. A crash between both puts
 * the same decisions, each with the same id, a second time; nothing else does, and nothing is left out.
 */
export async function openKinesisShard(options: {
  readonly plan: KinesisPlan;
  readonly lease: Lease;
  readonly leases: Pick<Leases, 'commit'>;
  /** Throws `FENCED` when the lease is not known to be ours any more. */
  readonly assertHeld: () => Promise<void>;
  readonly onPublished?: ((published: PublishedShard) => void) | undefined;
}): Promise<KinesisShard> {
  const { plan, lease } = options;
  const { shardId } = lease;
  const publisher = createPublisher(options);
  const { dir, opened, isCopy } = await openPartitionDirectory(join(plan.state, shardId), (path) =>
    openingLane(() => openState({ plan, shardId, dir: path, onDurable: publisher.publish })),
  );
  const { scoring } = opened;
  const positions = openShardPositions(dir, scoring.recovery.logEndOffset);
  publisher.begin(positions);
  await scoring.process({ lagRecordsMax: 0 });
  let isWhole = true;
  return {
    shardId,
    isCopy,
    scoring,
    cursor: plan.source.open(shardId, positions.before(scoring.nextOffset)),
    take: async (read) => {
      isWhole = false;
      await takeRead({ plan, scoring, positions }, read);
      isWhole = true;
    },
    close: async (how) => {
      try {
        // Decisions that nobody has published must not become the past.
        if (how === 'commit' && isWhole) await scoring.commit();
      } finally {
        positions.close();
        await scoring.close();
      }
    },
  };
}

function openState(options: {
  readonly plan: KinesisPlan;
  readonly shardId: string;
  readonly dir: string;
  readonly onDurable: (batch: DurableBatch) => Promise<void>;
}): { readonly scoring: Columnar } {
  const { plan, shardId, dir, onDurable } = options;
  const { assembled, cutRecords, stateBytesMax, source } = plan;
  const partition = numberOfShard(shardId);
  const scoring = new Columnar({ dir, assembled, cutRecords, stateBytesMax, tells: 'values', partition, onDurable });
  claimManifest({
    dir,
    manifest: {
      ...assembled.identity,
      engine: 'columnar',
      source: { path: `kinesis:${source.name} ${shardId}`, sizeBytes: null, format: 'kinesis', mapping: null },
    },
    plan: assembled.weir.features.plan,
  });
  return { scoring };
}

/** As decisions name it: shardId-000000000012 is 12. */
function numberOfShard(shardId: string): number {
  return Number(/\d+$/.exec(shardId)?.[0] ?? 0);
}

async function takeRead(
  {
    plan,
    scoring,
    positions,
  }: { readonly plan: KinesisPlan; readonly scoring: Columnar; readonly positions: ShardPositions },
  { records }: ShardRead,
): Promise<void> {
  const before = scoring.nextOffset;
  const incoming: TimedIncoming[] = [];
  for (const { arrivalMs, records: users } of records) {
    for (const { data } of users)
      incoming.push({ ...plan.unwrap(data), sourcePosition: before + incoming.length, ingestTimeMs: arrivalMs });
  }
  positions.note(before, records);
  await scoring.append(incoming);
  await scoring.process({ lagRecordsMax: 0 });
  const { cutRecords } = plan;
  if (Math.floor(before / cutRecords) === Math.floor(scoring.nextOffset / cutRecords)) return;
  // Recovery may fall back to the checkpoint before the last.
  positions.forgetBefore(Math.max(0, scoring.nextOffset - 3 * cutRecords));
}

type Publisher = {
  readonly begin: (positions: ShardPositions) => void;
  readonly publish: (batch: DurableBatch) => Promise<void>;
};

/** Publishes the decisions of each batch that the lease has not been moved over, then moves it. */
function createPublisher(options: Parameters<typeof openKinesisShard>[0]): Publisher {
  const { plan, lease, leases, assertHeld, onPublished } = options;
  const { shardId } = lease;
  let positions: ShardPositions | null = null;
  let committed: LeasePosition | null = lease.position;
  return {
    begin: (opened) => (positions = opened),
    publish: async ({ nextOffset, values }) => {
      if (positions === null) throw new Error('got decisions before the positions, expected them after');
      const reached = positions.before(nextOffset);
      if (reached === null) return;
      const fromOffset = committed === null ? 0 : positions.offsetAfter(committed, nextOffset);
      if (fromOffset >= nextOffset) return;
      await assertHeld();
      const fresh = valuesFrom(values, (offset) => offset >= fromOffset);
      const records = Array.from({ length: fresh.count }, (_, index): UserRecord => {
        const key = fresh.keys.subarray(fresh.keyEnds[index - 1] ?? 0, fresh.keyEnds[index]);
        // The next batch is written where this one is.
        const data = fresh.values.slice(fresh.valueEnds[index - 1] ?? 0, fresh.valueEnds[index]);
        return { partitionKey: new TextDecoder().decode(key), data };
      });
      await plan.decisions.put(shardId, records);
      await leases.commit(lease, reached);
      committed = reached;
      onPublished?.({ shardId, outcomes: outcomesOf(fresh) });
    },
  };
}
