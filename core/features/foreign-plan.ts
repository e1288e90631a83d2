import { authorizationContract } from '../contract/authorization.ts';
import { WeirError } from '../contract/failure.ts';
import { fieldKinds } from '../contract/fields.ts';
import type { Expression, Plan } from './plan.ts';

/** A key of a plan whose events are spread over the partitions of the topic. */
export type ForeignKey = {
  /** Its number in the plan. */
  readonly key: number;
  readonly field: string;
  /** The numbers in the plan of the features by it. */
  readonly features: readonly number[];
  /** The plan of those features alone: what the owner of the key's windows runs. Its aggregates stand in the plan's order. */
  readonly plan: Plan;
};

/**
 * The keys of a plan that are neither the topic's nor nested in it, each with the plan of its features. Throws
 * `FOREIGN_KEYS` for a feature that cannot be computed where the key's windows are.
 */
export function foreignKeysOf(plan: Plan): readonly ForeignKey[] {
  const { key: own, nested } = authorizationContract;
  const inside: readonly string[] = [own, ...nested];
  return plan.keys.flatMap((field, key) => (inside.includes(field) ? [] : [foreignKeyOf(plan, { field, key })]));
}

function foreignKeyOf(plan: Plan, { field, key }: { readonly field: string; readonly key: number }): ForeignKey {
  const aggregates = plan.aggregates.flatMap((spec, index) => (spec.key === key ? [{ spec, index }] : []));
  const numbers = new Map(aggregates.map(({ index }, number) => [index, number]));
  const features = plan.features.flatMap(({ expression }, index) =>
    aggregatesOf(expression).some((aggregate) => numbers.has(aggregate)) ? [index] : [],
  );
  for (const index of features) assertOneKey(plan, { feature: plan.features[index]!, field, key });
  return {
    key,
    field,
    features,
    plan: {
      ...plan,
      label: aggregates.some(({ spec }) => spec.usesLabel) ? plan.label : null,
      keys: [field],
      aggregates: aggregates.map(({ spec }) => ({ ...spec, key: 0 })),
      features: features.map((index) => {
        const { name, expression } = plan.features[index]!;
        return { name, expression: renumber(expression, numbers) };
      }),
    },
  };
}

function assertOneKey(
  plan: Plan,
  { feature, field, key }: { readonly feature: Plan['features'][number]; readonly field: string; readonly key: number },
): void {
  for (const index of aggregatesOf(feature.expression)) {
    const spec = plan.aggregates[index]!;
    if (spec.key !== key) throw refused(feature.name, `reads windows by ${field} and by ${plan.keys[spec.key]}`);
    const isText = (spec.kind === 'first' || spec.kind === 'last') && givesText(plan.windowColumns[spec.input ?? -1]);
    if (isText) throw refused(feature.name, `reads a text of the windows by ${field}`);
  }
}

function aggregatesOf(expression: Expression): readonly number[] {
  if (expression.op === 'aggregate') return [expression.index];
  return expression.op === 'call' ? expression.args.flatMap(aggregatesOf) : [];
}

function renumber(expression: Expression, numbers: ReadonlyMap<number, number>): Expression {
  if (expression.op === 'aggregate') return { op: 'aggregate', index: numbers.get(expression.index)! };
  if (expression.op !== 'call') return expression;
  return { ...expression, args: expression.args.map((arg) => renumber(arg, numbers)) };
}

function givesText(expression: Expression | undefined): boolean {
  if (expression?.op === 'field') return fieldKinds(authorizationContract).get(expression.path)?.kind === 'text';
  if (expression?.op === 'constant') return typeof expression.value === 'string';
  return expression?.op === 'call' && expression.args.some(givesText);
}

function refused(feature: string, why: string): WeirError {
  return new WeirError({
    code: 'FOREIGN_KEYS',
    message: `got the feature ${feature}, which ${why}, over several partitions; expected numbers by one key that is spread over them`,
    fix: 'Give the topic one partition, or split the feature: a model can read both halves.',
    facts: { feature },
  });
}
