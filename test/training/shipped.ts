import { readFileSync } from 'node:fs';
import { parseRuleSet } from '../../core/contract/rule-set.ts';
import { bindModel, parseModel } from '../../core/score/model.ts';
import definition from '../../examples/handbook/features.ts';
import { shippedFiles } from '../../runtime/assemble.ts';

/** The names of the shipped features, in order. */
export const featureNames = definition.plan.features.map(({ name }) => name);

export const modelBytes = readFileSync(shippedFiles.model);
export const model = bindModel(parseModel(readJson(shippedFiles.model)), featureNames);
export const ruleSet = parseRuleSet(readJson(shippedFiles.rules));

const ordinary: Readonly<Record<string, number>> = {
  amount: 45,
  weekend: 0,
  night: 0,
  customer_count_1d: 2,
  customer_avg_amount_1d: 44,
  customer_count_7d: 14,
  customer_avg_amount_7d: 47,
  customer_count_30d: 60,
  customer_avg_amount_30d: 46,
  terminal_count_1d: 1,
  terminal_fraud_rate_1d: 0,
  terminal_count_7d: 7,
  terminal_fraud_rate_7d: 0,
  terminal_count_30d: 30,
  terminal_fraud_rate_30d: 0,
};

/** The features of an everyday payment, with some of them changed, in the order of `featureNames`. */
export function vectorOf(changes: Readonly<Record<string, number>> = {}): number[] {
  const values = new Map(Object.entries({ ...ordinary, ...changes }));
  if (values.size !== featureNames.length) throw new Error(`got ${values.size} features, expected those of the set`);
  return featureNames.map((name) => values.get(name) ?? Number.NaN);
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
