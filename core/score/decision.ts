export type Outcome = 'approve' | 'review' | 'stepUp' | 'decline';

/** One reason for a score, against the customer's normal. Contribution: log-odds for a model, score points for a rule. */
export type ReasonCode = {
  readonly code: string;
  readonly text: string;
  readonly feature: string | null;
  readonly value: number | null;
  /** The customer's normal: the mean of the feature over the account's earlier payments; null when there is none. */
  readonly baseline: number | null;
  readonly contribution: number;
};

export type RuleHit = {
  readonly id: string;
  readonly version: number;
  readonly mode: 'live' | 'shadow';
  readonly scoreDelta: number;
};

export type ModelReference = { readonly id: string; readonly version: string; readonly hash: string };
export type FeatureSetReference = { readonly name: string; readonly version: number; readonly hash: string };

/** What was decided about one authorization: the record that is kept first and that the ledger and the lake derive from. */
export type Decision = {
  /** From the idempotency key (contract, tenant, topic key, event id), never from the attempt. */
  readonly decisionId: string;
  readonly contract: string;
  readonly tenantId: string;
  readonly accountId: string;
  readonly eventId: string;
  readonly eventTimeMs: number;
  /** Of the canonical parsed event. */
  readonly bodyHash: string;
  /** 0 to 1000. */
  readonly score: number;
  readonly outcome: Outcome;
  readonly reasonCodes: readonly ReasonCode[];
  readonly ruleHits: readonly RuleHit[];
  readonly model: ModelReference;
  readonly ruleSet: { readonly id: string; readonly version: number; readonly hash: string };
  readonly featureSet: FeatureSetReference;
  /** The feature values that the score used, in the feature set's order. */
  readonly features: readonly (number | null)[];
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Values read by a foreign key, with how fresh they were; empty where the log is one total order. */
  readonly foreignReads: readonly { readonly feature: string; readonly offset: number; readonly ageMs: number }[];
  /** The watermark on arrival; null before the first event. */
  readonly watermarkMs: number | null;
  readonly late: boolean;
  readonly tooLate: boolean;
  /** Which stage was skipped and why; null when none was. */
  readonly fallback: { readonly stage: string; readonly reason: string } | null;
};
