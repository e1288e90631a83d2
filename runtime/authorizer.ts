import { setImmediate } from 'node:timers/promises';
import { authorizationContract } from '../core/contract/authorization.ts';
import type { DecisionView } from '../core/contract/decision-view.ts';
import { WeirError } from '../core/contract/failure.ts';
import type { Refusal } from '../core/decode/refusal.ts';
import { viewOfDecision } from '../core/score/decision-view.ts';
import type { Answer, ScoringPort, SubmittedEvent } from '../adapters/http/port.ts';
import type { Assembled } from './assemble.ts';
import { Columnar, type DurableBatch } from './columnar.ts';
import type { Scoring } from './scoring.ts';

export type AuthorizerOptions = {
  readonly dir: string;
  readonly assembled: Assembled;
  /** Finds a decision that a cut has put into the lake; null when there is none. */
  readonly findKept: (decisionId: string) => Promise<DecisionView | null>;
  /** Records between two cuts. */
  readonly cutRecords?: number;
};

/** The one owner of a log, who decides what callers wait for. */
export type Authorizer = ScoringPort & {
  readonly scoring: Pick<Scoring, 'counts' | 'nextOffset' | 'recovery' | 'totals'>;
  /** Rejects with what ended it: nothing is taken any more, and what was not answered may be in the log or not. */
  readonly failed: Promise<never>;
  /** Takes no more, answers what it has taken, and commits. */
  readonly close: () => Promise<void>;
};

type Waiting = SubmittedEvent & PromiseWithResolvers<Answer>;

/** Events that go into the log by one sync at most: what comes meanwhile waits for the next one. */
const batchEventsMax = 1024;
/** Decisions of two cuts are held in memory. */
const cutRecordsDefault = 2048;

/**
 * Opens a log for callers who wait: events are appended together, decided in their order at their offsets, and answered
 * once the decisions are durable. What a crash left undecided in the log is decided first.
 */
export async function openAuthorizer(options: AuthorizerOptions): Promise<Authorizer> {
  const { dir, assembled, cutRecords = cutRecordsDefault } = options;
  const found = createFound(options, cutRecords);
  const scoring = new Columnar({ dir, assembled, cutRecords, tells: 'all', onDurable: found.note });
  await scoring.process({ lagRecordsMax: 0 });
  const queue = createQueue(async (taken) => {
    const firstOffset = scoring.nextOffset;
    found.begin();
    await scoring.append(taken.map(({ topic, bytes }) => ({ topic, bytes, sourcePosition: 0 })));
    await scoring.process({ lagRecordsMax: 0 });
    const answers = await Promise.all(taken.map((event, index) => found.answerOf(event, firstOffset + index)));
    taken.forEach(({ resolve }, index) => resolve(answers[index]!));
  });
  return {
    scoring,
    failed: queue.failed,
    decision: found.decision,
    isReady: queue.isOpen,
    submit: async (event) => {
      if (!queue.isOpen()) throw notReady(dir);
      return queue.add(event);
    },
    close: async () => {
      await queue.close();
      await scoring.commit();
      await scoring.close();
    },
  };
}

/** Events that wait, and go together. */
function createQueue(decide: (taken: readonly Waiting[]) => Promise<void>) {
  const queue: Waiting[] = [];
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined);
  let isOpen = true;
  let running: Promise<void> | null = null;
  const fail = (error: unknown, waiting: readonly Waiting[]): void => {
    isOpen = false;
    for (const { reject } of [...waiting, ...queue.splice(0)]) reject(error);
    failure.reject(error);
  };
  const run = async (): Promise<void> => {
    // What has come by the end of this turn of the loop goes together.
    await setImmediate();
    while (queue.length > 0) {
      const taken = queue.splice(0, batchEventsMax);
      try {
        await decide(taken);
      } catch (error) {
        return fail(error, taken);
      }
    }
  };
  const start = (): void => {
    running ??= run().finally(() => {
      running = null;
      if (queue.length > 0) start();
    });
  };
  return {
    failed: failure.promise,
    isOpen: () => isOpen,
    add: (event: SubmittedEvent): Promise<Answer> => {
      const waiting = { ...event, ...Promise.withResolvers<Answer>() };
      queue.push(waiting);
      start();
      return waiting.promise;
    },
    close: async (): Promise<void> => {
      isOpen = false;
      while (running !== null) await running;
    },
  };
}

/** What came of the events of a batch, and the last decisions by their ids. */
function createFound({ assembled, findKept }: AuthorizerOptions, cutRecords: number) {
  const featureNames = assembled.weir.features.plan.features.map(({ name }) => name);
  // Whatever no cut has put into the lake yet is here.
  const recent = createRecent(2 * cutRecords + batchEventsMax);
  const decided = new Map<number, DecisionView>();
  const refused = new Map<number, Refusal>();
  const decision = async (id: string): Promise<DecisionView | null> => recent.find(id) ?? (await findKept(id));
  return {
    decision,
    begin: (): void => {
      decided.clear();
      refused.clear();
    },
    note: async ({ decisions, deadLetters }: DurableBatch): Promise<void> => {
      for (const made of decisions) {
        const view = viewOfDecision(made, featureNames);
        recent.add(view);
        decided.set(made.offset, view);
      }
      for (const { offset, refusal } of deadLetters) refused.set(offset, refusal);
    },
    answerOf: async ({ topic, idHash }: SubmittedEvent, offset: number): Promise<Answer> => {
      const view = decided.get(offset);
      if (view !== undefined) return { kind: 'decided', decision: view, isRepeat: false };
      const refusal = refused.get(offset);
      if (refusal !== undefined) return { kind: 'refused', refusal };
      if (topic !== authorizationContract.topic) return { kind: 'accepted', offset };
      const first = await decision(idHash);
      if (first === null) throw new Error(`got a repeat of ${idHash} without a first decision`);
      return { kind: 'decided', decision: first, isRepeat: true };
    },
  };
}

function notReady(dir: string): WeirError {
  return new WeirError({
    code: 'NOT_READY',
    message: `got an event for ${dir}, which takes none any more`,
    fix: 'Send it again once a process serves it: the same eventId is decided once.',
    facts: { dir },
  });
}

/** The last decisions by their id; the oldest go first. */
function createRecent(countMax: number): {
  readonly add: (view: DecisionView) => void;
  readonly find: (id: string) => DecisionView | null;
} {
  const views = new Map<string, DecisionView>();
  return {
    add: (view) => {
      views.set(view.decisionId, view);
      if (views.size <= countMax) return;
      for (const oldest of views.keys()) {
        views.delete(oldest);
        return;
      }
    },
    find: (id) => views.get(id) ?? null,
  };
}
