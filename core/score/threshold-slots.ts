import type { ModelTrees } from './model-trees.ts';

/**
 * A model's thresholds as small numbers. A slot is one feature with one default for the missing and at most 255 of the
 * thresholds that the feature is compared with; the rank of a value in a slot is how many of them it reaches. So
 * `value >= threshold` is `rank >= place of the threshold`, a missing value included.
 */
export type ThresholdSlots = {
  readonly count: number;
  /** Which of the model's features a slot ranks. */
  readonly feature: Int32Array;
  /** The rank of a missing value: 0, which reaches nothing, or 255. */
  readonly missingRank: Uint8Array;
  /** How many thresholds a slot has. */
  readonly size: Int32Array;
  /** `slotLength` a slot, ascending; the rest is NaN, which no value reaches. */
  readonly thresholds: Float32Array;
  /** The slot of each split of the model's trees; -1 for a leaf. */
  readonly slotOf: Int32Array;
  /** The place, from 1 to 255, of each split's threshold in its slot. */
  readonly placeOf: Uint8Array;
};

/** How many thresholds the table keeps room for in a slot. */
export const slotLength = 256;

/** The most thresholds of a slot: ranks are bytes. */
const thresholdsMax = 255;

/** Gives every split its slot and place. */
export function createThresholdSlots(trees: ModelTrees): ThresholdSlots {
  const slots: { feature: number; missingRank: number; thresholds: readonly number[] }[] = [];
  const slotOf = new Int32Array(trees.feature.length).fill(-1);
  const placeOf = new Uint8Array(trees.feature.length);
  for (const { feature, isMissingLess, nodes } of groupSplits(trees)) {
    const thresholds = [...new Set(nodes.map((node) => trees.threshold[node]!))].sort((left, right) => left - right);
    const places = new Map(thresholds.map((threshold, index) => [threshold, index]));
    const firstSlot = slots.length;
    for (let start = 0; start < thresholds.length; start += thresholdsMax) {
      const missingRank = isMissingLess ? 0 : 255;
      slots.push({ feature, missingRank, thresholds: thresholds.slice(start, start + thresholdsMax) });
    }
    for (const node of nodes) {
      const index = places.get(trees.threshold[node]!)!;
      slotOf[node] = firstSlot + Math.floor(index / thresholdsMax);
      placeOf[node] = 1 + (index % thresholdsMax);
    }
  }
  const table = new Float32Array(slots.length * slotLength).fill(Number.NaN);
  slots.forEach(({ thresholds }, slot) => table.set(thresholds, slot * slotLength));
  return {
    count: slots.length,
    feature: Int32Array.from(slots, (slot) => slot.feature),
    missingRank: Uint8Array.from(slots, (slot) => slot.missingRank),
    size: Int32Array.from(slots, (slot) => slot.thresholds.length),
    thresholds: table,
    slotOf,
    placeOf,
  };
}

/** The rank of every slot for a row of the model's features; NaN is missing. */
export function rankRow(slots: ThresholdSlots, row: Float32Array, ranks: Uint8Array): void {
  for (let slot = 0; slot < slots.count; slot += 1) {
    const value = row[slots.feature[slot]!]!;
    ranks[slot] = value === value ? rankIn(slots, slot, value) : slots.missingRank[slot]!;
  }
}

/** The first step of a search among so many thresholds: the largest power of two that is not above their number. */
export function firstStepOf(size: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(size, 1)));
}

function rankIn({ thresholds, size }: ThresholdSlots, slot: number, value: number): number {
  let rank = 0;
  const before = slot * slotLength - 1;
  for (let step = firstStepOf(size[slot]!); step > 0; step >>= 1) {
    if (value >= thresholds[before + rank + step]!) rank += step;
  }
  return rank;
}

type SplitGroup = { readonly feature: number; readonly isMissingLess: boolean; readonly nodes: number[] };

/** The splits by feature and default, in the order of the trees. */
function groupSplits(trees: ModelTrees): Iterable<SplitGroup> {
  const groups = new Map<string, SplitGroup>();
  for (let node = 0; node < trees.feature.length; node += 1) {
    const feature = trees.feature[node]!;
    if (feature < 0) continue;
    const isMissingLess = trees.missing[node] === trees.less[node];
    const key = `${feature} ${isMissingLess}`;
    const group = groups.get(key) ?? { feature, isMissingLess, nodes: [] };
    group.nodes.push(node);
    groups.set(key, group);
  }
  return groups.values();
}
