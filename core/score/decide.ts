import { type Authorization, authorizationContract } from '../contract/authorization.ts';
import type { RuleSet } from '../contract/rule-set.ts';
import type { Decision, FeatureSetReference, Outcome, ReasonCode } from './decision.ts';
import { type BoundModel, type Explanation, predictWithContributions, rowOf } from './model.ts';
import { modelReasons, reasonSubjects, type ReasonSubject, ruleReason } from './reasons.ts';
import { type CompiledRule, type CompiledRules, matchRules } from './rules.ts';
import { createTreeShap, shapleyValues, type TreeShap } from './tree-shap.ts';

/** What decides: a model, a rule set and the feature set that both read. */
export type Scoring = {
  readonly model: BoundModel;
  readonly ruleSet: CompiledRules;
  readonly featureSet: FeatureSetReference;
  /** By foreign key, the names of the features whose values are read from its views. */
  readonly foreign?: readonly (readonly string[])[];
};

/** One authorization with all that its decision depends on. */
export type DecisionInput = Pick<
  Decision,
  'decisionId' | 'bodyHash' | 'topic' | 'partition' | 'offset' | 'features' | 'watermarkMs' | 'late' | 'tooLate'
> & {
  readonly event: Authorization;
  /** The customer's normal before this payment, in the feature vector's order. */
  readonly baseline: readonly (number | null)[];
  readonly foreignReads?: Decision['foreignReads'];
  /** A skipped `model` leaves the score to the rules; any other stage is only recorded. */
  readonly fallback?: Decision['fallback'];
};

export type Decider = { readonly decide: (input: DecisionInput) => Decision };

/** Makes the decider of one scoring. Throws when the model and the rules were bound to feature vectors of two lengths. */
export function createDecider(scoring: Scoring): Decider {
  const { model, ruleSet } = scoring;
  if (model.vectorLength !== ruleSet.vectorLength) {
    throw new Error(`got rules over ${ruleSet.vectorLength} features, expected the model's ${model.vectorLength}`);
  }
  const explainer = { model, subjects: reasonSubjects(model), shap: createTreeShap(model.model) };
  return { decide: (input) => decide({ scoring, explainer, input }) };
}

type Deciding = { scoring: Scoring; explainer: Explainer; input: DecisionInput };

function decide({ scoring, explainer, input }: Deciding): Decision {
  const { model, ruleSet, featureSet } = scoring;
  const { event, features, foreignReads = [], fallback = null } = input;
  const matched = matchRules(ruleSet, { event, features });
  const live = matched.filter(({ rule }) => rule.mode === 'live');
  const explanation = fallback?.stage === 'model' ? null : predictWithContributions(model, features);
  const modelScore = explanation === null ? 0 : Math.round(1000 * explanation.probability);
  const score = clampScore(live.reduce((sum, { rule }) => sum + rule.scoreDelta, modelScore));
  const outcome = raiseOutcome(outcomeOf(score, ruleSet.thresholds), live);
  const reasons = explanation === null ? [] : explain(explainer, { explanation, outcome, input });
  return {
    decisionId: input.decisionId,
    contract: authorizationContract.topic,
    tenantId: event.tenantId,
    accountId: event.accountId,
    eventId: event.eventId,
    eventTimeMs: event.eventTimeMs,
    bodyHash: input.bodyHash,
    score,
    outcome,
    reasonCodes: [...live.map(ruleReason), ...reasons],
    ruleHits: matched.map(({ hit }) => hit),
    model: model.model.reference,
    ruleSet: ruleSet.reference,
    featureSet,
    features: [...features],
    topic: input.topic,
    partition: input.partition,
    offset: input.offset,
    foreignReads,
    watermarkMs: input.watermarkMs,
    late: input.late,
    tooLate: input.tooLate,
    fallback,
  };
}

type Explainer = { readonly model: BoundModel; readonly subjects: readonly ReasonSubject[]; readonly shap: TreeShap };
type Explained = { readonly explanation: Explanation; readonly outcome: Outcome; readonly input: DecisionInput };

/** An approval is explained by the trees' paths, any other outcome by exact Shapley values, which cost more. */
function explain({ model, subjects, shap }: Explainer, { explanation, outcome, input }: Explained): ReasonCode[] {
  const { features, baseline } = input;
  const contributions = outcome === 'approve' ? explanation.contributions : shapleyValues(shap, rowOf(model, features));
  return modelReasons(subjects, { contributions, features, baseline });
}

function clampScore(score: number): number {
  return Math.min(Math.max(score, 0), 1000);
}

/** The highest outcome whose threshold the score reaches. */
function outcomeOf(score: number, thresholds: RuleSet['thresholds']): Outcome {
  if (score >= thresholds.decline) return 'decline';
  if (score >= thresholds.stepUp) return 'stepUp';
  return score >= thresholds.review ? 'review' : 'approve';
}

const severity: Readonly<Record<Outcome, number>> = { approve: 0, review: 1, stepUp: 2, decline: 3 };

function raiseOutcome(outcome: Outcome, live: readonly CompiledRule[]): Outcome {
  let raised = outcome;
  for (const { rule } of live) {
    const atLeast = rule.outcomeAtLeast ?? 'approve';
    if (severity[atLeast] > severity[raised]) raised = atLeast;
  }
  return raised;
}
