import { createFeatureEngine } from '../core/features/engine.ts';
import { type ForeignKey, foreignKeysOf } from '../core/features/foreign-plan.ts';
import { compileRules } from '../core/score/rules.ts';
import { allowedLatenessMsOf, type Assembled } from './assemble.ts';

/**
 * What runs where a topic has several partitions: the windows of keys that are spread over them are with their owners.
 * Throws `FOREIGN_KEYS` for a feature that cannot be computed there.
 */
export function overPartitions(assembled: Assembled, partitions: number): Assembled {
  const { plan } = assembled.weir.features;
  const foreign = partitions === 1 ? [] : foreignKeysOf(plan);
  if (foreign.length === 0) return assembled;
  const names = foreign.map(({ features }) => features.map((feature) => plan.features[feature]!.name));
  return { ...assembled, foreign, scoring: { ...assembled.scoring, foreign: names } };
}

/** What the owner of a foreign key's windows runs: its features, and nothing that decides. */
export function ofForeignKey(assembled: Assembled, key: ForeignKey, sourcePartitions: number): Assembled {
  const { weir, scoring, ruleSet } = assembled;
  const { plan } = key;
  const features = createFeatureEngine(plan, allowedLatenessMsOf(plan), weir.features.keyEventsMax);
  const vectorLength = plan.features.length;
  const noRules = { ...ruleSet, rules: [] };
  const rules = compileRules(noRules, { fields: new Map(), features: plan.features.map(({ name }) => name) });
  // No record of a repartition topic is decided: the model is never asked, whatever it would read.
  const model = { ...scoring.model, columns: new Int32Array(scoring.model.columns.length), vectorLength };
  return {
    ...assembled,
    weir: { ...weir, features },
    scoring: { model, ruleSet: rules, featureSet: scoring.featureSet },
    ruleSet: noRules,
    sourcePartitions,
  };
}
