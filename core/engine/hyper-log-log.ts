import { hash } from 'node:crypto';
import type { Value } from './aggregate.ts';

/**
 * A HyperLogLog sketch of 2^precision registers: how many different values were added, within a standard error of
 * 1.04 / sqrt(2^precision), which is 1.6 % at precision 12. Registers are kept one by one while few are set, then as bytes;
 * the form follows from the values alone. Plain data.
 */
export type HyperLogLog = {
  readonly precision: number;
  /** The rank by register, of those above 0; empty once `dense` is there. */
  readonly sparse: Map<number, number>;
  dense: Uint8Array | null;
};

/** The precision that is used unless another is asked for. */
export const precisionDefault = 12;

/** The empty sketch. `precision` is a whole number from 4 to 16; throws on any other. */
export function createHyperLogLog(precision: number): HyperLogLog {
  if (!Number.isInteger(precision) || precision < 4 || precision > 16) {
    throw new RangeError(`got the precision ${precision}, expected a whole number from 4 to 16`);
  }
  return { precision, sparse: new Map(), dense: null };
}

/**
 * Adds a value. Its hash is the first 8 bytes of the SHA-256 of its JSON text in UTF-8 (numbers as JavaScript prints them),
 * most significant first: the first `precision` bits name the register, its rank is the place of the first 1 in the rest.
 */
export function addToHyperLogLog(sketch: HyperLogLog, value: Exclude<Value, null>): void {
  const bytes = hash('sha256', JSON.stringify(value), 'buffer');
  const high = bytes.readUInt32BE(0);
  const low = bytes.readUInt32BE(4);
  const { precision } = sketch;
  const highRest = (high << precision) >>> 0;
  const rank = highRest > 0 ? Math.clz32(highRest) + 1 : 32 - precision + (low > 0 ? Math.clz32(low) : 32) + 1;
  raiseRegister(sketch, high >>> (32 - precision), rank);
}

/** Adds one sketch to another of the same precision, register by register the higher; the source stays as it is. */
export function mergeHyperLogLogs(target: HyperLogLog, source: HyperLogLog): void {
  if (target.precision !== source.precision) {
    throw new RangeError(`got a sketch of precision ${source.precision}, expected ${target.precision}`);
  }
  if (source.dense === null) for (const [register, rank] of source.sparse) raiseRegister(target, register, rank);
  else source.dense.forEach((rank, register) => rank > 0 && raiseRegister(target, register, rank));
}

/**
 * How many different values were added, to the nearest whole number: Ertl's estimator, which needs no tables and has no
 * bias at either end (https://arxiv.org/abs/1702.01284, section 4).
 */
export function estimateDistinct(sketch: HyperLogLog): number {
  const registers = 2 ** sketch.precision;
  const rankMax = 64 - sketch.precision + 1;
  const counts = countRanks(sketch, registers, rankMax);
  let denominator = registers * tau(1 - (counts[rankMax] ?? 0) / registers);
  for (let rank = rankMax - 1; rank >= 1; rank -= 1) denominator = 0.5 * (denominator + (counts[rank] ?? 0));
  denominator += registers * sigma((counts[0] ?? 0) / registers);
  return Math.round((registers * registers) / (2 * Math.LN2 * denominator));
}

/** A register in a map takes about as much memory as this many bytes. */
const sparseRegisterBytes = 32;

function raiseRegister(sketch: HyperLogLog, register: number, rank: number): void {
  const { dense, sparse } = sketch;
  if (dense !== null) {
    if (rank > (dense[register] ?? 0)) dense[register] = rank;
    return;
  }
  if (rank > (sparse.get(register) ?? 0)) sparse.set(register, rank);
  if (sparse.size * sparseRegisterBytes <= 2 ** sketch.precision) return;
  sketch.dense = new Uint8Array(2 ** sketch.precision);
  for (const [set, setRank] of sparse) sketch.dense[set] = setRank;
  sparse.clear();
}

function countRanks(sketch: HyperLogLog, registers: number, rankMax: number): readonly number[] {
  const counts = Array.from({ length: rankMax + 1 }, () => 0);
  const ranks = sketch.dense ?? [...sketch.sparse.values()];
  for (const rank of ranks) counts[rank] = (counts[rank] ?? 0) + 1;
  if (sketch.dense === null) counts[0] = registers - sketch.sparse.size;
  return counts;
}

/** Sum of x^(2^k) * 2^(k-1) over k >= 1, plus x. */
function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY;
  let power = share;
  let weight = 1;
  let sum = share;
  for (let before = -1; before !== sum;) {
    before = sum;
    power *= power;
    sum += power * weight;
    weight += weight;
  }
  return sum;
}

/** (1 - x - sum of (1 - x^(2^-k))^2 * 2^-k over k >= 1) / 3. */
function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let root = share;
  let weight = 1;
  let sum = 1 - share;
  for (let before = -1; before !== sum;) {
    before = sum;
    root = Math.sqrt(root);
    weight *= 0.5;
    sum -= (1 - root) ** 2 * weight;
  }
  return sum / 3;
}
