/** The children of level 1 are blocks, those of higher levels nodes. */
export type HotNode = {
  readonly level: number;
  size: number;
  /** The event time of each child's first entry. */
  readonly firstMs: Float64Array;
  readonly tiles: Float64Array;
  /** Position and number of entries of each block; unused above level 1. */
  readonly blocks: Int32Array;
  readonly counts: Int32Array;
  readonly nodes: HotNode[];
};

/** How the tiles of a key are made. Slots `[0, sumSlots)` add up, those below `minEnd` keep the least, the rest the most. */
export type TilePlan = {
  readonly slots: number;
  readonly sumSlots: number;
  readonly minEnd: number;
  /** Some aggregates leave out the asking entry: it must never be under a tile. */
  readonly excludesSelf: boolean;
  /** Children of a node. */
  readonly fanout: number;
  /** The size class of a tree's blocks: far smaller than the largest, since windows end in the middle of blocks. */
  readonly sizeClass: number;
  /** One entry by itself. */
  readonly entry: Float64Array;
  /** Adds entries `[from, until)` of a segment to a tile, but for the one at offset `self` where that is left out. */
  readonly accumulate: Accumulate;
  /** The way down to the entry that was touched last, outermost first: the first `length` of each. */
  readonly path: { readonly nodes: HotNode[]; readonly children: number[]; length: number };
};

/** Generated code that adds entries to a tile. */
export type Accumulate = (
  f64: Float64Array,
  i32: Int32Array,
  from: number,
  until: number,
  self: number,
  labelsUntilMs: number,
  tile: Float64Array,
) => void;

/** Stands for no entry where an offset is asked for. */
export const noSelf = 0.5;

/** In decisions every label counts that the log has brought. */
export const allLabelsMs = Number.MAX_VALUE;

/** A tile without entries. */
export function createTile(plan: TilePlan): Float64Array {
  return clearTile(plan, new Float64Array(plan.slots), 0);
}

/** Makes the tile at a place of `tiles` empty. */
export function clearTile(plan: TilePlan, tiles: Float64Array, at: number): Float64Array {
  for (let slot = 0; slot < plan.slots; slot++) {
    tiles[at + slot] = slot < plan.sumSlots ? 0 : slot < plan.minEnd ? Number.POSITIVE_INFINITY : -Infinity;
  }
  return tiles;
}

/** Adds one tile to another. Positional, since it is the inner loop of every window. */
export function addTile(plan: TilePlan, tiles: Float64Array, at: number, to: Float64Array, toAt: number): void {
  const { sumSlots, minEnd, slots } = plan;
  for (let slot = 0; slot < sumSlots; slot++) to[toAt + slot]! += tiles[at + slot]!;
  for (let slot = sumSlots; slot < minEnd; slot++) {
    if (tiles[at + slot]! < to[toAt + slot]!) to[toAt + slot] = tiles[at + slot]!;
  }
  for (let slot = minEnd; slot < slots; slot++) {
    if (tiles[at + slot]! > to[toAt + slot]!) to[toAt + slot] = tiles[at + slot]!;
  }
}

/** The last child that begins at or before a time, or the first. */
export function childAt(node: HotNode, timeMs: number): number {
  let low = 0;
  let high = node.size;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (node.firstMs[middle]! <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : low - 1;
}
