import { readFileSync } from 'node:fs';
import { parseRuleSet } from '../../core/contract/rule-set.ts';
import { bindModel, parseModel } from '../../core/score/model.ts';
import definition from '../../examples/handbook/fraud-features.ts';
import { shippedFiles } from '../../runtime/assemble.ts';

type Values = Readonly<Record<string, number | null>>;

/** The names of the shipped features, in order. */
export const featureNames = definition.plan.features.map(({ name }) => name);

export const modelBytes = readFileSync(shippedFiles.model);
export const model = bindModel(parseModel(readJson(shippedFiles.model)), featureNames);
export const ruleSet = parseRuleSet(readJson(shippedFiles.rules));

const ordinary: Values = {
  amount: 45,
  weekend: 0,
  night: 0,
  customer_count_1d: 2,
  customer_avg_amount_1d: 44,
  customer_count_7d: 14,
  customer_avg_amount_7d: 47,
  customer_count_30d: 60,
  customer_avg_amount_30d: 46,
  customer_last_payment_age_seconds: 40_000,
  terminal_count_1d: 1,
  terminal_fraud_rate_1d: 0,
  terminal_count_7d: 7,
  terminal_fraud_rate_7d: 0,
  terminal_count_30d: 30,
  terminal_fraud_rate_30d: 0,
  terminal_first_fraud_age_days: null,
  terminal_last_fraud_age_days: null,
  terminal_last_genuine_age_days: 7.5,
  terminal_fraud_count_43d: 0,
  terminal_frauds_in_a_row: 0,
  terminal_genuine_in_a_row: 43,
  terminal_min_fraud_amount_14d: null,
  terminal_fraud_customers_14d: 0,
};

/** What follows from an amount and from what the customer usually pays: amounts spread by half around their mean. */
function besideTheUsual({ amount, usual }: { readonly amount: number; readonly usual: number }): Values {
  return {
    customer_median_amount_30d: usual,
    amount_over_median_30d: amount / usual,
    amount_over_avg_30d: amount / usual,
    amount_z_score_30d: (amount - usual) / (usual / 2),
    amount_over_max_30d: amount / (2 * usual),
    amount_over_genuine_avg_60d: amount / usual,
    amount_z_score_genuine_60d: (amount - usual) / (usual / 2),
    customer_max_7d_over_genuine_max: 0.8,
    customer_avg_14d_over_genuine_avg: 1,
  };
}

/**
 * The features of an everyday payment, with some of them changed, in the order of `featureNames`. The ratios follow the
 * amount and the customer's average of 30 days.
 */
export function vectorOf(changes: Values = {}): (number | null)[] {
  const given = { ...ordinary, ...changes };
  const ratios = besideTheUsual({ amount: given['amount'] ?? 0, usual: given['customer_avg_amount_30d'] ?? 1 });
  const values = new Map(Object.entries({ ...ratios, ...given }));
  if (values.size !== featureNames.length) throw new Error(`got ${values.size} features, expected those of the set`);
  return featureNames.map((name) => values.get(name) ?? null);
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
