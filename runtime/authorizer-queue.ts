import { setImmediate } from 'node:timers/promises';
import type { Answer, SubmittedEvent } from '../adapters/http/port.ts';

/** An event whose caller waits. */
export type Waiting = SubmittedEvent & PromiseWithResolvers<Answer>;

export type QueueWork = {
  /** Decides events in their order; what it gives is told once it is durable. */
  readonly decide: (taken: readonly Waiting[]) => Promise<Decided['answers']>;
  /** Makes what was decided until now durable. */
  readonly makeDurable: () => Promise<void>;
};

type Decided = { readonly taken: readonly Waiting[]; readonly answers: readonly (Answer | Promise<Answer>)[] };

/** Events that go into the log by one write at most. */
const batchEventsMax = 1024;

/**
 * Events that wait: what comes together is decided together. Deciding does not wait for the disk: the decisions that come
 * while one sync is under way share the next, and nobody is answered before that.
 */
export class AuthorizerQueue {
  /** Rejects with what ended it. */
  readonly failed: Promise<never>;
  readonly #work: QueueWork;
  readonly #failure = Promise.withResolvers<never>();
  readonly #queue: Waiting[] = [];
  #undurable: Decided[] = [];
  #deciding: Promise<void> | null = null;
  #syncing: Promise<void> | null = null;
  #isOpen = true;
  #waiting = 0;

  constructor(work: QueueWork) {
    this.#work = work;
    this.failed = this.#failure.promise;
    this.failed.catch(() => undefined);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Events that are not answered. */
  get waiting(): number {
    return this.#waiting;
  }

  async add(event: SubmittedEvent): Promise<Answer> {
    const entry: Waiting = { ...event, ...Promise.withResolvers<Answer>() };
    this.#queue.push(entry);
    this.#waiting++;
    this.#start();
    try {
      return await entry.promise;
    } finally {
      this.#waiting--;
    }
  }

  /** Takes no more, and answers what it has taken. */
  async close(): Promise<void> {
    this.#isOpen = false;
    while (this.#deciding !== null || this.#syncing !== null) await (this.#deciding ?? this.#syncing);
  }

  #start(): void {
    this.#deciding ??= this.#decideAll().finally(() => {
      this.#deciding = null;
      if (this.#queue.length > 0) this.#start();
    });
  }

  async #decideAll(): Promise<void> {
    // What has come by the end of this turn of the loop goes together.
    await setImmediate();
    while (this.#queue.length > 0) {
      const taken = this.#queue.splice(0, batchEventsMax);
      try {
        this.#undurable.push({ taken, answers: await this.#work.decide(taken) });
      } catch (error) {
        return this.#fail(error, taken);
      }
      this.#syncing ??= this.#syncAll().finally(() => {
        this.#syncing = null;
      });
    }
  }

  async #syncAll(): Promise<void> {
    while (this.#undurable.length > 0) {
      const group = this.#undurable;
      this.#undurable = [];
      try {
        await this.#work.makeDurable();
      } catch (error) {
        const taken = group.flatMap((decided) => decided.taken);
        return this.#fail(error, taken);
      }
      for (const { taken, answers } of group) taken.forEach(({ resolve }, index) => resolve(answers[index]!));
    }
  }

  #fail(error: unknown, taken: readonly Waiting[]): void {
    this.#isOpen = false;
    const undurable = this.#undurable.flatMap((decided) => decided.taken);
    this.#undurable = [];
    for (const { reject } of [...taken, ...undurable, ...this.#queue.splice(0)]) reject(error);
    this.#failure.reject(error);
  }
}
