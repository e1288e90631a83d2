import type { Model } from './model.ts';
import type { ModelTrees } from './model-trees.ts';
import { firstStepOf, slotLength, type ThresholdSlots } from './threshold-slots.ts';

/** The deepest tree that is padded to a complete one, counted in splits from the root to a leaf. */
export const depthMax = 8;

/** The most memory that the padded trees may take, in bytes. */
const treeBytesMax = 64 * 2 ** 20;

/** The most slots: a node names the ranks of its slot in 16 bits. */
const slotsMax = 4096;

/** Rows that one vector of bytes holds. */
export const rowsOfBlock = 16;

/** The most rows of one call. */
export const rowsOfCall = 64;

/** A slot's entry: four 32-bit integers, each at its byte. */
export const slotFields = { feature: 0, firstStep: 4, missingRank: 8, table: 12 } as const;
export const slotBytes = 16;

/** A node's entry: where its slot's ranks stand (16 bits), and its threshold's place as ranks have it (8 bits). */
export const nodeFields = { ranks: 0, place: 2 } as const;
export const nodeBytes = 4;

/** Where everything stands in the module's memory, in bytes from its start, and how it is measured. */
export type TreeMemory = {
  /** Of the padded trees, in splits. */
  readonly depth: number;
  readonly pages: number;
  readonly inputStart: number;
  readonly inputRowBytes: number;
  readonly outputStart: number;
  /** A row's sums, or a leaf's vector: the margin, then what each feature contributed. */
  readonly vectorBytes: number;
  /** The sums before the first tree. */
  readonly baseStart: number;
  readonly slotsStart: number;
  readonly slotsEnd: number;
  readonly thresholdsStart: number;
  /** Sixteen ranks a slot. */
  readonly ranksStart: number;
  /** Sixteen leaves a tree. */
  readonly leavesStart: number;
  readonly leavesEnd: number;
  readonly nodesStart: number;
  readonly treeBytes: number;
  /** A vector a leaf of the padded trees. */
  readonly vectorsStart: number;
};

/** What a row's sums hold: the margin alone, or what every feature contributed after it. */
export type SumKind = 'margin' | 'contributions';

/** Lays out the memory of a model, or says in words why it does not fit. */
export function planTreeMemory({ model, slots, sums }: Planned): TreeMemory | string {
  const { trees, featureNames } = model;
  const depth = trees.roots.reduce((deepest, root) => Math.max(deepest, depthBelow(trees, root)), 0);
  if (depth === 0) return 'got trees without a split, expected one at least';
  if (depth > depthMax) return `got trees of ${depth} splits from root to leaf, expected at most ${depthMax}`;
  if (slots.count > slotsMax) return `got ${slots.count} slots of thresholds, expected at most ${slotsMax}`;
  if (!trees.mean.every(Number.isFinite)) return 'got a leaf beyond the 32-bit floats, expected finite ones';
  const vectorBytes = 16 * Math.ceil((1 + (sums === 'margin' ? 0 : featureNames.length)) / 2);
  const treeBytes = nodeBytes * 2 ** depth;
  const sizeBytes = trees.roots.length * (treeBytes + 2 ** depth * vectorBytes);
  if (sizeBytes > treeBytesMax) return `got padded trees of ${sizeBytes} bytes, expected at most ${treeBytesMax}`;
  return layOut({ model, slots, depth, vectorBytes, treeBytes });
}

/** Writes a model's tables into the memory that was planned for it. */
export function fillTreeMemory(memory: TreeMemory, buffer: ArrayBuffer, { model, slots }: Omit<Planned, 'sums'>): void {
  const bytes = new DataView(buffer);
  bytes.setFloat64(memory.baseStart, model.baseMargin, true);
  for (let slot = 0; slot < slots.count; slot += 1) {
    const entry = memory.slotsStart + slot * slotBytes;
    // The search looks one threshold before its position plus its step.
    const table = memory.thresholdsStart + (slot * slotLength - 1) * 4;
    bytes.setInt32(entry + slotFields.feature, slots.feature[slot]! * 4, true);
    bytes.setInt32(entry + slotFields.firstStep, firstStepOf(slots.size[slot]!) * 4, true);
    bytes.setInt32(entry + slotFields.missingRank, slots.missingRank[slot]!, true);
    bytes.setInt32(entry + slotFields.table, table, true);
  }
  new Float32Array(buffer, memory.thresholdsStart, slots.thresholds.length).set(slots.thresholds);
  for (let tree = 0; tree < model.trees.roots.length; tree += 1) fillTree({ memory, buffer, model, slots, tree });
}

