import { type FeatureSet, hashPlan } from '../../core/features/plan.ts';

/** A definition with its windows by keys that lie in the account in place of those that do not. */
export function nested({ plan: { keys, ...others } }: FeatureSet): FeatureSet {
  const plan = { ...others, keys: keys.map((key) => (key === 'terminalId' ? 'cardToken' : 'accountId')) };
  return { plan, hash: hashPlan(plan) };
}
