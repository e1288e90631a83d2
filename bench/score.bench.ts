import { readFileSync } from 'node:fs';
import { bindModel, explainRow, type Model, parseModel, predict } from '../core/score/model.ts';
import { createTreeScorer, type TreeScorer, type TreeScorerOptions } from '../core/score/tree-scorer.ts';
import { createTreeShap, shapleyValues } from '../core/score/tree-shap.ts';

const rowsMax = 4096;
const explainedMax = 512;

export const name = 'score';

/** Rows of one batch by every way of scoring: 100 complete trees of 6 levels with random splits, and the shipped model. */
export const variants = [
  ...variantsOf('100 trees x 6', () => parseModel(randomModel({ trees: 100, depth: 6, features: 15 }))),
  ...variantsOf('shipped', () => {
    const json: unknown = JSON.parse(readFileSync(new URL('../examples/handbook/model.json', import.meta.url), 'utf8'));
    return parseModel(json);
  }),
];

type Variant = { readonly name: string; readonly run: () => number };

function variantsOf(title: string, load: () => Model): Variant[] {
  let prepared: Prepared | undefined;
  const ready = (): Prepared => (prepared ??= prepare(load()));
  return [
    { name: `${title}: wasm, path reasons`, run: () => runScorer(ready(), ready().reasons) },
    { name: `${title}: wasm, score only`, run: () => runScorer(ready(), ready().margins) },
    { name: `${title}: JavaScript walk, path reasons`, run: () => explainRows(ready()) },
    { name: `${title}: JavaScript walk, score only`, run: () => predictRows(ready()) },
    { name: `${title}: exact Shapley values`, run: () => explainExactly(ready()) },
  ];
}

type Prepared = {
  readonly model: Model;
  readonly reasons: TreeScorer;
  readonly margins: TreeScorer;
  readonly shap: ReturnType<typeof createTreeShap>;
  readonly bound: ReturnType<typeof bindModel>;
  readonly rows: Float32Array;
  readonly vectors: readonly (readonly number[])[];
};

function prepare(model: Model): Prepared {
  const { featureNames } = model;
  const rows = randomRows(model);
  const vectors = Array.from({ length: rowsMax }, (_, row) => [
    ...rows.subarray(row * featureNames.length, (row + 1) * featureNames.length),
  ]);
  return {
    model,
    reasons: requireWasm(model, { sums: 'contributions' }),
    margins: requireWasm(model, { sums: 'margin' }),
    shap: createTreeShap(model),
    bound: bindModel(model, featureNames),
    rows,
    vectors,
  };
}

function requireWasm(model: Model, options: TreeScorerOptions): TreeScorer {
  const scorer = createTreeScorer(model, options);
  if (scorer.engine !== 'wasm') throw new Error(`${scorer.fallback}, expected a model for WebAssembly`);
  return scorer;
}

function runScorer({ rows, model }: Prepared, scorer: TreeScorer): number {
  const length = model.featureNames.length;
  for (let row = 0; row < rowsMax; row += scorer.rowsMax) {
    scorer.input.set(rows.subarray(row * length, (row + scorer.rowsMax) * length));
    scorer.run(scorer.rowsMax);
  }
  return rowsMax;
}

function explainRows({ rows, model }: Prepared): number {
  const length = model.featureNames.length;
  for (let row = 0; row < rowsMax; row += 1) explainRow(model, rows.subarray(row * length, (row + 1) * length));
  return rowsMax;
}

function predictRows({ bound, vectors }: Prepared): number {
  for (const vector of vectors) predict(bound, vector);
  return rowsMax;
}

function explainExactly({ rows, shap, model }: Prepared): number {
  const length = model.featureNames.length;
  for (let row = 0; row < explainedMax; row += 1) shapleyValues(shap, rows.subarray(row * length, (row + 1) * length));
  return explainedMax;
}

/** Values near the model's own thresholds, so that rows take different ways; three in a hundred are missing. */
function randomRows({ featureNames, trees }: Model): Float32Array {
  const random = createRandom(2);
  const thresholds = featureNames.map((_, feature) =>
    trees.threshold.filter((_value, node) => trees.feature[node] === feature),
  );
  const rows = new Float32Array(rowsMax * featureNames.length);
  for (let at = 0; at < rows.length; at += 1) {
    const known = thresholds[at % featureNames.length]!;
    const near = known[Math.floor(random() * known.length)] ?? 0;
    rows[at] = random() < 0.03 ? Number.NaN : near * (0.5 + random());
  }
  return rows;
}

/** A model in XGBoost's JSON whose trees are complete. */
function randomModel({ trees, depth, features }: { trees: number; depth: number; features: number }): unknown {
  const random = createRandom(1);
  const splits = 2 ** depth - 1;
  const nodes = Array.from({ length: 2 * splits + 1 }, (_, node) => node);
  const tree = (): unknown => ({
    tree_param: { size_leaf_vector: '1' },
    left_children: nodes.map((node) => (node < splits ? 2 * node + 1 : -1)),
    right_children: nodes.map((node) => (node < splits ? 2 * node + 2 : -1)),
    split_type: nodes.map(() => 0),
    split_indices: nodes.map(() => Math.floor(random() * features)),
    split_conditions: nodes.map((node) => (node < splits ? random() * 100 : (random() - 0.5) / 5)),
    default_left: nodes.map(() => (random() < 0.5 ? 0 : 1)),
    sum_hessian: nodes.map(() => 1 + random()),
  });
  return {
    learner: {
      attributes: {},
      feature_names: Array.from({ length: features }, (_, feature) => `feature${feature}`),
      learner_model_param: { base_score: '5E-1', num_feature: `${features}` },
      objective: { name: 'binary:logistic' },
      gradient_booster: { name: 'gbtree', model: { trees: Array.from({ length: trees }, tree) } },
    },
  };
}

/** A linear congruential generator (Numerical Recipes): numbers in [0, 1), the same for a seed. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
