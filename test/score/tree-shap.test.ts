import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BoundModel, bindModel, explainRow, parseModel, rowOf } from '../../core/score/model.ts';
import { createTreeShap, shapleyValues } from '../../core/score/tree-shap.ts';
import { readGoldenModel, readGoldenRows, readShippedModel } from './golden-model.ts';
import { type Drawn, featureNames, modelJson, row, trees, weightOf } from './random-model.ts';

type Row = readonly (number | null)[];

/** Tables unless told otherwise; without memory for them the paths are worked out. */
function shapleyOf(bound: BoundModel, features: Row, tableBytesMax?: number): Float64Array {
  return shapleyValues(createTreeShap(bound.model, tableBytesMax), rowOf(bound, features));
}

/** What a tree is worth when only some features are known. */
function expectationOf(drawn: Drawn, features: Row, known: ReadonlySet<number>): number {
  if (drawn.kind === 'leaf') return Math.fround(drawn.value);
  const less = expectationOf(drawn.less, features, known);
  const notLess = expectationOf(drawn.notLess, features, known);
  if (!known.has(drawn.feature)) {
    const share = weightOf(drawn.less) / weightOf(drawn);
    return less * share + notLess * (1 - share);
  }
  const value = features[drawn.feature] ?? null;
  const isLess = value === null ? drawn.isMissingLess : Math.fround(value) < Math.fround(drawn.threshold);
  return isLess ? less : notLess;
}

/** Every order in which the features may become known, and what each then changes: the definition, word for word. */
function shapleyByOrders(drawn: readonly Drawn[], features: Row): number[] {
  const orders = permutations(featureNames.map((_, index) => index));
  const sums = featureNames.map(() => 0);
  for (const order of orders) {
    const known = new Set<number>();
    for (const feature of order) {
      const before = drawn.reduce((sum, tree) => sum + expectationOf(tree, features, known), 0);
      known.add(feature);
      sums[feature]! += drawn.reduce((sum, tree) => sum + expectationOf(tree, features, known), 0) - before;
    }
  }
  return sums.map((sum) => sum / orders.length);
}

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((first) => permutations(items.filter((item) => item !== first)).map((rest) => [first, ...rest]));
}

describe('Shapley values', () => {
  test('they are the mean over all orders in which features become known', () => {
    fc.assert(
      fc.property(trees, row, (drawn, features) => {
        const bound = bindModel(parseModel(modelJson(drawn)), featureNames);
        const expected = shapleyByOrders(drawn, features);
        for (const tableBytesMax of [undefined, 0]) {
          const values = shapleyOf(bound, features, tableBytesMax);
          for (const [feature, value] of values.entries()) expect(value).toBeCloseTo(expected[feature]!, 10);
        }
      }),
    );
  });

  test('they and the bias add up to the margin', () => {
    fc.assert(
      fc.property(trees, row, (drawn, features) => {
        const bound = bindModel(parseModel(modelJson(drawn)), featureNames);
        const { bias, margin } = explainRow(bound.model, rowOf(bound, features));
        expect(shapleyOf(bound, features).reduce((sum, value) => sum + value, bias)).toBeCloseTo(margin, 10);
      }),
    );
  });

  test('a feature that no tree asks about gets nothing', () => {
    const leaf = (value: number): Drawn => ({ kind: 'leaf', value, hessian: 2 });
    const stump: Drawn = {
      kind: 'split',
      feature: 2,
      threshold: 0,
      isMissingLess: true,
      less: leaf(-1),
      notLess: leaf(1),
    };
    const bound = bindModel(parseModel(modelJson([stump, leaf(3)])), featureNames);
    expect([...shapleyOf(bound, [5, 5, 5, 5])]).toEqual([0, 0, 1, 0]);
    expect([...shapleyOf(bound, [5, 5, null, 5])]).toEqual([0, 0, -1, 0]);
  });

  test('tables that would take more than the limit are not made', () => {
    const { model } = bindModel(parseModel(readGoldenModel('missing')), readGoldenRows('missing').featureNames);
    const { tables } = createTreeShap(model);
    const sizeBytes = tables!.entries.byteLength;
    expect(createTreeShap(model, sizeBytes).tables).not.toBeNull();
    expect(createTreeShap(model, sizeBytes - 1).tables).toBeNull();
  });
});

describe('against XGBoost', () => {
  test('the answers of the shipped model are of the model that is shipped', () => {
    const { modelHash } = readGoldenRows('shipped');
    expect(hash('sha256', readShippedModel(), 'hex'), 'run test/golden/score/make_golden.py').toBe(modelHash);
  });

  test.each(['plain', 'missing', 'pruned', 'shipped'] as const)('the %s model is explained as XGBoost does', (name) => {
    const golden = readGoldenRows(name);
    const json: unknown = name === 'shipped' ? JSON.parse(readShippedModel().toString()) : readGoldenModel(name);
    const bound = bindModel(parseModel(json), golden.featureNames);
    const shap = createTreeShap(bound.model);
    expect(shap.tables).not.toBeNull();
    for (const [index, features] of golden.rows.entries()) {
      const values = [...shapleyValues(shap, rowOf(bound, features)), bound.model.bias];
      const worst = values.map((value, at) => Math.abs(value - golden.shapley[index]![at]!));
      expect(worst).toHaveLength(golden.featureNames.length + 1);
      expect(Math.max(...worst)).toBeLessThan(2e-5);
    }
    expect(golden.rows).toHaveLength(60);
  });

  test('exact and path values differ', () => {
    const { shapley, contributions } = readGoldenRows('shipped');
    const differences = shapley.flatMap((values, index) =>
      values.map((value, at) => Math.abs(value - contributions[index]![at]!)),
    );
    expect(Math.max(...differences)).toBeGreaterThan(0.1);
  });
});
