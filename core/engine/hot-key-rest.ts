import { addChild, createNode, type HotKey, tileBlock, tileNode, timeAt } from './hot-key.ts';
import type { HotNode, TilePlan } from './hot-key-tile.ts';
import type { Slab } from './slab.ts';

/**
 * The trees of busy keys as a checkpoint holds them: of each the blocks in the order of their entries, one tree behind
 * the other. In few arrays, as there may be thousands of trees and all are written while a batch waits.
 */
export type HotKeysRest = {
  /** How many blocks each tree has; 0 for a number that no key has. */
  readonly sizes: Int32Array;
  readonly newestMs: Float64Array;
  /** Position and number of entries of each block, in turn. */
  readonly blocks: Int32Array;
};

/** What a checkpoint holds of trees. */
export function restOfHotKeys(hot: readonly (HotKey | null)[]): HotKeysRest {
  const sizes = Int32Array.from(hot, (one) => (one === null ? 0 : countBlocks(one.root)));
  const newestMs = Float64Array.from(hot, (one) => one?.newestMs ?? 0);
  const blocks = new Int32Array(2 * sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  for (const one of hot) if (one !== null) at = writeBlocks(one.root, blocks, at);
  return { sizes, newestMs, blocks };
}

/** The trees again, their tiles made anew; windows that ran on begin again when they are asked for. */
export function restoreHotKeys(
  slab: Slab,
  plan: TilePlan,
  { rest, cursors }: { readonly rest: HotKeysRest; readonly cursors: number },
): (HotKey | null)[] {
  let at = 0;
  return Array.from(rest.sizes, (size, number) => {
    if (size === 0) return null;
    const blocks = rest.blocks.subarray(at, at + size * 2);
    at += size * 2;
    const { root, entries } = treeOf(slab, plan, blocks);
    return { root, entries, newestMs: rest.newestMs[number]!, distinct: new Array<null>(cursors).fill(null) };
  });
}

function treeOf(slab: Slab, plan: TilePlan, blocks: Int32Array): Pick<HotKey, 'root' | 'entries'> {
  let entries = 0;
  let nodes = groupsOf(plan.fanout, blocks.length / 2).map(({ from, until }) => {
    const node = createNode(plan, 1);
    for (let index = from; index < until; index++) {
      const block = blocks[index * 2]!;
      const count = blocks[index * 2 + 1]!;
      entries += count;
      addChild(plan, node, node.size, { firstMs: timeAt(slab, block), block, count });
      tileBlock(slab, plan, node, node.size - 1);
    }
    return node;
  });
  while (nodes.length > 1) {
    nodes = groupsOf(plan.fanout, nodes.length).map(({ from, until }) => {
      const parent = createNode(plan, nodes[from]!.level + 1);
      for (const node of nodes.slice(from, until)) {
        addChild(plan, parent, parent.size, { firstMs: node.firstMs[0]!, node });
        tileNode(plan, parent, parent.size - 1);
      }
      return parent;
    });
  }
  return { root: nodes[0]!, entries };
}

function countBlocks(node: HotNode): number {
  if (node.level === 1) return node.size;
  let blocks = 0;
  for (const below of node.nodes) blocks += countBlocks(below);
  return blocks;
}

/** Writes the blocks below a node from a place on, and gives the place behind them. */
function writeBlocks(node: HotNode, blocks: Int32Array, start: number): number {
  let at = start;
  for (let child = 0; child < node.size; child++) {
    if (node.level > 1) at = writeBlocks(node.nodes[child]!, blocks, at);
    else {
      blocks[at++] = node.blocks[child]!;
      blocks[at++] = node.counts[child]!;
    }
  }
  return at;
}

function groupsOf(size: number, count: number): { readonly from: number; readonly until: number }[] {
  const groups = Math.ceil(count / size);
  return Array.from({ length: groups }, (_, group) => ({
    from: group * size,
    until: Math.min(count, (group + 1) * size),
  }));
}
