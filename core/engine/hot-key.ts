import {
  allocateBlock,
  copyEntries,
  freeBlock,
  localOf,
  offsetWord,
  segmentAt,
  type Slab,
  touchEntries,
} from './slab.ts';
import type { DistinctCursor } from './hot-key-distinct.ts';
import { addTile, allLabelsMs, childAt, clearTile, type HotNode, noSelf, type TilePlan } from './hot-key-tile.ts';

/**
 * The entries of a busy key: a B+ tree (https://en.wikipedia.org/wiki/B%2B_tree) over blocks, ordered by (event time,
 * offset). Each node holds a tile for each child: counts, sums and extremes of all that is below it, so that a window is
 * a few tiles and the entries at its two edges. Plain data.
 */
export type HotKey = {
  root: HotNode;
  entries: number;
  newestMs: number;
  /** Running countDistincts, two an aggregate: of decisions and of settled values. */
  readonly distinct: (DistinctCursor | null)[];
};

/** Makes a tree of the entries of a block, which is free then. */
export function createHotKey(
  slab: Slab,
  plan: TilePlan,
  block: { readonly position: number; readonly count: number; readonly cursors: number },
): HotKey {
  const { position, count, cursors } = block;
  const distinct = Array.from({ length: cursors }, () => null);
  const hot: HotKey = { root: createNode(plan, 1), entries: 0, newestMs: Number.NEGATIVE_INFINITY, distinct };
  const first = allocateBlock(slab, plan.sizeClass);
  addChild(plan, hot.root, 0, { firstMs: timeAt(slab, position), block: first });
  for (let index = 0; index < count; index++) {
    const from = position + index;
    const to = placeEntry(slab, plan, hot, { timeMs: timeAt(slab, from), offset: 0 });
    copyEntries(slab, { from, to, count: 1 });
    noteEntry(slab, plan, to);
  }
  return hot;
}

/**
 * Makes room for an entry after all with an event time at or before its own, and writes its time and offset.
 * `noteEntry` must follow once its columns are written.
 */
export function placeEntry(
  slab: Slab,
  plan: TilePlan,
  hot: HotKey,
  { timeMs, offset }: { readonly timeMs: number; readonly offset: number },
): number {
  const isNewest = timeMs >= hot.newestMs;
  if (hot.root.size === plan.fanout) hot.root = raise(plan, hot.root);
  let node = hot.root;
  for (let depth = 0; ; depth++) {
    let child = childAt(node, timeMs);
    if (isFull(slab, plan, node, child)) {
      if (node.level === 1) splitBlock(slab, plan, node, { child, timeMs, isNewest });
      else splitNode(plan, node, child, isNewest ? plan.fanout - 1 : plan.fanout >> 1);
      child = childAt(node, timeMs);
    }
    if (timeMs < node.firstMs[child]!) node.firstMs[child] = timeMs;
    plan.path.nodes[depth] = node;
    plan.path.children[depth] = child;
    plan.path.length = depth + 1;
    if (node.level > 1) {
      node = node.nodes[child]!;
      continue;
    }
    hot.entries++;
    if (isNewest) hot.newestMs = timeMs;
    return placeInBlock(slab, node.blocks[child]!, { count: node.counts[child]!++, timeMs, offset });
  }
}

/** Counts an entry that was just placed in the tiles above it. */
export function noteEntry(slab: Slab, plan: TilePlan, position: number): void {
  const { entry, path, slots } = plan;
  const { f64, i32 } = segmentAt(slab, position);
  const local = localOf(position);
  clearTile(plan, entry, 0);
  plan.accumulate(f64, i32, local, local + 1, noSelf, allLabelsMs, entry);
  for (let depth = 0; depth < path.length; depth++) {
    addTile(plan, entry, 0, path.nodes[depth]!.tiles, path.children[depth]! * slots);
  }
}

