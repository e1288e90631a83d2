import type { WeirError } from '../../core/contract/failure.ts';

/** A partition of a topic. */
export type TopicPartition = { readonly topic: string; readonly partition: number };

/** Where to read a partition on: the offset after the last record that was taken. */
export type SourceOffset = TopicPartition & { readonly nextOffset: number };

/** A record as a broker gives it. */
export type KafkaRecord = {
  readonly offset: number;
  readonly key: Uint8Array | null;
  /** Null is a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[];
  /** Its writer's time or, in a topic with `LogAppendTime`, the broker's; milliseconds UTC. */
  readonly timestampMs: number;
};

/** Records of one partition in offset order, not empty. */
export type KafkaBatch = TopicPartition & {
  readonly records: readonly KafkaRecord[];
  /** Where reading goes on: not always one after the last record, as markers of transactions take offsets too. */
  readonly nextOffset: number;
  /** The end of the partition when the batch was read: `highWatermark - nextOffset` records are behind it. */
  readonly highWatermark: number;
};

/** A record to be written; without a partition the hash of its key (murmur2) chooses one, as Kafka's own clients do. */
export type OutgoingRecord = {
  readonly topic: string;
  readonly partition?: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: readonly (readonly [name: string, value: Uint8Array])[];
  readonly timestampMs?: number;
};

/**
 * Records of one partition whose keys and values lie one behind the other: record i has the bytes from the end of the one
 * before it to its own. They hold until the call that they are given to has resolved.
 */
export type PackedRecords = TopicPartition & {
  readonly count: number;
  readonly keys: Uint8Array;
  readonly keyEnds: Uint32Array;
  readonly values: Uint8Array;
  readonly valueEnds: Uint32Array;
  /** What stands before each value, such as the id of its schema. */
  readonly valuePrefix: Uint8Array;
  /** Of each record. */
  readonly headers?: readonly (readonly [name: string, value: Uint8Array])[] | undefined;
};

/** A topic to be made. */
export type TopicToMake = {
  readonly topic: string;
  readonly partitions: number;
  readonly replicas?: number;
  /** By the broker's names, such as `retention.ms`. */
  readonly configs?: Readonly<Record<string, string>>;
};

/** What there is of a topic. */
export type TopicDescription = {
  readonly topic: string;
  readonly partitions: number;
  readonly configs: ReadonlyMap<string, string>;
};

/** The first offset that a partition still has, and the one that the next record gets. */
export type PartitionEnds = { readonly partition: number; readonly firstOffset: number; readonly nextOffset: number };

/** What is asked of a cluster beside records. Failures are `WeirError`s, see `kafka-failure.ts`. */
export type KafkaAdmin = {
  /** Throws `TOPIC_EXISTS`. */
  readonly createTopics: (topics: readonly TopicToMake[]) => Promise<void>;
  readonly listTopics: () => Promise<readonly string[]>;
  /** Throws `TOPIC_UNKNOWN`. */
  readonly describeTopic: (topic: string) => Promise<TopicDescription>;
  /** Keys move to other partitions then. */
  readonly increasePartitions: (topic: string, partitions: number) => Promise<void>;
  readonly alterConfigs: (topic: string, configs: Readonly<Record<string, string>>) => Promise<void>;
  readonly deleteTopics: (topics: readonly string[]) => Promise<void>;
  readonly ends: (topic: string) => Promise<readonly PartitionEnds[]>;
  /** What a group has committed, once no transaction is open on it; partitions without a commit are left out. */
  readonly committed: (group: string, topics: readonly TopicPartition[]) => Promise<readonly SourceOffset[]>;
  readonly close: () => Promise<void>;
};

export type ConsumeOptions = {
  readonly group: string;
  /** What the members share out among them. */
  readonly topics: readonly string[];
  /** Further topics of as many partitions: who has a partition of the first reads the same one of these. */
  readonly along?: readonly string[];
  /** A name that outlives the process: a member that comes back within the session keeps its partitions. */
  readonly instanceId?: string;
  /** `committed` waits for open transactions and leaves out aborted ones. */
  readonly isolation?: 'committed' | 'uncommitted';
  readonly sessionTimeoutMs?: number;
  /** How many bytes a broker gathers before it answers a fetch; 1 answers at once. */
  readonly fetchBytesMin?: number;
  /** How long a broker may gather records before it answers a fetch: less is sooner, and dearer. */
  readonly fetchWaitMs?: number;
  /** Between two signs of life, by which a member also learns that partitions are to move. */
  readonly heartbeatMs?: number;
  /** Told which partitions came to this member; answers where each, and the same partition of what is read along, is read from. */
  readonly onAssigned: (partitions: readonly TopicPartition[]) => Promise<readonly SourceOffset[]>;
  /** Told which partitions went: no further batch of theirs comes, one may still be under way. */
  readonly onRevoked: (partitions: readonly TopicPartition[]) => Promise<void>;
  /** Takes a batch. A partition's next batch comes when this has resolved, and no more than one is fetched meanwhile. */
  readonly onBatch: (batch: KafkaBatch) => Promise<void>;
  /** What ended the consumer: `OFFSET_OUT_OF_RANGE`, an error of a callback, or a refusal of the cluster. */
  readonly onFailure: (error: Error) => void;
  /** A fault that is being tried again, such as a broker that does not answer. */
  readonly onTrouble?: (error: WeirError) => void;
};

