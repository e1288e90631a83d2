import { addLeafShapley, type LeafPath, leafPathsBelow } from './leaf-shapley.ts';
import type { Model } from './model.ts';
import { createShapTables, type ShapTables, shapTableBytesMax } from './shap-tables.ts';
import { createThresholdSlots, rankRow, type ThresholdSlots } from './threshold-slots.ts';

/** What explains the rows of a model by Shapley values. Code, not state: it is never part of a checkpoint. */
export type TreeShap = {
  readonly featureCount: number;
  readonly slots: ThresholdSlots;
  /** All splits of the trees, a parent before its children, and the split above each of them. */
  readonly splits: Int32Array;
  readonly parents: Int32Array;
  /** Null when they would take too much memory: then the paths are worked out for every row. */
  readonly tables: ShapTables | null;
  readonly paths: readonly LeafPath[];
  /** Space for one row: ranks by slot; by node the side taken, and the sides above it as bits. */
  readonly ranks: Uint8Array;
  readonly sides: Uint8Array;
  readonly codes: Int32Array;
};

/** Prepares a model; its tables take at most `tableBytesMax`, or `shapTableBytesMax` unless told otherwise. */
export function createTreeShap({ trees, featureNames }: Model, tableBytesMax = shapTableBytesMax): TreeShap {
  const nodeCount = trees.feature.length;
  const slots = createThresholdSlots(trees);
  const splits = Int32Array.from(trees.feature.keys()).filter((node) => trees.feature[node]! >= 0);
  const parentOf = new Int32Array(nodeCount).fill(nodeCount);
  for (const split of splits) {
    parentOf[trees.less[split]!] = split;
    parentOf[trees.notLess[split]!] = split;
  }
  const tables = createShapTables(trees, tableBytesMax);
  return {
    featureCount: featureNames.length,
    slots,
    splits,
    parents: splits.map((split) => parentOf[split]!),
    tables,
    paths: tables === null ? [...trees.roots].flatMap((root) => leafPathsBelow(trees, root)) : [],
    ranks: new Uint8Array(slots.count),
    // The last place is above the roots, and stays 0.
    sides: new Uint8Array(nodeCount + 1),
    codes: new Int32Array(nodeCount + 1),
  };
}

/**
 * The Shapley values of a row of the model's features in its order (NaN is missing), in log-odds: they and the bias add
 * up to the margin. Exact, path dependent: an unknown feature's splits let a row through to both sides, by the shares of
 * the training rows' Hessian sums (https://arxiv.org/abs/1802.03888).
 */
export function shapleyValues(shap: TreeShap, row: Float32Array): Float64Array {
  takeSides(shap, row);
  const values = new Float64Array(shap.featureCount);
  if (shap.tables === null) addPaths(shap, values);
  else addEntries(shap, shap.tables, values);
  return values;
}

/** Finds the side that the row takes at every split, without a branch: the sign of a difference is the side. */
function takeSides({ slots, splits, parents, ranks, sides, codes }: TreeShap, row: Float32Array): void {
  rankRow(slots, row, ranks);
  const { slotOf, placeOf } = slots;
  for (let index = 0; index < splits.length; index += 1) {
    const split = splits[index]!;
    const parent = parents[index]!;
    sides[split] = (placeOf[split]! - 1 - ranks[slotOf[split]!]!) >>> 31;
    codes[split] = (codes[parent]! << 1) | sides[parent]!;
  }
}

function addEntries({ sides, codes }: TreeShap, tables: ShapTables, values: Float64Array): void {
  const { topSplit, ownStart, ownSplits, featureStart, features, entryStart, entries } = tables;
  for (let block = 0; block < topSplit.length; block += 1) {
    let entry = codes[topSplit[block]!]!;
    for (let own = ownStart[block]!; own < ownStart[block + 1]!; own += 1) {
      entry = (entry << 1) | sides[ownSplits[own]!]!;
    }
    const first = featureStart[block]!;
    const count = featureStart[block + 1]! - first;
    const entryAt = entryStart[block]! + entry * count;
    for (let index = 0; index < count; index += 1) values[features[first + index]!]! += entries[entryAt + index]!;
  }
}

function addPaths({ paths, sides }: TreeShap, values: Float64Array): void {
  for (const path of paths) {
    const holds = new Uint8Array(path.features.length).fill(1);
    for (const { node, side, place } of path.splits) if (sides[node] !== side) holds[place] = 0;
    const sums = new Float64Array(path.features.length);
    addLeafShapley(path, holds, sums);
    path.features.forEach((feature, place) => (values[feature]! += sums[place]!));
  }
}