/** Moves the entries from `index` on up by one and writes the time and the offset of a new one. */
export function placeInBlock(
  slab: Slab,
  block: number,
  entry: { readonly count: number; readonly timeMs: number; readonly offset: number },
): number {
  const { count, timeMs, offset } = entry;
  const { f64, i32 } = segmentAt(slab, block);
  const { strideWords } = slab;
  const local = localOf(block);
  let index = count;
  while (index > 0 && f64[(local + index - 1) * strideWords]! > timeMs) index--;
  if (index < count) copyEntries(slab, { from: block + index, to: block + index + 1, count: count - index });
  touchEntries(slab, block + index, 1);
  f64[(local + index) * strideWords] = timeMs;
  i32[(local + index) * strideWords * 2 + offsetWord] = offset;
  return block + index;
}

/** Makes the tiles above the entry that was found last anew, bottom up. */
export function refreshTiles(slab: Slab, plan: TilePlan): void {
  const { nodes, children, length } = plan.path;
  for (let depth = length - 1; depth >= 0; depth--) {
    if (nodes[depth]!.level === 1) tileBlock(slab, plan, nodes[depth]!, children[depth]!);
    else tileNode(plan, nodes[depth]!, children[depth]!);
  }
}

/** Gives blocks back whose entries are all at or before `horizonMs`; the last one stays. */
export function evictBlocks(slab: Slab, plan: TilePlan, hot: HotKey, horizonMs: number): void {
  for (let node = hot.root; ;) {
    let count = 0;
    while (count + 1 < node.size && node.firstMs[count + 1]! <= horizonMs) count++;
    for (let child = 0; child < count; child++) hot.entries -= freeChild(slab, plan, node, child);
    if (count > 0) removeChildren(plan, node, count);
    if (node.level === 1) break;
    node = node.nodes[0]!;
  }
  refreshFirst(plan, hot.root);
  while (hot.root.level > 1 && hot.root.size === 1) hot.root = hot.root.nodes[0]!;
}

/** Gives all blocks back. */
export function freeTree(slab: Slab, plan: TilePlan, node: HotNode): void {
  for (let child = 0; child < node.size; child++) freeChild(slab, plan, node, child);
}

/** The event time of an entry. */
export function timeAt(slab: Slab, position: number): number {
  return segmentAt(slab, position).f64[localOf(position) * slab.strideWords]!;
}

/** A node without children. */
export function createNode(plan: TilePlan, level: number): HotNode {
  return {
    level,
    size: 0,
    firstMs: new Float64Array(plan.fanout),
    tiles: new Float64Array(plan.fanout * plan.slots),
    blocks: new Int32Array(level === 1 ? plan.fanout : 0),
    counts: new Int32Array(level === 1 ? plan.fanout : 0),
    nodes: [],
  };
}

/** Opens a gap at `at` and puts a child there; its tile is made by the caller. */
export function addChild(
  plan: TilePlan,
  node: HotNode,
  at: number,
  child: { readonly firstMs: number; readonly block?: number; readonly count?: number; readonly node?: HotNode },
): void {
  node.firstMs.copyWithin(at + 1, at, node.size);
  node.tiles.copyWithin((at + 1) * plan.slots, at * plan.slots, node.size * plan.slots);
  node.firstMs[at] = child.firstMs;
  if (child.node === undefined) {
    node.blocks.copyWithin(at + 1, at, node.size);
    node.counts.copyWithin(at + 1, at, node.size);
    node.blocks[at] = child.block ?? 0;
    node.counts[at] = child.count ?? 0;
  } else node.nodes.splice(at, 0, child.node);
  node.size++;
}

function isFull(slab: Slab, plan: TilePlan, node: HotNode, child: number): boolean {
  if (node.level === 1) return node.counts[child] === slab.capacities[plan.sizeClass];
  return node.nodes[child]!.size === plan.fanout;
}

function raise(plan: TilePlan, root: HotNode): HotNode {
  const raised = createNode(plan, root.level + 1);
  addChild(plan, raised, 0, { firstMs: root.firstMs[0]!, node: root });
  tileNode(plan, raised, 0);
  return raised;
}

