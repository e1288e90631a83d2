import { addTile, childAt, type HotNode, type TilePlan } from './hot-key-tile.ts';
import { localOf, offsetWord, segmentAt, type Slab } from './slab.ts';

/** Which entries of a key: `sinceMs < eventTimeMs <= untilMs`; for aggregates with labels, those known by `labelsUntilMs`. */
export type HotRange = {
  sinceMs: number;
  untilMs: number;
  /** The offset of the asking entry, its lower 32 bits; `noSelf` for none. */
  self: number;
  labelsUntilMs: number;
  /** No entry is later than `untilMs`, so that what is last is whole. */
  isOpenEnded: boolean;
};

/** Adds the entries of a range to a tile: O(log n) tiles and the entries at both edges. */
export function addRange(slab: Slab, plan: TilePlan, node: HotNode, range: HotRange, tile: Float64Array): void {
  const { sinceMs, untilMs } = range;
  if (node.size === 0 || node.firstMs[0]! > untilMs) return;
  const last = childAt(node, untilMs);
  let child = childAt(node, sinceMs);
  for (; child <= last; child++) {
    // The asking entry stands at the end of its window, maybe with others of its time behind it.
    const isBefore = plan.excludesSelf ? child < last && node.firstMs[child + 1]! < untilMs : child < last;
    const isWhole = isBefore || (range.isOpenEnded && !plan.excludesSelf);
    if (isWhole && node.firstMs[child]! > sinceMs) addTile(plan, node.tiles, child * plan.slots, tile, 0);
    else if (node.level > 1) addRange(slab, plan, node.nodes[child]!, range, tile);
    else {
      const block = node.blocks[child]!;
      const { f64, i32 } = segmentAt(slab, block);
      const local = localOf(block);
      const until = local + node.counts[child]!;
      const from = countUpTo(f64, slab.strideWords, { from: local, until, timeMs: sinceMs });
      const to = countUpTo(f64, slab.strideWords, { from, until, timeMs: untilMs });
      plan.accumulate(f64, i32, from, to, range.self, range.labelsUntilMs, tile);
    }
  }
}

/** Reads entries `[from, until)` of a segment, newest first; false ends the walk. */
export type Visit = (f64: Float64Array, i32: Int32Array, from: number, until: number) => boolean;

/** Visits the entries of a range block by block, newest first or oldest first; false when a visit ended it. */
export function visitRange(
  slab: Slab,
  node: HotNode,
  range: Pick<HotRange, 'sinceMs' | 'untilMs'> & { readonly order: 'newestFirst' | 'oldestFirst' },
  visit: Visit,
): boolean {
  const { sinceMs, untilMs, order } = range;
  if (node.size === 0 || node.firstMs[0]! > untilMs) return true;
  const first = childAt(node, sinceMs);
  const last = childAt(node, untilMs);
  for (let step = 0; step <= last - first; step++) {
    const child = order === 'newestFirst' ? last - step : first + step;
    if (node.level > 1) {
      if (!visitRange(slab, node.nodes[child]!, range, visit)) return false;
      continue;
    }
    const block = node.blocks[child]!;
    const { f64, i32 } = segmentAt(slab, block);
    const local = localOf(block);
    const until = local + node.counts[child]!;
    const from = countUpTo(f64, slab.strideWords, { from: local, until, timeMs: sinceMs });
    const to = countUpTo(f64, slab.strideWords, { from, until, timeMs: untilMs });
    if (from < to && !visit(f64, i32, from, to)) return false;
  }
  return true;
}

/** Finds an entry and leaves the way to it in the plan's path; -1 when it is not there. */
export function findEntry(
  slab: Slab,
  plan: TilePlan,
  node: HotNode,
  entry: { readonly timeMs: number; readonly offset: number; readonly depth: number },
): number {
  const { timeMs, offset, depth } = entry;
  plan.path.length = depth + 1;
  plan.path.nodes[depth] = node;
  for (let child = childAt(node, timeMs); child >= 0; child--) {
    plan.path.children[depth] = child;
    const position =
      node.level > 1
        ? findEntry(slab, plan, node.nodes[child]!, { timeMs, offset, depth: depth + 1 })
        : findInBlock(slab, { block: node.blocks[child]!, count: node.counts[child]!, timeMs, offset });
    if (position >= 0) return position;
    if (node.firstMs[child]! < timeMs) return -1;
  }
  return -1;
}

/** The position of an entry of a block; -1 when it is not there. */
export function findInBlock(
  slab: Slab,
  entry: { readonly block: number; readonly count: number; readonly timeMs: number; readonly offset: number },
): number {
  const { block, count, timeMs, offset } = entry;
  const { f64, i32 } = segmentAt(slab, block);
  const local = localOf(block);
  for (let index = count - 1; index >= 0; index--) {
    const eventTimeMs = f64[(local + index) * slab.strideWords]!;
    if (eventTimeMs < timeMs) return -1;
    const isEntry = i32[(local + index) * slab.strideWords * 2 + offsetWord] === offset;
    if (isEntry && eventTimeMs === timeMs) return block + index;
  }
  return -1;
}

/** The first of a segment's entries `[from, until)`, which rise in time, that is after a time. */
export function countUpTo(
  f64: Float64Array,
  strideWords: number,
  { from, until, timeMs }: { readonly from: number; readonly until: number; readonly timeMs: number },
): number {
  let low = from;
  let high = until;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (f64[middle * strideWords]! <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
