import type { UserRecord } from '../../core/decode/aggregated-record.ts';

/** Where reading goes on: within or after the Kinesis record of a sequence number. */
export type ShardPosition = {
  readonly sequence: string;
  /** User records of it that were taken. */
  readonly taken: number;
};

/** A Kinesis record, taken apart. */
export type ShardRecord = {
  readonly sequence: string;
  /** When the stream took it, milliseconds UTC. */
  readonly arrivalMs: number;
  /** User records in front of these that were taken before. */
  readonly takenBefore: number;
  readonly records: readonly UserRecord[];
};

/** What one read of a shard brought. */
export type ShardRead = {
  readonly records: readonly ShardRecord[];
  /** How far behind the end of the shard the read was. */
  readonly behindMs: number;
  /** The shard was split or merged, and holds no more. */
  readonly isAtEnd: boolean;
};

export type Shard = { readonly shardId: string; readonly parentIds: readonly string[] };

/** One place in one shard, moved on by each read. */
export type ShardCursor = {
  /** Throws `OFFSET_OUT_OF_RANGE` where the record to go on after is not in the stream any more, and `KINESIS_UNREACHABLE`. */
  readonly read: () => Promise<ShardRead>;
};

/** A stream of Kinesis. */
export type KinesisStream = {
  readonly name: string;
  /** All shards that hold records. Throws `STREAM_UNKNOWN`. */
  readonly listShards: () => Promise<readonly Shard[]>;
  /** Null begins with the oldest record. */
  readonly open: (shardId: string, after: ShardPosition | null) => ShardCursor;
  /** Writes records in order to the shard of a key, several of them in one Kinesis record. */
  readonly put: (shardKey: string, records: readonly UserRecord[]) => Promise<void>;
  readonly close: () => void;
};

/** Limits of a stream's use. */
export const kinesisLimits = {
  /** Of one read: 10 MB at most in any case. */
  recordsMax: 10_000,
  /** Of one Kinesis record with its key, below the 1 MiB that a stream takes. */
  recordBytesMax: 900 * 1024,
  /** Of one put: 500 and 5 MiB in any case. */
  putRecordsMax: 5,
  attempts: 8,
  retryMs: 50,
  retryMsMax: 2000,
} as const;
