import { setTimeout as delay } from 'node:timers/promises';
import { joinPacked } from '../adapters/kafka/packed-records.ts';
import type { PackedRecords, TransactionalProducer } from '../adapters/kafka/port.ts';
import { noTraces } from '../adapters/opentelemetry/port.ts';
import type { DurableBatch } from './columnar.ts';
import { decidedOf } from './decided-records.ts';
import type { KafkaPlan } from './kafka-partition.ts';
import { readsOf, routedRecords } from './kafka-routes.ts';
import type { Published } from './owned-partition.ts';
import type { SourcePositions } from './source-positions.ts';

type Work = Parameters<TransactionalProducer['commit']>[0];
type Prepared = { readonly nextOffset: number; readonly work: Work | null; readonly published: Published | null };
type Waiting = Prepared & { readonly durable: Promise<void> };

/** What comes in this time shares a transaction, which costs much more than a record. */
const gatherMs = 40;

type PublisherOptions = {
  readonly plan: KafkaPlan;
  readonly partition: number;
  /** By contract, what the group had committed. */
  readonly committed: ReadonlyMap<string, number>;
  readonly commit: TransactionalProducer['commit'];
  readonly onPublished?: ((published: Published) => void) | undefined;
  /** What ended publishing behind the batches. */
  readonly onFailure: (error: Error) => void;
};

/** Publishes the decisions of batches that the group has not committed, with the offsets that they come to. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #prepare: ReturnType<typeof createPreparation>;
  readonly #waiting: Waiting[] = [];
  readonly #looks: (() => void)[] = [];
  #failure: Error | null = null;
  #publishedOffset = 0;
  #isRunning = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#prepare = createPreparation(options);
  }

  /** Before the first batch. */
  begin(positions: SourcePositions): void {
    this.#prepare.begin(positions);
  }

  async publish(batch: DurableBatch): Promise<void> {
    const { plan, commit, onPublished } = this.#options;
    const { traces = noTraces } = plan;
    const { work, published } = this.#prepare.of(batch);
    if (work !== null) await traces.stage('publish', () => commit(work));
    if (published !== null) onPublished?.(published);
    this.#publishedOffset = batch.nextOffset;
  }

  /** Publishes a batch behind the ones before, several together, once it is durable. */
  publishLater(batch: DurableBatch, durable: Promise<void>): void {
    if (this.#failure !== null) throw this.#failure;
    const prepared = this.#prepare.of(batch);
    this.#waiting.push({ ...prepared, work: prepared.work === null ? null : copied(prepared.work), durable });
    if (!this.#isRunning) void this.#publishAll();
  }

  /** Resolves once everything before an offset of the log is published; rejects with what came in between. */
  async published(logOffset: number): Promise<void> {
    while (this.#publishedOffset < logOffset) {
      if (this.#failure !== null) throw this.#failure;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#looks.push(resolve);
      await promise;
    }
  }

  async #publishAll(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#waiting.length > 0) await this.#publishGroup();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isRunning = false;
    }
  }

  async #publishGroup(): Promise<void> {
    const { commit, onPublished } = this.#options;
    await delay(gatherMs);
    const group = this.#waiting.splice(0);
    await Promise.all(group.map(({ durable }) => durable));
    const work = joinWork(group.flatMap((one) => one.work ?? []));
    if (work !== null) await commit(work);
    for (const { published } of group) if (published !== null) onPublished?.(published);
    this.#publishedOffset = group.at(-1)!.nextOffset;
    this.#look();
  }

  #fail(error: unknown): void {
    this.#failure = error instanceof Error ? error : new Error(String(error));
    this.#options.onFailure(this.#failure);
    this.#look();
  }

  #look(): void {
    for (const wake of this.#looks.splice(0)) wake();
  }
}

/** A batch's memory is the next one's as well. */
function copied(work: Work): Work {
  return work.packed === undefined ? work : { ...work, packed: joinPacked([work.packed]) };
}

function createPreparation({ plan, partition, committed }: Pick<PublisherOptions, 'plan' | 'partition' | 'committed'>) {
  const topicOf = new Map([...plan.topics].map(([topic, contract]) => [contract, topic]));
  let positions: SourcePositions | null = null;
  return {
    begin: (opened: SourcePositions): void => void (positions = opened),
    of: (batch: DurableBatch): Prepared => {
      const { nextOffset } = batch;
      if (positions === null) throw new Error('got decisions before the positions, expected them after');
      const { firstLogOffset, records } = positions.takeUntil(nextOffset);
      const isNew = records.map(({ topic, sourcePosition }) => sourcePosition >= (committed.get(topic) ?? 0));
      const reached = new Map<string, number>();
      for (const [index, { topic, sourcePosition }] of records.entries()) {
        if (isNew[index] === true) reached.set(topic, sourcePosition + 1);
      }
      if (reached.size === 0) return { nextOffset, work: null, published: null };
      const decided = decidedOf(plan, batch, {
        partition,
        isNew: (offset) => isNew[offset - firstLogOffset] === true,
      });
      const routed = routedRecords(plan, batch.routed, (logOffset) => {
        const index = logOffset - firstLogOffset;
        return isNew[index] === true ? { partition, offset: records[index]!.sourcePosition } : null;
      });
      const work = {
        records: [...decided.records, ...routed],
        packed: decided.packed,
        offsets: [...reached].map(([contract, next]) => ({
          topic: topicOf.get(contract) ?? contract,
          partition,
          nextOffset: next,
        })),
      };
      const reads = readsOf(plan, batch, decided.offsets, firstLogOffset);
      const published = { partition, outcomes: decided.outcomes, records: isNew.filter(Boolean).length, reads };
      return { nextOffset, work, published };
    },
  };
}

/** Several batches as one; null for none. */
function joinWork(works: readonly Work[]): Work | null {
  if (works.length === 0) return null;
  const packed = works.flatMap((work): PackedRecords[] => (work.packed === undefined ? [] : [work.packed]));
  const [first, ...others] = packed;
  const offsets = new Map(works.flatMap((work) => work.offsets.map((offset) => [offset.topic, offset] as const)));
  return {
    records: works.flatMap(({ records }) => records),
    packed: first === undefined ? undefined : joinPacked([first, ...others]),
    offsets: [...offsets.values()],
  };
}