/** Moves the children from `keep` on to a new node beside it. */
function splitNode(plan: TilePlan, parent: HotNode, child: number, keep: number): void {
  const left = parent.nodes[child]!;
  const right = createNode(plan, left.level);
  right.firstMs.set(left.firstMs.subarray(keep, left.size));
  right.tiles.set(left.tiles.subarray(keep * plan.slots, left.size * plan.slots));
  if (left.level === 1) {
    right.blocks.set(left.blocks.subarray(keep, left.size));
    right.counts.set(left.counts.subarray(keep, left.size));
  } else right.nodes.push(...left.nodes.splice(keep));
  right.size = left.size - keep;
  left.size = keep;
  addChild(plan, parent, child + 1, { firstMs: right.firstMs[0]!, node: right });
  tileNode(plan, parent, child);
  tileNode(plan, parent, child + 1);
}

/** A full block gets an empty one behind it for a newest entry, and else gives its later half away. */
function splitBlock(
  slab: Slab,
  plan: TilePlan,
  node: HotNode,
  { child, timeMs, isNewest }: { readonly child: number; readonly timeMs: number; readonly isNewest: boolean },
): void {
  const block = allocateBlock(slab, plan.sizeClass);
  const count = node.counts[child]!;
  const keep = isNewest ? count : count >> 1;
  const from = node.blocks[child]! + keep;
  const firstMs = isNewest ? timeMs : timeAt(slab, from);
  if (count > keep) copyEntries(slab, { from, to: block, count: count - keep });
  node.counts[child] = keep;
  addChild(plan, node, child + 1, { firstMs, block, count: count - keep });
  tileBlock(slab, plan, node, child);
  tileBlock(slab, plan, node, child + 1);
}

/** Makes the tile of a block anew. */
export function tileBlock(slab: Slab, plan: TilePlan, node: HotNode, child: number): void {
  const at = child * plan.slots;
  const position = node.blocks[child]!;
  const { f64, i32 } = segmentAt(slab, position);
  const local = localOf(position);
  const until = local + node.counts[child]!;
  clearTile(plan, node.tiles, at);
  plan.accumulate(f64, i32, local, until, noSelf, allLabelsMs, node.tiles.subarray(at, at + plan.slots));
}

/** Makes the tile of a node anew, from those of its children. */
export function tileNode(plan: TilePlan, parent: HotNode, child: number): void {
  const node = parent.nodes[child]!;
  clearTile(plan, parent.tiles, child * plan.slots);
  for (let at = 0; at < node.size; at++) {
    addTile(plan, node.tiles, at * plan.slots, parent.tiles, child * plan.slots);
  }
}

/** Frees what is below a child and says how many entries that was. */
function freeChild(slab: Slab, plan: TilePlan, node: HotNode, child: number): number {
  if (node.level === 1) {
    freeBlock(slab, node.blocks[child]!, plan.sizeClass);
    return node.counts[child]!;
  }
  const below = node.nodes[child]!;
  let entries = 0;
  for (let at = 0; at < below.size; at++) entries += freeChild(slab, plan, below, at);
  return entries;
}

function removeChildren(plan: TilePlan, node: HotNode, count: number): void {
  node.firstMs.copyWithin(0, count, node.size);
  node.tiles.copyWithin(0, count * plan.slots, node.size * plan.slots);
  if (node.level === 1) {
    node.blocks.copyWithin(0, count, node.size);
    node.counts.copyWithin(0, count, node.size);
  } else node.nodes.splice(0, count);
  node.size -= count;
}

/** The first child's first time and tile, on every level. */
function refreshFirst(plan: TilePlan, node: HotNode): void {
  if (node.level === 1) return;
  const first = node.nodes[0]!;
  refreshFirst(plan, first);
  node.firstMs[0] = first.firstMs[0]!;
  tileNode(plan, node, 0);
}
