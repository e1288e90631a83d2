import { addLeafShapley, type LeafPath, leafPathsBelow } from './leaf-shapley.ts';
import type { ModelTrees } from './model-trees.ts';

/** The most memory that the tables of a model may take, in bytes. */
export const shapTableBytesMax = 64 * 2 ** 20;

/**
 * Shapley values made in advance, as in Fast TreeSHAP v2 (https://arxiv.org/abs/2109.09847), a table a block: a piece at
 * the bottom of a tree with at most three splits. What a block's leaves give depends only on which side a row takes at
 * the splits above and in the block; these sides, from the root down, are the bits of the entry's number.
 */
export type ShapTables = {
  /** The first of a block's own splits: its code says the sides taken above it. */
  readonly topSplit: Int32Array;
  /** Where a block's own splits begin in `ownSplits`; the last block's end there. */
  readonly ownStart: Int32Array;
  readonly ownSplits: Int32Array;
  /** Where a block's features begin in `features`; the last block's end there. */
  readonly featureStart: Int32Array;
  readonly features: Int32Array;
  /** Where a block's entries begin in `entries`, each of a value a feature of the block. */
  readonly entryStart: Int32Array;
  /** Log-odds. */
  readonly entries: Float64Array;
};

/** Makes the tables of a model, or null when they would take more than the limit. Takes O(entries x features²). */
export function createShapTables(trees: ModelTrees, tableBytesMax: number): ShapTables | null {
  const blocks = [...trees.roots].flatMap((root) =>
    blocksBelow({ trees, paths: leafPathsBelow(trees, root), node: root, above: [] }),
  );
  const lengths = blocks.map(({ splits, features }) => 2 ** splits.length * features.length);
  const length = lengths.reduce((sum, each) => sum + each, 0);
  if (length * 8 > tableBytesMax) return null;
  const entryStart = startsOf(lengths);
  const tables: ShapTables = {
    topSplit: Int32Array.from(blocks, ({ own }) => own[0]!),
    ownStart: startsOf(blocks.map(({ own }) => own.length)),
    ownSplits: Int32Array.from(blocks.flatMap(({ own }) => own)),
    featureStart: startsOf(blocks.map(({ features }) => features.length)),
    features: Int32Array.from(blocks.flatMap(({ features }) => features)),
    entryStart,
    entries: new Float64Array(length),
  };
  blocks.forEach((block, index) =>
    fillEntries(block, tables.entries.subarray(entryStart[index], entryStart[index + 1])),
  );
  return tables;
}

type Block = {
  /** The splits above the block, from the root down, and then its own. */
  readonly splits: readonly number[];
  readonly own: readonly number[];
  readonly leaves: readonly LeafPath[];
  /** All features that the leaves' paths ask about. */
  readonly features: readonly number[];
};

type Place = {
  readonly trees: ModelTrees;
  /** All paths of the tree. */
  readonly paths: readonly LeafPath[];
  readonly node: number;
  /** The splits above the node. */
  readonly above: readonly number[];
};

/** The most splits from the top of a block to a leaf. */
const blockDepthMax = 2;

/** A subtree that is low enough is a block; a leaf beside one that is not is a block with the split above it. */
function blocksBelow(place: Place): Block[] {
  const { trees, paths, node, above } = place;
  if (trees.feature[node]! < 0) return above.length === 0 ? [] : [blockOf(place, above.slice(-1))];
  if (depthBelow(trees, node) <= blockDepthMax) return [blockOf(place, splitsBelow(trees, node))];
  return [trees.less[node]!, trees.notLess[node]!].flatMap((child) =>
    blocksBelow({ trees, paths, node: child, above: [...above, node] }),
  );
}

function blockOf({ paths, node, above }: Place, own: readonly number[]): Block {
  const leaves = paths.filter(({ leaf, splits }) => leaf === node || splits.some((split) => split.node === node));
  return {
    splits: [...above.filter((split) => !own.includes(split)), ...own],
    own,
    leaves,
    features: [...new Set(leaves.flatMap(({ features }) => features))],
  };
}

function depthBelow(trees: ModelTrees, node: number): number {
  if (trees.feature[node]! < 0) return 0;
  return 1 + Math.max(depthBelow(trees, trees.less[node]!), depthBelow(trees, trees.notLess[node]!));
}

function splitsBelow(trees: ModelTrees, node: number): number[] {
  if (trees.feature[node]! < 0) return [];
  return [node, ...splitsBelow(trees, trees.less[node]!), ...splitsBelow(trees, trees.notLess[node]!)];
}

/** Where each begins when they stand one after the other, and then where the last one ends. */
function startsOf(lengths: readonly number[]): Int32Array {
  const starts = new Int32Array(lengths.length + 1);
  lengths.forEach((length, index) => (starts[index + 1] = starts[index]! + length));
  return starts;
}

function fillEntries({ splits, leaves, features }: Block, entries: Float64Array): void {
  const bitOf = new Map(splits.map((split, index) => [split, splits.length - 1 - index]));
  for (const path of leaves) {
    const places = path.features.map((feature) => features.indexOf(feature));
    const bits = path.splits.map(({ node }) => bitOf.get(node)!);
    const sums = new Float64Array(path.features.length);
    const holds = new Uint8Array(path.features.length);
    for (let entry = 0; entry < 2 ** splits.length; entry += 1) {
      holds.fill(1);
      path.splits.forEach(({ side, place }, index) => {
        if (((entry >> bits[index]!) & 1) !== side) holds[place] = 0;
      });
      sums.fill(0);
      addLeafShapley(path, holds, sums);
      places.forEach((place, index) => (entries[entry * features.length + place]! += sums[index]!));
    }
  }
}
