import { createSkew, type FeatureSkew, type SkewCause } from './skew.ts';
import type { Plan } from './plan.ts';

/** The skew of every feature, a column a number. */
export type SkewColumns = {
  /** Rows that are final, the same for each feature. */
  rows: number;
  /** Rows that differ, three a feature in the order of `skewCauses`. */
  readonly differing: Float64Array;
  readonly differenceMax: Float64Array;
};

const skewCauses: readonly SkewCause[] = ['lateEvent', 'sameTimePeer', 'disorder'];

/** The skew before any row is final. */
export function createSkewColumns(features: number): SkewColumns {
  return {
    rows: 0,
    differing: new Float64Array(features * skewCauses.length),
    differenceMax: new Float64Array(features),
  };
}

/** Counts that a feature's two values differ in a final row. */
export function countDifference(
  skew: SkewColumns,
  feature: number,
  { cause, difference }: { readonly cause: SkewCause; readonly difference: number },
): void {
  skew.differing[feature * skewCauses.length + skewCauses.indexOf(cause)]!++;
  if (difference > skew.differenceMax[feature]!) skew.differenceMax[feature] = difference;
}

/** The skew by name of feature, as the readable engine keeps it. */
export function skewOf(plan: Plan, columns: SkewColumns): FeatureSkew {
  const skew = createSkew(plan);
  let feature = 0;
  for (const one of skew.values()) {
    one.rows = columns.rows;
    one.differenceMax = columns.differenceMax[feature]!;
    for (const [number, cause] of skewCauses.entries()) {
      one.differing[cause] = columns.differing[feature * skewCauses.length + number]!;
    }
    feature++;
  }
  return skew;
}
