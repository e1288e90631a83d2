import type { ModelTrees } from './model-trees.ts';

/** The way to one leaf: what it asks of each feature, and how likely that is. */
export type LeafPath = {
  /** The leaf's node. */
  readonly leaf: number;
  /** Log-odds. */
  readonly value: number;
  /** The features that the way asks about, each once. */
  readonly features: readonly number[];
  /** The share of the training rows, by Hessian sums, that each feature's splits let through to the leaf. */
  readonly shares: readonly number[];
  /** The Shapley weight of a set of so many known features. */
  readonly weights: readonly number[];
  /** The splits from the root down: which side the leaf is on (0 less, 1 not less), and the place of its feature. */
  readonly splits: readonly { readonly node: number; readonly side: number; readonly place: number }[];
};

/** The ways to the leaves below a node, from the left. */
export function leafPathsBelow(trees: ModelTrees, root: number): LeafPath[] {
  const paths: LeafPath[] = [];
  const visit = (node: number, above: PathAbove): void => {
    const feature = trees.feature[node]!;
    if (feature < 0) {
      paths.push({ leaf: node, value: trees.mean[node]!, weights: weightsOf(above.shares.length), ...above });
      return;
    }
    const lessShare = trees.lessShare[node]!;
    visit(trees.less[node]!, extend(above, { node, feature, side: 0, share: lessShare }));
    visit(trees.notLess[node]!, extend(above, { node, feature, side: 1, share: 1 - lessShare }));
  };
  visit(root, { features: [], shares: [], splits: [] });
  return paths;
}

/**
 * Adds to `sums`, a place a feature of the path, what a leaf gives the features of a row by Shapley: `holds` says, with
 * 0 or 1, which of them let the row through. With some features known, a leaf is worth its value times, for each feature
 * of its path, `holds` if it is known and its share if not. Takes O(features²).
 */
export function addLeafShapley(path: LeafPath, holds: Uint8Array, sums: Float64Array): void {
  const { value, shares, weights } = path;
  let failing = value;
  let knownCount = 0;
  const coefficients = new Float64Array(shares.length + 1);
  coefficients[0] = 1;
  for (let place = 0; place < shares.length; place += 1) {
    if (holds[place] === 0) failing *= shares[place]!;
    else multiply(coefficients, shares[place]!, (knownCount += 1));
  }
  const ifFailing = -failing * weighted(coefficients, weights);
  for (let place = 0; place < shares.length; place += 1) {
    const share = shares[place]!;
    if (holds[place] === 0) sums[place]! += ifFailing;
    else sums[place]! += (1 - share) * failing * weightedWithout({ coefficients, weights, share, knownCount });
  }
}

type PathAbove = Omit<LeafPath, 'leaf' | 'value' | 'weights'>;
type Step = { readonly node: number; readonly feature: number; readonly side: number; readonly share: number };

function extend({ features, shares, splits }: PathAbove, step: Step): PathAbove {
  const found = features.indexOf(step.feature);
  const place = found === -1 ? features.length : found;
  return {
    features: found === -1 ? [...features, step.feature] : features,
    shares: found === -1 ? [...shares, step.share] : shares.with(place, shares[place]! * step.share),
    splits: [...splits, { node: step.node, side: step.side, place }],
  };
}

/** A polynomial, lowest coefficient first, times (share + y): the feature is not known, or is one more of the known. */
function multiply(coefficients: Float64Array, share: number, degree: number): void {
  for (let power = degree; power > 0; power -= 1) {
    coefficients[power] = coefficients[power]! * share + coefficients[power - 1]!;
  }
  coefficients[0]! *= share;
}

function weighted(coefficients: Float64Array, weights: readonly number[]): number {
  let sum = 0;
  for (let power = 0; power < weights.length; power += 1) sum += coefficients[power]! * weights[power]!;
  return sum;
}

type Without = { coefficients: Float64Array; weights: readonly number[]; share: number; knownCount: number };

/** The weighted sum of the polynomial divided by one of its factors, from the highest coefficient down. */
function weightedWithout({ coefficients, weights, share, knownCount }: Without): number {
  let sum = 0;
  let quotient = 0;
  for (let power = knownCount - 1; power >= 0; power -= 1) {
    quotient = coefficients[power + 1]! - quotient * share;
    sum += quotient * weights[power]!;
  }
  return sum;
}

/**
 * The Shapley weight of a set of k known features among n: k! (n - k - 1)! / n!
 * (https://en.wikipedia.org/wiki/Shapley_value).
 */
function weightsOf(count: number): number[] {
  const weights: number[] = [];
  let weight = 1 / count;
  for (let known = 0; known < count; known += 1) {
    weights.push(weight);
    weight *= (known + 1) / (count - known - 1);
  }
  return weights;
}
