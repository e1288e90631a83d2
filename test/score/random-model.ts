import fc from 'fast-check';

/** A tree as one would draw it: the obvious twin of the tables that the scorer walks. */
export type Drawn =
  | { readonly kind: 'leaf'; readonly value: number; readonly hessian: number }
  | {
      readonly kind: 'split';
      readonly feature: number;
      readonly threshold: number;
      readonly isMissingLess: boolean;
      readonly less: Drawn;
      readonly notLess: Drawn;
    };

const float = fc.float({ min: -4, max: 4, noNaN: true });

const { tree } = fc.letrec<{ tree: Drawn }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.record({ kind: fc.constant('leaf' as const), value: float, hessian: fc.integer({ min: 1, max: 1000 }) }),
    fc.record({
      kind: fc.constant('split' as const),
      feature: fc.integer({ min: 0, max: 3 }),
      threshold: float,
      isMissingLess: fc.boolean(),
      less: tie('tree'),
      notLess: tie('tree'),
    }),
  ),
}));

export const trees = fc.array(tree, { minLength: 1, maxLength: 6 });
export const featureNames = ['a', 'b', 'c', 'd'];
export const row = fc.array(fc.option(fc.oneof(float, fc.double({ min: -5, max: 5, noNaN: true }))), {
  minLength: 4,
  maxLength: 4,
});

/** Writes drawn trees as XGBoost would, with a base score of one half. */
export function modelJson(drawn: readonly Drawn[], names: readonly string[] = featureNames): unknown {
  return {
    version: [3, 2, 0],
    learner: {
      attributes: {},
      feature_names: names,
      learner_model_param: { base_score: '[5E-1]', num_class: '0', num_feature: `${names.length}`, num_target: '1' },
      objective: { name: 'binary:logistic' },
      gradient_booster: { name: 'gbtree', model: { trees: drawn.map(treeJson) } },
    },
  };
}

/** The value of the leaf that a row reaches. */
export function leafOf(drawn: Drawn, values: readonly (number | null)[]): number {
  if (drawn.kind === 'leaf') return Math.fround(drawn.value);
  const value = values[drawn.feature];
  const isLess =
    value === null || value === undefined ? drawn.isMissingLess : Math.fround(value) < Math.fround(drawn.threshold);
  return leafOf(isLess ? drawn.less : drawn.notLess, values);
}

/** The mean of the leaves, weighted by their Hessians. */
export function meanOf(drawn: Drawn): number {
  const leaves = leavesOf(drawn);
  const weight = leaves.reduce((sum, { hessian }) => sum + hessian, 0);
  return leaves.reduce((sum, { value, hessian }) => sum + Math.fround(value) * hessian, 0) / weight;
}

/** The Hessians of the leaves. */
export function weightOf(drawn: Drawn): number {
  return leavesOf(drawn).reduce((sum, { hessian }) => sum + hessian, 0);
}

function leavesOf(drawn: Drawn): Extract<Drawn, { kind: 'leaf' }>[] {
  return drawn.kind === 'leaf' ? [drawn] : [...leavesOf(drawn.less), ...leavesOf(drawn.notLess)];
}

function treeJson(drawn: Drawn): unknown {
  const nodes: Drawn[] = [drawn];
  const left: number[] = [];
  const right: number[] = [];
  for (const node of nodes) {
    left.push(node.kind === 'leaf' ? -1 : nodes.length);
    right.push(node.kind === 'leaf' ? -1 : nodes.length + 1);
    if (node.kind === 'split') nodes.push(node.less, node.notLess);
  }
  return {
    tree_param: { size_leaf_vector: '1' },
    categories: [],
    left_children: left,
    right_children: right,
    split_type: nodes.map(() => 0),
    split_indices: nodes.map((node) => (node.kind === 'leaf' ? 0 : node.feature)),
    split_conditions: nodes.map((node) => (node.kind === 'leaf' ? node.value : node.threshold)),
    default_left: nodes.map((node) => (node.kind === 'split' && node.isMissingLess ? 1 : 0)),
    sum_hessian: nodes.map(weightOf),
  };
}
