import { setImmediate } from 'node:timers/promises';
import type { Answer, DecisionAnswer, SubmittedEvent } from '../adapters/http/port.ts';
import { packRecords } from '../adapters/kafka/packed-records.ts';
import type { KafkaBatch, PlainProducer } from '../adapters/kafka/port.ts';
import { WeirError } from '../core/contract/failure.ts';
import { busy } from './authorizer.ts';
import type { FoundAnswers, FoundAt } from './found-answers.ts';

/** What came of a record of a topic, and when that is durable. */
type Told = { readonly found: FoundAt; readonly durable: Promise<void> };

/** Where the callers of one partition wait, in the process that owns it. */
export type Desk = {
  /**
   * Appends an event to its topic and answers what came of it. Rejects with `BUSY`, with `NOT_OWNER` once the partition was
   * given up, and with what Kafka said; the event may be in the topic all the same, and asking again is right.
   */
  readonly submit: (event: SubmittedEvent) => Promise<Answer>;
  /** One of this partition, from memory or the lake; null when there is none. */
  readonly decision: (decisionId: string) => Promise<DecisionAnswer | null>;
};

type Waiting = SubmittedEvent & PromiseWithResolvers<Answer>;

/** Events that go into the topic by one request at most. */
const appendEventsMax = 512;

type DeskOptions = {
  readonly partition: number;
  /** By contract. */
  readonly topicOf: ReadonlyMap<string, string>;
  readonly producer: Pick<PlainProducer, 'append'>;
  readonly found: FoundAnswers;
  readonly waitingMax: number;
  /** Does the group still take this process for the owner? */
  readonly isOwner: () => boolean;
  /** Takes records that were just appended, if nothing else is to be taken before them. */
  readonly deliver: (batch: KafkaBatch) => void;
};

/**
 * The desk of a partition. What comes in one turn of the loop goes to the topic by one request, and one request is under
 * way at a time, so that offsets come in the order of the events. A record may be decided before the answer to its request
 * is here.
 */
export class PartitionDesk implements Desk {
  readonly #options: DeskOptions;
  readonly #queue: Waiting[] = [];
  readonly #placed = new Map<string, Waiting>();
  /** What was told while a request is under way that may be about it. */
  readonly #early = new Map<string, Told>();
  #waiting = 0;
  #isOpen = true;
  #appending: Promise<void> | null = null;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  async decision(decisionId: string): Promise<DecisionAnswer | null> {
    return this.#options.found.decision(decisionId);
  }

  async submit(event: SubmittedEvent): Promise<Answer> {
    const { partition, waitingMax } = this.#options;
    if (!this.#isOpen) throw notOwner(partition);
    if (this.#waiting >= waitingMax) throw busy(waitingMax);
    const entry: Waiting = { ...event, ...Promise.withResolvers<Answer>() };
    this.#queue.push(entry);
    this.#waiting++;
    this.#start();
    return entry.promise.finally(() => this.#waiting--);
  }

  /** Tells what came of the record at an offset of a contract's topic, whether or not somebody waits for it here. */
  tell(contract: string, offset: number, told: Told): void {
    const place = placeOf(contract, offset);
    const event = this.#placed.get(place);
    if (event !== undefined) {
      this.#placed.delete(place);
      void this.#finish(event, told);
    } else if (this.#appending !== null) this.#early.set(place, told);
  }

  /** Takes no more events, and resolves once none is on its way to the topic. */
  async shut(): Promise<void> {
    this.#isOpen = false;
    this.#turnAway(this.#queue.splice(0));
    await this.#appending;
  }

  /** Turns away who waits for what has not come. */
  leave(): void {
    this.#isOpen = false;
    this.#turnAway([...this.#queue.splice(0), ...this.#placed.values()]);
    this.#placed.clear();
  }

  #turnAway(events: readonly Waiting[]): void {
    for (const { reject } of events) reject(notOwner(this.#options.partition));
  }

  #start(): void {
    this.#appending ??= this.#appendAll().finally(() => {
      this.#appending = null;
      if (this.#queue.length > 0) this.#start();
    });
  }

  async #appendAll(): Promise<void> {
    await setImmediate();
    while (this.#queue.length > 0) {
      const contract = this.#queue[0]!.topic;
      const other = this.#queue.findIndex(({ topic }) => topic !== contract);
      const taken = this.#queue.splice(0, Math.min(appendEventsMax, other < 0 ? this.#queue.length : other));
      await this.#append(contract, taken).catch((error: unknown) => taken.forEach(({ reject }) => reject(error)));
      this.#early.clear();
    }
  }

  async #append(contract: string, taken: readonly Waiting[]): Promise<void> {
    const { partition, topicOf, producer, deliver } = this.#options;
    const topic = topicOf.get(contract) ?? contract;
    const records = taken.map(({ bytes, identity }) => ({ key: Buffer.from(identity.key), value: bytes }));
    const { firstOffset, timestampMs } = await producer.append(packRecords({ topic, partition }, records));
    for (const [index, event] of taken.entries()) {
      const place = placeOf(contract, firstOffset + index);
      const told = this.#early.get(place);
      if (told !== undefined) void this.#finish(event, told);
      else this.#placed.set(place, event);
    }
    const nextOffset = firstOffset + taken.length;
    deliver({
      topic,
      partition,
      records: records.map((record, index) => ({ ...record, offset: firstOffset + index, headers: [], timestampMs })),
      nextOffset,
      highWatermark: nextOffset,
    });
  }

  async #finish(event: Waiting, { found: at, durable }: Told): Promise<void> {
    const { found, isOwner, partition } = this.#options;
    try {
      await durable;
      const answer = await found.answerOf(event, at);
      if (isOwner()) event.resolve(answer);
      else event.reject(notOwner(partition));
    } catch (error) {
      event.reject(error);
    }
  }
}

function placeOf(contract: string, offset: number): string {
  return `${contract}/${offset}`;
}

/** Another process has the partition, or will have it in a moment. */
export function notOwner(partition: number): WeirError {
  return new WeirError({
    code: 'NOT_OWNER',
    message: `got an event for partition ${partition}, which this process does not own`,
    fix: 'Send it to the owner: the same eventId is decided once.',
    facts: { partition },
  });
}
