import {
  addFloat,
  addSquareOf,
  createFloatSum,
  type ExactFloatSum,
  mergeFloatSums,
} from '../engine/exact-float-sum.ts';
import { type PaneStore, rowOfPane, segmentOfPane, type WideSums } from './columnar-panes.ts';
import { paneNumber } from './pane-columns.ts';

const { sum, squares } = paneNumber;
const sumParts = 3;
const squareParts = 4;

/** Within these the square of a double and its rounding error are doubles. */
const factorMin = 2 ** -480;
const factorMax = 2 ** 440;
/** Veltkamp's splitter for 53 bits. */
const splitter = 2 ** 27 + 1;

/**
 * Adds a number and its square to a pane exactly: three doubles hold the sum and four the squares, by a two-sum each
 * (Knuth's, which needs no order). What does not fit makes the pane wide.
 */
export function addToSums(store: PaneStore, slot: number, numbers: Float64Array, row: number, value: number): void {
  const magnitude = Math.abs(value);
  const isPlain = value === 0 || (magnitude >= factorMin && magnitude <= factorMax);
  if (!isPlain || (store.wide.size > 0 && store.wide.has(slot))) {
    const wide = widen(store, slot);
    addFloat(wide.sum, value);
    addSquareOf(wide.squares, value);
    return;
  }
  const square = value * value;
  const scaled = splitter * value;
  const high = scaled - (scaled - value);
  const low = value - high;
  const lost = low * low - (square - high * high - 2 * (high * low));
  const rest = addPart(numbers, row + sum, sumParts, value);
  if (rest !== 0) addFloat(widen(store, slot).sum, rest);
  addToSquares(store, slot, numbers, row, square);
  addToSquares(store, slot, numbers, row, lost);
}

/** Adds the sums of one pane to those of another. */
export function mergeSums(store: PaneStore, source: number, target: number): void {
  const from = segmentOfPane(store, source).numbers;
  const fromRow = rowOfPane(source);
  const { numbers } = segmentOfPane(store, target);
  const row = rowOfPane(target);
  const wide = store.wide.get(source);
  if (wide !== undefined) {
    const { sum: wideSum, squares: wideSquares } = widen(store, target);
    mergeFloatSums(wideSum, wide.sum);
    mergeFloatSums(wideSquares, wide.squares);
    return;
  }
  for (let part = 0; part < sumParts; part++) addToSum(store, target, numbers, row, from[fromRow + sum + part]!);
  for (let part = 0; part < squareParts; part++) {
    addToSquares(store, target, numbers, row, from[fromRow + squares + part]!);
  }
}

/** The sums of a pane as objects. */
export function sumsOf(store: PaneStore, slot: number): WideSums {
  const wide = store.wide.get(slot);
  if (wide !== undefined) return wide;
  const { numbers } = segmentOfPane(store, slot);
  const row = rowOfPane(slot);
  return {
    sum: exactSumOf(numbers, row + sum, sumParts),
    squares: exactSumOf(numbers, row + squares, squareParts),
  };
}

function exactSumOf(numbers: Float64Array, start: number, parts: number): ExactFloatSum {
  const exact = createFloatSum();
  for (let part = parts - 1; part >= 0; part--) addFloat(exact, numbers[start + part]!);
  return exact;
}

function addToSum(store: PaneStore, slot: number, numbers: Float64Array, row: number, value: number): void {
  if (value === 0) return;
  const wide = store.wide.size > 0 ? store.wide.get(slot) : undefined;
  if (wide !== undefined) return addFloat(wide.sum, value);
  const rest = addPart(numbers, row + sum, sumParts, value);
  if (rest !== 0) addFloat(widen(store, slot).sum, rest);
}

function addToSquares(store: PaneStore, slot: number, numbers: Float64Array, row: number, value: number): void {
  if (value === 0) return;
  const wide = store.wide.size > 0 ? store.wide.get(slot) : undefined;
  if (wide !== undefined) return addFloat(wide.squares, value);
  const rest = addPart(numbers, row + squares, squareParts, value);
  if (rest !== 0) addFloat(widen(store, slot).squares, rest);
}

/** Adds a double to some doubles whose sum stays exact; what the last of them lost is given back. */
function addPart(numbers: Float64Array, start: number, parts: number, value: number): number {
  let rest = value;
  for (let place = start; place < start + parts && rest !== 0; place++) {
    const part = numbers[place]!;
    const total = part + rest;
    const seen = total - part;
    rest = part - (total - seen) + (rest - seen);
    numbers[place] = total;
  }
  return rest;
}

/** Makes a pane wide: its sums are objects from now on. */
function widen(store: PaneStore, slot: number): WideSums {
  const known = store.wide.get(slot);
  if (known !== undefined) return known;
  const wide = sumsOf(store, slot);
  const { numbers } = segmentOfPane(store, slot);
  const row = rowOfPane(slot);
  numbers.fill(0, row + sum, row + sum + sumParts + squareParts);
  store.wide.set(slot, wide);
  return wide;
}
