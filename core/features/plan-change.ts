import { describeFeature } from './describe-feature.ts';
import type { Plan } from './plan.ts';

/** What became of one feature between two plans; the texts are `describeFeature`'s. */
export type FeatureChange =
  | { readonly kind: 'added'; readonly feature: string; readonly after: string }
  | { readonly kind: 'removed'; readonly feature: string; readonly before: string }
  | { readonly kind: 'changed'; readonly feature: string; readonly before: string; readonly after: string };

/** How one plan differs from another. */
export type PlanChange = {
  readonly features: readonly FeatureChange[];
  /** Both read the same topic and features were added at most: what the state holds of the others stays as it is. */
  readonly isCompatible: boolean;
};

/** Compares two plans, feature by feature, in the order of the new one, then what was removed. */
export function comparePlans(before: Plan, after: Plan): PlanChange {
  const old = describeAll(before);
  const young = describeAll(after);
  const features: FeatureChange[] = [];
  for (const [feature, text] of young) {
    const was = old.get(feature);
    if (was === undefined) features.push({ kind: 'added', feature, after: text });
    else if (was !== text) features.push({ kind: 'changed', feature, before: was, after: text });
  }
  for (const [feature, text] of old) {
    if (!young.has(feature)) features.push({ kind: 'removed', feature, before: text });
  }
  const isCompatible = before.topic === after.topic && features.every(({ kind }) => kind === 'added');
  return { features, isCompatible };
}

/** A change in one line, for people. */
export function describeChange(change: FeatureChange): string {
  switch (change.kind) {
    case 'added':
      return `feature ${change.feature} was added: ${change.after}`;
    case 'removed':
      return `feature ${change.feature} was removed: ${change.before}`;
    case 'changed':
      return `feature ${change.feature} was ${change.before}, now ${change.after}`;
  }
}

function describeAll(plan: Plan): Map<string, string> {
  return new Map(plan.features.map(({ name, expression }) => [name, describeFeature(plan, expression)]));
}
