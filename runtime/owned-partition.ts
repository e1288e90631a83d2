import type {
  KafkaAdmin,
  KafkaBatch,
  KafkaDriver,
  SourceOffset,
  TransactionalProducer,
} from '../adapters/kafka/port.ts';
import type { Columnar } from './columnar.ts';
import type { KafkaPlan } from './kafka-partition.ts';
import type { Desk } from './partition-desk.ts';
import type { Scoring } from './scoring.ts';
import type { SourcePositions } from './source-positions.ts';

/** Decisions that readers of committed records see from now on. */
export type Published = {
  readonly partition: number;
  /** How many decisions had each outcome. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Records whose effects are committed with them. */
  readonly records: number;
  /** By foreign key field, how much later than the views that they read the decisions' events are, and how many had none. */
  readonly reads: readonly ViewReads[];
};

export type ViewReads = { readonly field: string; readonly agesMs: readonly number[]; readonly missing: number };

/** A partition that this process owns. */
export type KafkaPartition = {
  readonly dir: string;
  /** Its state was copied from an owner that is alive and does not answer. */
  readonly isCopy: boolean;
  readonly scoring: Pick<Scoring, 'counts' | 'nextOffset' | 'recovery' | 'totals'>;
  /** Where each topic is read on. */
  readonly starts: readonly SourceOffset[];
  /** Where callers wait for decisions, if this process answers any. */
  readonly desk?: Desk | null;
  /** Takes a batch to its end: decided, durable and published; or only decided, where callers wait. */
  readonly take: (batch: KafkaBatch) => Promise<void>;
  /**
   * Lets the partition go; `commit` writes a cut first, so that the next owner need not take anything again. Where a batch
   * has failed there is none: decisions that nobody has published must not become the past.
   */
  readonly close: (how: 'commit' | 'abandon') => Promise<void>;
};

/** What an owner is opened with. */
export type OwningOptions = {
  readonly plan: KafkaPlan;
  readonly partition: number;
  readonly driver: KafkaDriver;
  readonly admin: KafkaAdmin;
};

/** The owner of a source partition, who also says how far its event time has come. */
export type SourcePartition = KafkaPartition & {
  /** Tells the owners of foreign keys, if there is anything new since the last time. */
  readonly tellTime: () => Promise<void>;
};

/** Lets what an owner has open go. */
export async function closeOwned(
  owned: {
    readonly scoring: Columnar;
    readonly positions: SourcePositions;
    readonly producer: TransactionalProducer;
    /** Resolves when everything that was taken has come to its end. */
    readonly last: Promise<void>;
    /** Brings the state to where the next owner has it from, if that is not the folder. */
    readonly push?: (() => Promise<void>) | null;
  },
  how: 'commit' | 'abandon',
): Promise<void> {
  const { scoring, positions, producer, last, push = null } = owned;
  const isWhole = await last.then(
    () => true,
    () => false,
  );
  try {
    if (how === 'commit' && isWhole) {
      await scoring.commit();
      positions.save();
      await push?.();
    }
  } finally {
    try {
      await scoring.close();
    } finally {
      // Also when nothing can be written any more: an open connection would keep the process alive.
      await producer.close().catch(() => undefined);
    }
  }
}
