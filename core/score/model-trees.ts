import { describe, modelError, readArray, readNumbers, readObject } from './xgboost-json.ts';

/**
 * All trees of a model, node by node in one table; a parent comes before its children. The typed arrays are as long as
 * there are nodes, `roots` as long as there are trees.
 */
export type ModelTrees = {
  readonly roots: Int32Array;
  /** Which of the model's features a node splits on; -1 for a leaf. */
  readonly feature: Int32Array;
  readonly threshold: Float32Array;
  /** The next node for `value < threshold`. */
  readonly less: Int32Array;
  readonly notLess: Int32Array;
  /** The next node for a value that is missing. */
  readonly missing: Int32Array;
  /** Log-odds: a leaf's value; above the leaves the mean of the children's means, weighted by their Hessian sums. */
  readonly mean: Float64Array;
  /** The share of a split's Hessian sum that is below `less`; 0 for a leaf. */
  readonly lessShare: Float64Array;
};

/** Reads `learner.gradient_booster.model.trees`; throws MODEL_INVALID on another shape, such as categorical splits. */
export function readTrees(json: unknown, { path, featureCount }: { path: string; featureCount: number }): ModelTrees {
  const nodes = createNodes();
  const roots = readArray(json, path).map((tree, index) =>
    appendTree(nodes, readTree(tree, { path: `${path}.${index}`, featureCount })),
  );
  if (roots.length === 0) throw modelError({ path, got: 'no tree', expected: 'at least one' });
  return {
    roots: Int32Array.from(roots),
    feature: Int32Array.from(nodes.feature),
    threshold: Float32Array.from(nodes.threshold),
    less: Int32Array.from(nodes.less),
    notLess: Int32Array.from(nodes.notLess),
    missing: Int32Array.from(nodes.missing),
    mean: Float64Array.from(nodes.mean),
    lessShare: Float64Array.from(nodes.lessShare),
  };
}

/** The deepest tree that is read. */
const depthMax = 128;

/** One tree as XGBoost writes it: a column a property, a row a node, the root first. */
type SourceTree = {
  readonly path: string;
  readonly featureCount: number;
  readonly left: readonly number[];
  readonly right: readonly number[];
  readonly feature: readonly number[];
  /** A leaf's value or a split's threshold. */
  readonly condition: readonly number[];
  readonly defaultLeft: readonly number[];
  readonly hessianSum: readonly number[];
};

function readTree(json: unknown, { path, featureCount }: { path: string; featureCount: number }): SourceTree {
  const tree = readObject(json, path);
  const left = readNumbers(tree['left_children'], { path: `${path}.left_children` });
  const column = (name: string) => readNumbers(tree[name], { path: `${path}.${name}`, length: left.length });
  if (readArray(tree['categories'] ?? [], `${path}.categories`).length > 0 || column('split_type').includes(1)) {
    throw modelError({ path, got: 'categorical splits', expected: 'numeric splits only' });
  }
  const leafVector = readObject(tree['tree_param'], `${path}.tree_param`)['size_leaf_vector'] ?? '1';
  if (leafVector !== '1' && leafVector !== '0') {
    throw modelError({ path, got: `leaves of ${describe(leafVector)} values`, expected: 'leaves of one value' });
  }
  return {
    path,
    featureCount,
    left,
    right: column('right_children'),
    feature: column('split_indices'),
    condition: column('split_conditions'),
    defaultLeft: column('default_left'),
    hessianSum: column('sum_hessian'),
  };
}

type Nodes = { readonly [name in Exclude<keyof ModelTrees, 'roots'>]: number[] };

function createNodes(): Nodes {
  return { feature: [], threshold: [], less: [], notLess: [], missing: [], mean: [], lessShare: [] };
}

/**
 * Appends the nodes that the root reaches and returns the root's row. Nodes that pruning deleted are not reached; a
 * file whose nodes form a cycle, or meet again, would reach more nodes than it has.
 */
function appendTree(nodes: Nodes, tree: SourceTree): number {
  const rowsMax = nodes.feature.length + tree.left.length;
  const append = (source: number, depth: number): number => {
    const row = nodes.feature.length;
    if (depth > depthMax || row >= rowsMax || !(source in tree.left)) {
      const path = `${tree.path}.left_children, right_children`;
      throw modelError({ path, got: `a link to node ${source}`, expected: `a tree of at most ${depthMax} levels` });
    }
    appendRow(nodes, tree, source);
    if (tree.left[source] === -1) return row;
    const less = append(tree.left[source]!, depth + 1);
    const notLess = append(tree.right[source]!, depth + 1);
    nodes.less[row] = less;
    nodes.notLess[row] = notLess;
    nodes.missing[row] = tree.defaultLeft[source] === 0 ? notLess : less;
    nodes.mean[row] = meanOfChildren({ nodes, tree, source, row });
    nodes.lessShare[row] = lessShareOf(tree, source);
    return row;
  };
  return append(0, 1);
}

/** Appends one node as a leaf; a split gets its links and its mean once its children are there. */
function appendRow(nodes: Nodes, tree: SourceTree, source: number): void {
  const isLeaf = tree.left[source] === -1;
  const feature = isLeaf ? -1 : tree.feature[source]!;
  if (!isLeaf && !(Number.isInteger(feature) && feature >= 0 && feature < tree.featureCount)) {
    const path = `${tree.path}.split_indices.${source}`;
    throw modelError({ path, got: `${feature}`, expected: `a feature from 0 to ${tree.featureCount - 1}` });
  }
  nodes.feature.push(feature);
  nodes.threshold.push(tree.condition[source]!);
  nodes.less.push(-1);
  nodes.notLess.push(-1);
  nodes.missing.push(-1);
  nodes.mean.push(Math.fround(tree.condition[source]!));
  nodes.lessShare.push(0);
}

type ChildrenOf = { nodes: Nodes; tree: SourceTree; source: number; row: number };

function meanOfChildren({ nodes, tree, source, row }: ChildrenOf): number {
  const lessWeight = tree.hessianSum[tree.left[source]!]!;
  const notLessWeight = tree.hessianSum[tree.right[source]!]!;
  const lessMean = nodes.mean[nodes.less[row]!]!;
  const notLessMean = nodes.mean[nodes.notLess[row]!]!;
  const weight = lessWeight + notLessWeight;
  if (weight <= 0) return (lessMean + notLessMean) / 2;
  return (lessMean * lessWeight + notLessMean * notLessWeight) / weight;
}

/** A half where no training row came. */
function lessShareOf(tree: SourceTree, source: number): number {
  const lessWeight = tree.hessianSum[tree.left[source]!]!;
  const weight = lessWeight + tree.hessianSum[tree.right[source]!]!;
  return weight <= 0 ? 0.5 : lessWeight / weight;
}
