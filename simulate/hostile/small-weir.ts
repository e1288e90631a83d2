import { authorizationContract } from '../../core/contract/authorization.ts';
import { fieldKinds } from '../../core/contract/fields.ts';
import { parseRuleSet, type RuleSet } from '../../core/contract/rule-set.ts';
import type { FeatureSet } from '../../core/features/plan.ts';
import { createFeatureEngine } from '../../core/features/engine.ts';
import { createDecider, type Decider, type Scoring } from '../../core/score/decide.ts';
import { bindModel, parseModel } from '../../core/score/model.ts';
import { compileRules } from '../../core/score/rules.ts';
import type { LedgerConfig } from '../../core/sinks/ledger-state.ts';
import type { Weir } from '../../core/steps/state.ts';
import type { NaiveSetup } from '../naive/naive.ts';
import { shortLedger } from './workload.ts';

/** One engine twice: as it ships, and as data for its twin. */
export type SmallWeir = {
  readonly weir: Weir;
  readonly setup: NaiveSetup;
  readonly scoring: Scoring;
  readonly ruleSet: RuleSet;
};

/** The engine over a feature set, with a model of one split on its first feature and two rules on its second. */
export function smallWeir(
  { plan, hash }: FeatureSet,
  options: {
    readonly watermarkPer?: Weir['watermarkPer'];
    readonly ledger?: LedgerConfig;
    /** What the model adds for a large amount and takes off for a small one. */
    readonly leaf?: number;
  } = {},
): SmallWeir {
  const { watermarkPer = 'input', ledger = shortLedger, leaf = 3 } = options;
  const names = plan.features.map(({ name }) => name);
  const [splitOn = '', countedOn = splitOn] = names;
  const ruleSet = parseRuleSet(rulesOver(countedOn));
  const scoring: Scoring = {
    model: bindModel(parseModel(stump(splitOn, leaf)), names),
    ruleSet: compileRules(ruleSet, {
      fields: fieldKinds(authorizationContract),
      features: names,
    }),
    featureSet: { name: plan.name, version: plan.version, hash },
  };
  const decider = createDecider(scoring);
  const features = createFeatureEngine(plan, authorizationContract.allowedLatenessMs);
  return {
    weir: { features, decider, ledger, watermarkPer },
    scoring,
    ruleSet,
    setup: {
      plan,
      watermarkPer,
      ledger,
      outcomeOf: (event, vector) => decider.decide(decisionInput(event, vector)).outcome,
    },
  };
}

type Input = Parameters<Decider['decide']>[0];

function decisionInput(event: Input['event'], features: Input['features']): Input {
  return {
    event,
    decisionId: '',
    bodyHash: '',
    topic: 'payments.authorization.v1',
    partition: 0,
    offset: 0,
    features,
    baseline: features.map(() => null),
    watermarkMs: null,
    late: false,
    tooLate: false,
  };
}

/** A model as XGBoost saves it: amounts of 3000 and more are likely fraud. */
function stump(feature: string, leaf: number): unknown {
  const tree = {
    tree_param: { size_leaf_vector: '1' },
    categories: [],
    left_children: [1, -1, -1],
    right_children: [2, -1, -1],
    split_type: [0, 0, 0],
    split_indices: [0, 0, 0],
    split_conditions: [3000, -leaf, leaf],
    default_left: [1, 0, 0],
    sum_hessian: [2, 1, 1],
  };
  return {
    learner: {
      attributes: { id: 'stump', version: '1' },
      feature_names: [feature],
      learner_model_param: { base_score: '[5E-1]', num_class: '0', num_feature: '1', num_target: '1' },
      objective: { name: 'binary:logistic' },
      gradient_booster: { name: 'gbtree', model: { trees: [tree] } },
    },
  };
}

function rulesOver(feature: string): unknown {
  const rule = { version: 1, mode: 'live', scoreDelta: 0 };
  return {
    id: 'small',
    version: 1,
    thresholds: { review: 300, stepUp: 600, decline: 900 },
    rules: [
      {
        ...rule,
        id: 'busy',
        when: { feature, op: 'gte', value: 4 },
        outcomeAtLeast: 'review',
        reason: { code: 'BUSY', text: 'many payments in a short time' },
      },
      {
        ...rule,
        id: 'very-busy',
        scoreDelta: 600,
        when: { feature, op: 'gte', value: 7 },
        reason: { code: 'VERY_BUSY', text: 'very many payments in a short time' },
      },
    ],
  };
}
