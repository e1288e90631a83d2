import type { DecisionView } from '../../core/contract/decision-view.ts';
import type { Refusal } from '../../core/decode/refusal.ts';

/** An event that its contract takes, as it goes into the log. */
export type SubmittedEvent = {
  readonly topic: string;
  readonly bytes: Uint8Array;
  /** Of its idempotency key: an authorization's decision has it as its id. */
  readonly idHash: string;
};

/** What became of an event once it is durable. */
export type Answer =
  /** An authorization; `isRepeat` when it was decided before: then this is the decision of that time. */
  | { readonly kind: 'decided'; readonly decision: DecisionView; readonly isRepeat: boolean }
  /** Another event. */
  | { readonly kind: 'accepted'; readonly offset: number }
  /** In the log, and not taken: its id came before with another body, or its time is too far ahead. */
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** What the API stands in front of: the owner of the events' log. */
export type ScoringPort = {
  /** Appends the event, decides it at that offset, and answers once both are durable. */
  readonly submit: (event: SubmittedEvent) => Promise<Answer>;
  /** A decision by its id; null when there is none. */
  readonly decision: (decisionId: string) => Promise<DecisionView | null>;
  /** Takes events now. */
  readonly isReady: () => boolean;
};
