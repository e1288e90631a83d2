import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explainRow, type Model, parseModel } from '../../core/score/model.ts';
import { createThresholdSlots } from '../../core/score/threshold-slots.ts';
import { planTreeMemory, type SumKind } from '../../core/score/tree-memory.ts';
import { createTreeScorer } from '../../core/score/tree-scorer.ts';
import { emitTreeModule } from '../../core/score/wasm-trees.ts';
import { readGoldenModel, readGoldenRows, readShippedModel } from './golden-model.ts';
import { type Drawn, modelJson, row, trees } from './random-model.ts';

type Row = readonly (number | null)[];

/** Compares every sum with the walk's, bit for bit, and returns how many were compared. */
function compareWithWalk(model: Model, rows: readonly Row[], sums: SumKind = 'contributions'): number {
  const scorer = createTreeScorer(model, { sums });
  expect(scorer.fallback).toBeNull();
  let compared = 0;
  for (let first = 0; first < rows.length; first += scorer.rowsMax) {
    const call = rows.slice(first, first + scorer.rowsMax).map((values) => inputOf(values));
    scorer.input.set(call.flatMap((values) => [...values]));
    scorer.run(call.length);
    for (const [index, values] of call.entries()) {
      const { margin, contributions } = explainRow(model, values);
      const expected = sums === 'margin' ? [margin] : [margin, ...contributions];
      const start = index * scorer.sumsOfRow;
      expect([...scorer.output.subarray(start, start + expected.length)]).toEqual(expected);
      compared += expected.length;
    }
  }
  return compared;
}

function inputOf(values: Row): Float32Array {
  return Float32Array.from(values, (value) => value ?? Number.NaN);
}

const leaf = (value: number): Drawn => ({ kind: 'leaf', value, hessian: 1 });

function split(feature: number, threshold: number, less: Drawn, notLess: Drawn): Drawn {
  return { kind: 'split', feature, threshold, isMissingLess: threshold > 0, less, notLess };
}

/** A tree of so many splits on one side. */
function ladder(depth: number): Drawn {
  return depth === 0 ? leaf(depth) : split(0, depth, leaf(depth / 3), ladder(depth - 1));
}

describe('WebAssembly gives the bits of the walk', () => {
  test('for random models and rows', () => {
    const rows = fc.array(row, { minLength: 1, maxLength: 70 });
    const withSplits = trees.filter((drawn) => drawn.some(({ kind }) => kind === 'split'));
    fc.assert(
      fc.property(withSplits, rows, fc.constantFrom<SumKind>('margin', 'contributions'), (drawn, values, sums) => {
        const compared = compareWithWalk(parseModel(modelJson(drawn)), values, sums);
        expect(compared).toBe(values.length * (sums === 'margin' ? 1 : 5));
      }),
    );
  });

  test.each(['plain', 'missing', 'pruned', 'shipped'] as const)('for the %s model and its golden rows', (name) => {
    const json: unknown = name === 'shipped' ? JSON.parse(readShippedModel().toString()) : readGoldenModel(name);
    const { rows, featureNames } = readGoldenRows(name);
    expect(compareWithWalk(parseModel(json), rows)).toBe(60 * (1 + featureNames.length));
  });

  test('for a feature with more thresholds than a rank can count', () => {
    const stumps = Array.from({ length: 600 }, (_, index) => split(0, index - 300, leaf(index), leaf(-index / 7)));
    const model = parseModel(modelJson(stumps));
    expect(createThresholdSlots(model.trees).count).toBe(4);
    const rows = [null, -301, -300, -46, -45.5, 0, -0, 210, 299, 300, Infinity, -Infinity].map((value) => [
      value,
      0,
      0,
      0,
    ]);
    expect(compareWithWalk(model, rows)).toBe(rows.length * 5);
  });

  test('for more features than one pass sums', () => {
    const names = Array.from({ length: 40 }, (_, index) => `feature${index}`);
    const stumps = names.map((_, index) =>
      split(index, 0.5, leaf(0.1 * index), split(39 - index, 2, leaf(1), leaf(2))),
    );
    const rows = Array.from({ length: 20 }, (_, at) => names.map((_name, index) => (at * index) % 4));
    expect(compareWithWalk(parseModel(modelJson(stumps, names)), rows)).toBe(20 * 41);
  });

  test('for trees of the greatest depth', () => {
    const rows = Array.from({ length: 30 }, (_, index) => [index / 3, 0, 0, 0]);
    expect(compareWithWalk(parseModel(modelJson([ladder(8), leaf(4), ladder(3)])), rows)).toBe(30 * 5);
  });
});

describe('what does not fit is walked', () => {
  test.each([
    ['trees too deep', [ladder(9)], 'got trees of 9 splits from root to leaf, expected at most 8'],
    ['no split', [leaf(1), leaf(2)], 'got trees without a split, expected one at least'],
  ])('%s', (_, drawn, fallback) => {
    const model = parseModel(modelJson(drawn));
    const scorer = createTreeScorer(model);
    expect(scorer).toMatchObject({ engine: 'javascript', fallback });
    const values = inputOf([2.5, null, 0, 1]);
    scorer.input.set(values, 4);
    scorer.run(2);
    const { margin, contributions } = explainRow(model, values);
    expect([...scorer.output.subarray(scorer.sumsOfRow, 2 * scorer.sumsOfRow)]).toEqual([margin, ...contributions]);
  });

  test('tables of more bytes than the limit', () => {
    const model = parseModel(modelJson(Array.from({ length: 5500 }, () => ladder(8))));
    expect(createTreeScorer(model).fallback).toMatch(/^got padded trees of \d+ bytes, expected at most 67108864$/);
  });

  test('a walk can be asked for', () => {
    const scorer = createTreeScorer(parseModel(readGoldenModel('plain')), { engine: 'javascript', sums: 'margin' });
    expect(scorer).toMatchObject({ engine: 'javascript', fallback: 'JavaScript was asked for', sumsOfRow: 1 });
  });

  test.each(['fastest', 'javascript'] as const)('%s: more rows than a call takes are a bug', (engine) => {
    const scorer = createTreeScorer(parseModel(readGoldenModel('plain')), { engine });
    expect(() => scorer.run(scorer.rowsMax + 1)).toThrow('got 65 rows, expected at most 64');
  });
});

test('the module of a model is the same bytes every time', () => {
  const model = parseModel(readGoldenModel('plain'));
  const bytes = [1, 2].map(() => {
    const slots = createThresholdSlots(model.trees);
    const memory = planTreeMemory({ model, slots, sums: 'contributions' });
    if (typeof memory === 'string') throw new Error(memory);
    return emitTreeModule(memory);
  });
  expect(bytes[0]!.length).toBeGreaterThan(500);
  expect(hash('sha256', bytes[0]!)).toBe(hash('sha256', bytes[1]!));
});