type Planned = { readonly model: Model; readonly slots: ThresholdSlots; readonly sums: SumKind };

function depthBelow(trees: ModelTrees, node: number): number {
  if (trees.feature[node]! < 0) return 0;
  return 1 + Math.max(depthBelow(trees, trees.less[node]!), depthBelow(trees, trees.notLess[node]!));
}

type Measures = Omit<Planned, 'sums'> & Pick<TreeMemory, 'depth' | 'vectorBytes' | 'treeBytes'>;

function layOut({ model, slots, depth, vectorBytes, treeBytes }: Measures): TreeMemory {
  let position = 0;
  const take = (sizeBytes: number): number => {
    const start = position;
    position = Math.ceil((start + sizeBytes) / 64) * 64;
    return start;
  };
  const treeCount = model.trees.roots.length;
  const inputRowBytes = model.featureNames.length * 4;
  const inputStart = take(rowsOfCall * inputRowBytes);
  const outputStart = take(rowsOfCall * vectorBytes);
  const baseStart = take(vectorBytes);
  const slotsStart = take(slots.count * slotBytes);
  const thresholdsStart = take(slots.thresholds.length * 4);
  const ranksStart = take(slots.count * rowsOfBlock);
  const leavesStart = take(treeCount * rowsOfBlock);
  const nodesStart = take(treeCount * treeBytes);
  const vectorsStart = take(treeCount * 2 ** depth * vectorBytes);
  return {
    depth,
    pages: Math.ceil(position / 65_536),
    inputStart,
    inputRowBytes,
    outputStart,
    vectorBytes,
    baseStart,
    slotsStart,
    slotsEnd: slotsStart + slots.count * slotBytes,
    thresholdsStart,
    ranksStart,
    leavesStart,
    leavesEnd: leavesStart + treeCount * rowsOfBlock,
    nodesStart,
    treeBytes,
    vectorsStart,
  };
}

type Filled = { memory: TreeMemory; buffer: ArrayBuffer; tree: number } & Omit<Planned, 'sums'>;

/** Writes one tree as a complete one: below an early leaf every row goes left, and all leaves there are that leaf. */
function fillTree({ memory, buffer, model: { trees }, slots, tree }: Filled): void {
  const bytes = new DataView(buffer);
  const { depth, vectorBytes } = memory;
  const lanes = vectorBytes / 8;
  const leafVectors = new Float64Array(
    buffer,
    memory.vectorsStart + tree * 2 ** depth * vectorBytes,
    2 ** depth * lanes,
  );
  const fill = (node: number, place: number, vector: Float64Array): void => {
    if (place >= 2 ** depth - 1) {
      vector[0] = trees.mean[node]!;
      leafVectors.set(vector, (place - (2 ** depth - 1)) * lanes);
      return;
    }
    const split = trees.feature[node]!;
    const entry = memory.nodesStart + tree * memory.treeBytes + place * nodeBytes;
    bytes.setUint16(entry + nodeFields.ranks, Math.max(slots.slotOf[node]!, 0) * rowsOfBlock, true);
    bytes.setInt8(entry + nodeFields.place, split < 0 ? 127 : slots.placeOf[node]! - 1 - 128);
    for (const [side, child] of [trees.less[node]!, trees.notLess[node]!].entries()) {
      const reached = split < 0 ? node : child;
      const below = vector.slice();
      if (split + 1 < lanes && split >= 0) below[1 + split]! += trees.mean[reached]! - trees.mean[node]!;
      fill(reached, 2 * place + 1 + side, below);
    }
  };
  fill(trees.roots[tree]!, 0, new Float64Array(lanes));
}
