import { WeirError } from '../contract/failure.ts';
import { canonicalHash } from './canonical-hash.ts';
import type { ModelReference } from './decision.ts';
import { type ModelTrees, readTrees } from './model-trees.ts';
import { nearestName } from './nearest-name.ts';
import { describe, modelError, readNames, readObject, requireText } from './xgboost-json.ts';

/** A gradient boosted model of the probability of fraud. Margins, means and contributions are log-odds. */
export type Model = {
  readonly reference: ModelReference;
  readonly featureNames: readonly string[];
  /** The margin before the first tree. */
  readonly baseMargin: number;
  /** The base margin and the mean of every tree: the margin of a payment about which nothing is known. */
  readonly bias: number;
  readonly trees: ModelTrees;
};

/** A model with the place of each of its features in a feature vector. */
export type BoundModel = {
  readonly model: Model;
  /** The vector's column of each of the model's features. */
  readonly columns: Int32Array;
  readonly vectorLength: number;
};

export type Prediction = { readonly probability: number; readonly margin: number };

export type Explanation = Prediction & {
  readonly bias: number;
  /** One a feature, in the model's order; the bias and the contributions add up to the margin. */
  readonly contributions: Float64Array;
};

/**
 * Reads a model as XGBoost saves it in JSON: `gbtree`, `binary:logistic`, numeric splits. The id and the version are the
 * model's attributes of these names; an id given here comes first. Throws MODEL_INVALID on any other shape.
 */
export function parseModel(json: unknown, { id }: { readonly id?: string } = {}): Model {
  const learner = readObject(readObject(json, 'the top')['learner'], 'learner');
  const parameters = readObject(learner['learner_model_param'], 'learner.learner_model_param');
  requireSupported({ learner, parameters });
  const featureNames = readNames(learner['feature_names'], 'learner.feature_names');
  requireText(parameters['num_feature'], {
    path: 'learner.learner_model_param.num_feature',
    expected: `${featureNames.length}`,
  });
  const booster = readObject(learner['gradient_booster'], 'learner.gradient_booster');
  const { trees: treesJson } = readObject(booster['model'], 'learner.gradient_booster.model');
  const trees = readTrees(treesJson, {
    path: 'learner.gradient_booster.model.trees',
    featureCount: featureNames.length,
  });
  const attributes = readObject(learner['attributes'] ?? {}, 'learner.attributes');
  const baseMargin = readBaseMargin(parameters['base_score']);
  return {
    reference: {
      id: id ?? readAttribute(attributes, 'id') ?? 'model',
      version: readAttribute(attributes, 'version') ?? '0',
      hash: canonicalHash(json),
    },
    featureNames,
    baseMargin,
    bias: trees.roots.reduce((sum, root) => sum + trees.mean[root]!, baseMargin),
    trees,
  };
}

/**
 * Finds the model's features in a feature vector by name. Throws MODEL_FEATURES_MISSING, naming them, when some are not
 * there.
 */
export function bindModel(model: Model, featureNames: readonly string[]): BoundModel {
  const columns = Int32Array.from(model.featureNames, (name) => featureNames.indexOf(name));
  const missing = model.featureNames.filter((_, index) => columns[index] === -1);
  if (missing.length > 0) throw missingFeatures({ model, missing, featureNames });
  return { model, columns, vectorLength: featureNames.length };
}

/** Scores a feature vector; null is a missing value. Throws when the vector does not have the bound length. */
export function predict(bound: BoundModel, features: readonly (number | null)[]): Prediction {
  const { baseMargin, trees } = bound.model;
  const row = rowOf(bound, features);
  let margin = baseMargin;
  for (let tree = 0; tree < trees.roots.length; tree += 1) {
    let node = trees.roots[tree]!;
    for (let split = trees.feature[node]!; split >= 0; split = trees.feature[node]!) {
      node = childOf({ trees, node, value: row[split]! });
    }
    margin += trees.mean[node]!;
  }
  return { margin, probability: probabilityOf(margin) };
}

/**
 * Scores a feature vector and says what each feature added: every step of a path credits the change of the mean to the
 * feature that it splits on, as XGBoost does for `pred_contribs` with `approx_contribs`
 * (http://blog.datadive.net/interpreting-random-forests/).
 */