/** A member of a group. */
export type KafkaConsumer = {
  /** When the last sign of life that the group has answered was given, of `performance.now`: its session began anew then. */
  readonly heardMs: () => number;
  /** Leaves the group, once the callbacks under way have ended. */
  readonly close: () => Promise<void>;
};

/** A writer whose transactions are whole: a later one with the same id fences it off (`FENCED`). */
export type TransactionalProducer = {
  /**
   * Writes records and a group's offsets: readers of committed records see all of it or nothing. After a failure other than
   * `FENCED` it is unknown which; the group's offsets tell, once a new producer of the id has been opened.
   */
  readonly commit: (work: {
    readonly records: readonly OutgoingRecord[];
    /** Of partitions that `records` has none of. */
    readonly packed?: PackedRecords | undefined;
    readonly offsets: readonly SourceOffset[];
  }) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Records where they came to lie: one behind the other, in their order. */
export type AppendedRecords = TopicPartition & {
  readonly firstOffset: number;
  /** Of each, as readers are told it. */
  readonly timestampMs: number;
};

/** A writer without transactions: acknowledged by all replicas. */
export type PlainProducer = {
  /** Without doubles of its own. */
  readonly send: (records: readonly OutgoingRecord[]) => Promise<void>;
  /**
   * Says where the records are. One call a partition at a time. After a lost answer they may be there twice, or after a
   * failure at all: their readers must know a record again.
   */
  readonly append: (packed: PackedRecords) => Promise<AppendedRecords>;
  readonly close: () => Promise<void>;
};

/** A client library for one cluster. */
export type KafkaDriver = {
  readonly name: 'platformatic' | 'kafkajs';
  readonly openAdmin: () => Promise<KafkaAdmin>;
  readonly openConsumer: (options: ConsumeOptions) => Promise<KafkaConsumer>;
  /** Fences off the one before of the same id, and ends what it left open, before this resolves. */
  readonly openTransactional: (options: {
    readonly transactionalId: string;
    readonly group: string;
  }) => Promise<TransactionalProducer>;
  readonly openProducer: () => Promise<PlainProducer>;
};

/** How a cluster is reached. */
export type ClusterOptions = {
  readonly clientId: string;
  readonly bootstrap: readonly string[];
  /** Plain connections without it. */
  readonly security?: ClusterSecurity | undefined;
};

/** How a client signs in. */
export type ClusterSecurity = {
  readonly tls: boolean;
  /** A bearer token (SASL OAUTHBEARER), asked for at each sign-in: connections sign in again before their session ends. */
  readonly token?: (() => Promise<string>) | undefined;
};

/** Limits of both drivers, the ones of a batch in bytes. */
export const kafkaLimits = {
  fetchBytesMax: 16 * 2 ** 20,
  partitionBytesMax: 2 ** 20,
  /** A broker gathers so much before it answers a fetch, for so long at most: a transaction costs much more than a record. */
  fetchBytesMin: 2 ** 20,
  fetchWaitMs: 30,
  requestTimeoutMs: 5000,
  /** For whatever is asked, with all attempts; a group's assignment waits for its slowest member. */
  answerMs: 8000,
  joinMs: 60_000,
  closeMs: 2000,
  connectTimeoutMs: 3000,
  sessionTimeoutMs: 10_000,
  /** Before the end of a session, where the library does not choose. */
  signInAgainMs: 3000,
  heartbeatMs: 1000,
  /** The cluster ends a transaction that is open for longer: what waits for it reads on. */
  transactionTimeoutMs: 30_000,
  retries: 5,
  retryDelayMs: 20,
  /** Between two attempts at what is tried until the consumer is closed. */
  troubleDelayMs: 250,
} as const;
