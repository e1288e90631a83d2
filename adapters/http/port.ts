import type { EventIdentity } from '../../core/contract/idempotency-key.ts';
import type { Refusal } from '../../core/decode/refusal.ts';

/** An event that its contract takes, as it goes into the log. */
export type SubmittedEvent = {
  readonly topic: string;
  readonly bytes: Uint8Array;
  /** The hash of its idempotency key is the id of an authorization's decision. */
  readonly identity: EventIdentity;
};

/** A decision as callers get it: the JSON of a `DecisionView`. */
export type DecisionAnswer = { readonly decisionId: string; readonly tenantId: string; readonly text: string };

/** What became of an event once it is durable. */
export type Answer =
  /** An authorization; `isRepeat` when it was decided before: then this is the decision of that time. */
  | { readonly kind: 'decided'; readonly decision: DecisionAnswer; readonly isRepeat: boolean }
  /** Another event. */
  | { readonly kind: 'accepted'; readonly offset: number }
  /** In the log, and not taken: its id came before with another body, or its time is too far ahead. */
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** A reading that its contract takes, as it goes into the log. */
export type SubmittedReading = { readonly tenantId: string; readonly plant: string; readonly bytes: Uint8Array };

/** Where readings go: whoever watches them says what is new, late or of no known sensor. */
export type TelemetryPort = {
  /** Keeps readings in their order, and resolves once they are durable. */
  readonly append: (readings: readonly SubmittedReading[]) => Promise<void>;
};

/** What the API stands in front of: the owner of the events' log. */
export type ScoringPort = {
  /** Appends the event, decides it at that offset, and answers once both are durable. Rejects with `BUSY` beyond its limit. */
  readonly submit: (event: SubmittedEvent) => Promise<Answer>;
  /** A decision by its id; null when there is none. */
  readonly decision: (decisionId: string) => Promise<DecisionAnswer | null>;
  /** Takes events now. */
  readonly isReady: () => boolean;
  /** Asks balancers to send no more, and takes what comes all the same. */
  readonly isLeaving?: () => boolean;
};
