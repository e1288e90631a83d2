import type { DecisionView } from '../contract/decision-view.ts';
import type { Decision } from './decision.ts';
import { iso20022Action } from './iso20022.ts';

/** A decision as callers of the API see it. `featureNames` are the feature set's, in its order. */
export function viewOfDecision(decision: Decision, featureNames: readonly string[]): DecisionView {
  const { decisionId, tenantId, accountId, eventId, eventTimeMs, outcome, score, features, offset } = decision;
  const { reasonCodes, ruleHits, model, ruleSet, featureSet, watermarkMs, late, tooLate, fallback } = decision;
  return {
    decisionId,
    tenantId,
    accountId,
    eventId,
    eventTimeMs,
    outcome,
    iso20022Action: iso20022Action(outcome),
    score,
    reasonCodes: [...reasonCodes],
    ruleHits: [...ruleHits],
    model,
    ruleSet,
    featureSet,
    features: Object.fromEntries(featureNames.map((name, index) => [name, features[index] ?? null])),
    offset,
    watermarkMs,
    late,
    tooLate,
    fallback,
  };
}
