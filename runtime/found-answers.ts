import type { Answer, DecisionAnswer, SubmittedEvent } from '../adapters/http/port.ts';
import { authorizationContract } from '../core/contract/authorization.ts';
import { idempotencyHash, idempotencyKey } from '../core/contract/idempotency-key.ts';
import type { Refusal } from '../core/decode/refusal.ts';
import type { DurableBatch } from './columnar.ts';
import { createRecentDecisions } from './recent-decisions.ts';

/** What came of one record; neither, where it was no authorization or was known before. */
export type FoundAt = {
  readonly offset: number;
  readonly view: DecisionAnswer | undefined;
  readonly refusal: Refusal | undefined;
};

/** What came of the records of a batch, and the last decisions by their ids. */
export type FoundAnswers = {
  readonly decision: (decisionId: string) => Promise<DecisionAnswer | null>;
  /** Forgets what `at` gives. */
  readonly begin: () => void;
  readonly note: (batch: Pick<DurableBatch, 'answers' | 'deadLetters'>) => void;
  /** What came of the record at an offset of the log since `begin`. */
  readonly at: (offset: number) => FoundAt;
  /** What the sender of that record is told. */
  readonly answerOf: (event: Pick<SubmittedEvent, 'topic' | 'identity'>, found: FoundAt) => Answer | Promise<Answer>;
};

/** Keeps the last `countMax` decisions: `findKept` must know those before, which a cut has put into the lake. */
export function createFoundAnswers(
  findKept: (decisionId: string) => Promise<DecisionAnswer | null>,
  countMax: number,
): FoundAnswers {
  const recent = createRecentDecisions(countMax);
  const decided = new Map<number, DecisionAnswer>();
  const refused = new Map<number, Refusal>();
  const decision = async (id: string): Promise<DecisionAnswer | null> => recent.find(id) ?? (await findKept(id));
  const repeatOf = async ({ identity }: Pick<SubmittedEvent, 'identity'>): Promise<Answer> => {
    const idHash = idempotencyHash(idempotencyKey(identity));
    const first = await decision(idHash);
    if (first === null) throw new Error(`got a repeat of ${idHash} without a first decision`);
    return { kind: 'decided', decision: first, isRepeat: true };
  };
  return {
    decision,
    begin: () => {
      decided.clear();
      refused.clear();
    },
    note: ({ answers, deadLetters }) => {
      for (const view of answers) {
        recent.add(view);
        decided.set(view.offset, view);
      }
      for (const { offset, refusal } of deadLetters) refused.set(offset, refusal);
    },
    at: (offset) => ({ offset, view: decided.get(offset), refusal: refused.get(offset) }),
    answerOf: (event, { offset, view, refusal }) => {
      if (view !== undefined) return { kind: 'decided', decision: view, isRepeat: false };
      if (refusal !== undefined) return { kind: 'refused', refusal };
      if (event.topic !== authorizationContract.topic) return { kind: 'accepted', offset };
      return repeatOf(event);
    },
  };
}