export function predictWithContributions(bound: BoundModel, features: readonly (number | null)[]): Explanation {
  return explainRow(bound.model, rowOf(bound, features));
}

/** The same for the model's own features in its order, NaN for a missing one. A tree's path is summed before it is added. */
export function explainRow({ baseMargin, bias, trees }: Model, row: Float32Array): Explanation {
  const contributions = new Float64Array(row.length);
  const path = new Float64Array(row.length);
  let margin = baseMargin;
  for (let tree = 0; tree < trees.roots.length; tree += 1) {
    let node = trees.roots[tree]!;
    path.fill(0);
    for (let split = trees.feature[node]!; split >= 0; split = trees.feature[node]!) {
      const child = childOf({ trees, node, value: row[split]! });
      path[split]! += trees.mean[child]! - trees.mean[node]!;
      node = child;
    }
    for (let feature = 0; feature < path.length; feature += 1) contributions[feature]! += path[feature]!;
    margin += trees.mean[node]!;
  }
  return { margin, probability: probabilityOf(margin), bias, contributions };
}

function childOf({ trees, node, value }: { trees: ModelTrees; node: number; value: number }): number {
  const threshold = trees.threshold[node]!;
  if (value < threshold) return trees.less[node]!;
  return value >= threshold ? trees.notLess[node]! : trees.missing[node]!;
}

/** The model's features in its own order, as 32-bit floats: XGBoost compares them so, and a rounded value may reach a threshold. */
export function rowOf({ columns, vectorLength }: BoundModel, features: readonly (number | null)[]): Float32Array {
  if (features.length !== vectorLength) throw new Error(`got ${features.length} features, expected ${vectorLength}`);
  const row = new Float32Array(columns.length);
  for (let index = 0; index < columns.length; index += 1) row[index] = features[columns[index]!] ?? Number.NaN;
  return row;
}

/** The probability of a margin. */
export function probabilityOf(margin: number): number {
  return 1 / (1 + Math.exp(-margin));
}

type Supported = { learner: Readonly<Record<string, unknown>>; parameters: Readonly<Record<string, unknown>> };

function requireSupported({ learner, parameters }: Supported): void {
  const booster = readObject(learner['gradient_booster'], 'learner.gradient_booster');
  const objective = readObject(learner['objective'], 'learner.objective');
  requireText(booster['name'], { path: 'learner.gradient_booster.name', expected: 'gbtree' });
  requireText(objective['name'], { path: 'learner.objective.name', expected: 'binary:logistic' });
  requireText(parameters['num_class'] ?? '0', { path: 'learner.learner_model_param.num_class', expected: '0' });
  requireText(parameters['num_target'] ?? '1', { path: 'learner.learner_model_param.num_target', expected: '1' });
}

/** The base score is a probability in a text, in brackets since XGBoost 3.1, such as "[5E-1]". */
function readBaseMargin(value: unknown): number {
  const probability = typeof value === 'string' ? Number(value.replace(/^\[(.*)\]$/, '$1')) : Number.NaN;
  if (probability > 0 && probability < 1) return -Math.log(1 / probability - 1);
  const path = 'learner.learner_model_param.base_score';
  throw modelError({ path, got: describe(value), expected: 'one probability between 0 and 1, in a text' });
}

function readAttribute(attributes: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = attributes[name];
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw modelError({ path: `learner.attributes.${name}`, got: describe(value), expected: 'a text that is not empty' });
}

type MissingFeatures = { model: Model; missing: readonly string[]; featureNames: readonly string[] };

function missingFeatures({ model, missing, featureNames }: MissingFeatures): WeirError {
  const named = missing.map((name) => {
    const nearest = nearestName(name, featureNames);
    return nearest === undefined ? name : `${name} (the nearest there is ${nearest})`;
  });
  return new WeirError({
    code: 'MODEL_FEATURES_MISSING',
    message: `got a feature vector without ${named.join(', ')}, expected every feature of model ${model.reference.id}`,
    fix: 'Add the features to the feature set, or load the model that was trained with this one.',
    facts: { model: model.reference.id, missing: missing.length },
  });
}
