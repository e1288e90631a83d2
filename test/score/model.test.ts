import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bindModel, parseModel, predict, predictWithContributions } from '../../core/score/model.ts';
import { brokenModel, readGoldenModel, readGoldenRows } from './golden-model.ts';
import { featureNames, leafOf, meanOf, modelJson, row, trees } from './random-model.ts';

describe('against XGBoost', () => {
  test.each(['plain', 'missing', 'pruned'] as const)('the %s model answers as XGBoost does', (name) => {
    const golden = readGoldenRows(name);
    const bound = bindModel(parseModel(readGoldenModel(name)), golden.featureNames);
    for (const [index, features] of golden.rows.entries()) {
      const { probability, margin, bias, contributions } = predictWithContributions(bound, features);
      expect(Math.abs(probability - golden.probabilities[index]!)).toBeLessThan(1e-6);
      expect(Math.abs(margin - golden.margins[index]!)).toBeLessThan(1e-5);
      const answers = golden.contributions[index]!;
      const worst = [...contributions, bias].map((value, at) => Math.abs(value - answers[at]!));
      expect(worst).toHaveLength(golden.featureNames.length + 1);
      expect(Math.max(...worst)).toBeLessThan(1e-5);
    }
    expect(golden.rows).toHaveLength(60);
  });

  test('the golden rows hold missing values and trees of one leaf', () => {
    expect(
      readGoldenRows('missing')
        .rows.flat()
        .filter((value) => value === null).length,
    ).toBeGreaterThan(50);
    const { roots, feature } = parseModel(readGoldenModel('pruned')).trees;
    expect([...roots].filter((root) => feature[root] === -1).length).toBeGreaterThan(0);
  });

  test('the order of the feature vector does not matter', () => {
    const golden = readGoldenRows('plain');
    const model = parseModel(readGoldenModel('plain'));
    const bound = bindModel(model, ['unused', ...golden.featureNames.toReversed()]);
    for (const [index, features] of golden.rows.entries()) {
      const { probability } = predict(bound, [5, ...features.toReversed()]);
      expect(Math.abs(probability - golden.probabilities[index]!)).toBeLessThan(1e-6);
    }
  });
});

describe('against the drawn trees', () => {
  test('the margin is the sum of the leaves that a row reaches', () => {
    fc.assert(
      fc.property(trees, row, (drawn, features) => {
        const bound = bindModel(parseModel(modelJson(drawn)), featureNames);
        const margin = drawn.reduce((sum, tree) => sum + leafOf(tree, features), 0);
        expect(predict(bound, features).margin).toBeCloseTo(margin, 10);
      }),
    );
  });

  test('the bias and the contributions add up to the margin', () => {
    fc.assert(
      fc.property(trees, row, (drawn, features) => {
        const bound = bindModel(parseModel(modelJson(drawn)), featureNames);
        const { bias, contributions, margin } = predictWithContributions(bound, features);
        expect(bias).toBeCloseTo(
          drawn.reduce((sum, tree) => sum + meanOf(tree), 0),
          10,
        );
        expect(contributions.reduce((sum, value) => sum + value, bias)).toBeCloseTo(margin, 10);
      }),
    );
  });

  test('a prediction is the same with contributions and without', () => {
    fc.assert(
      fc.property(trees, row, (drawn, features) => {
        const bound = bindModel(parseModel(modelJson(drawn)), featureNames);
        expect(predictWithContributions(bound, features)).toMatchObject(predict(bound, features));
      }),
    );
  });
});

describe('reading a model', () => {
  test('id and version are attributes of the file', () => {
    expect(parseModel(readGoldenModel('plain')).reference).toMatchObject({ id: 'golden-plain', version: '7' });
    expect(parseModel(readGoldenModel('pruned')).reference).toMatchObject({ id: 'model', version: '0' });
    expect(parseModel(readGoldenModel('plain'), { id: 'other' }).reference.id).toBe('other');
  });

  test('the hash tells two models apart', () => {
    const { hash } = parseModel(readGoldenModel('plain')).reference;
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(parseModel(readGoldenModel('plain')).reference.hash).toBe(hash);
    expect(parseModel(readGoldenModel('missing')).reference.hash).not.toBe(hash);
  });

  test('a base score may be without brackets', () => {
    const path = ['learner', 'learner_model_param', 'base_score'];
    expect(parseModel(brokenModel(path, '2.5E-1')).baseMargin).toBeCloseTo(Math.log(1 / 3), 12);
  });

  test('categorical splits are refused', () => {
    expect(() => parseModel(readGoldenModel('categorical'))).toThrow(
      'got categorical splits at learner.gradient_booster.model.trees.0 of the model, expected numeric splits only',
    );
  });

  const tree = ['learner', 'gradient_booster', 'model', 'trees', '0'];
  test.each([
    ['a booster of lines', ['learner', 'gradient_booster', 'name'], 'gblinear', 'got "gblinear"'],
    ['another objective', ['learner', 'objective', 'name'], 'reg:squarederror', 'expected "binary:logistic"'],
    ['several classes', ['learner', 'learner_model_param', 'num_class'], '3', 'got "3"'],
    ['a base score of 1', ['learner', 'learner_model_param', 'base_score'], '[1E0]', 'got "[1E0]"'],
    ['two base scores', ['learner', 'learner_model_param', 'base_score'], '[5E-1,5E-1]', 'expected one probability'],
    ['no names of features', ['learner', 'feature_names'], [], 'got "5"'],
    ['a name twice', ['learner', 'feature_names', '1'], 'amount', 'feature_names.1'],
    ['no tree', ['learner', 'gradient_booster', 'model', 'trees'], [], 'got no tree'],
    ['a text for a tree', tree, 'oak', 'got "oak"'],
    ['a column that is too short', [...tree, 'default_left'], [1], 'got 1 numbers'],
    ['a threshold that is no number', [...tree, 'split_conditions', '0'], null, 'split_conditions.0'],
    ['a cycle', [...tree, 'left_children', '1'], 0, 'got a link to node'],
    ['a link to nowhere', [...tree, 'right_children', '0'], 99, 'got a link to node 99'],
    ['a feature that is not there', [...tree, 'split_indices', '0'], 5, 'expected a feature from 0 to 4'],
    ['leaves of vectors', [...tree, 'tree_param', 'size_leaf_vector'], '2', 'expected leaves of one value'],
    ['an id that is no text', ['learner', 'attributes', 'id'], 5, 'learner.attributes.id'],
  ])('%s is refused', (_, path, value, message) => {
    expect(() => parseModel(brokenModel(path, value))).toThrow(message);
  });

  test.each([null, [], 'model', {}, { learner: {} }])('%j is no model', (json) => {
    expect(() => parseModel(json)).toThrow(/^got .* expected /);
  });
});

describe('binding a model', () => {
  test('features that are missing are named, with the nearest that there are', () => {
    const model = parseModel(readGoldenModel('plain'));
    expect(() => bindModel(model, ['amount', 'nigth', 'customer_count_1d', 'terminal_fraud_rate_7d'])).toThrow(
      'without night (the nearest there is nigth), seconds_since_last, expected every feature of model golden-plain',
    );
  });

  test('a vector of another length is a bug', () => {
    const { featureNames: names } = readGoldenRows('plain');
    const bound = bindModel(parseModel(readGoldenModel('plain')), names);
    expect(() => predict(bound, [1, 2])).toThrow('got 2 features, expected 5');
  });
});
