import { type Authorization, authorizationContract } from '../contract/authorization.ts';
import type { RuleSet } from '../contract/rule-set.ts';
import type { Decision, FeatureSetReference, Outcome, ReasonCode } from './decision.ts';
import { type BoundModel, predictWithContributions } from './model.ts';
import { modelReasons, reasonSubjects, type ReasonSubject, ruleReason } from './reasons.ts';
import { type CompiledRule, type CompiledRules, matchRules } from './rules.ts';

/** What decides: a model, a rule set and the feature set that both read. */
export type Scoring = {
  readonly model: BoundModel;
  readonly ruleSet: CompiledRules;
  readonly featureSet: FeatureSetReference;
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
  const subjects = reasonSubjects(model);
  return { decide: (input) => decide({ scoring, subjects, input }) };
}

type Deciding = { scoring: Scoring; subjects: readonly ReasonSubject[]; input: DecisionInput };

function decide({ scoring, subjects, input }: Deciding): Decision {
  const { model, ruleSet, featureSet } = scoring;
  const { event, features, baseline, foreignReads = [], fallback = null } = input;
  const matched = matchRules(ruleSet, { event, features });
  const live = matched.filter(({ rule }) => rule.mode === 'live');
  const modelPart = fallback?.stage === 'model' ? noModelPart : scoreByModel({ model, subjects, features, baseline });
  const score = clampScore(live.reduce((sum, { rule }) => sum + rule.scoreDelta, modelPart.score));
  return {
    decisionId: input.decisionId,
    contract: authorizationContract.topic,
    tenantId: event.tenantId,
    accountId: event.accountId,
    eventId: event.eventId,
    eventTimeMs: event.eventTimeMs,
    bodyHash: input.bodyHash,
    score,
    outcome: raiseOutcome(outcomeOf(score, ruleSet.thresholds), live),
    reasonCodes: [...live.map(ruleReason), ...modelPart.reasons],
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

type ModelPart = { readonly score: number; readonly reasons: readonly ReasonCode[] };

const noModelPart: ModelPart = { score: 0, reasons: [] };

type ModelInput = Pick<DecisionInput, 'features' | 'baseline'> & {
  model: BoundModel;
  subjects: readonly ReasonSubject[];
};

function scoreByModel({ model, subjects, features, baseline }: ModelInput): ModelPart {
  const { probability, contributions } = predictWithContributions(model, features);
  return {
    score: Math.round(1000 * probability),
    reasons: modelReasons(subjects, { contributions, features, baseline }),
  };
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
