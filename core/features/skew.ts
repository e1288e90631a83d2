import type { Plan } from './plan.ts';

/** Why a decision value and a settled value differ. `disorder`: an event of an earlier time came after, but not late. */
export type SkewCause = 'lateEvent' | 'sameTimePeer' | 'disorder';

/** How often and by how much a feature's two values differ, over the rows that are final. */
export type Skew = {
  rows: number;
  /** Rows that differ, by cause. */
  readonly differing: Record<SkewCause, number>;
  /** The greatest difference, in the feature's own unit; a value against null counts as a difference of 0. */
  differenceMax: number;
};

/** The skew of every feature of a plan, by name. */
export type FeatureSkew = Map<string, Skew>;

export function createSkew(plan: Plan): FeatureSkew {
  return new Map(
    plan.features.map(({ name }) => [
      name,
      { rows: 0, differing: { lateEvent: 0, sameTimePeer: 0, disorder: 0 }, differenceMax: 0 },
    ]),
  );
}
