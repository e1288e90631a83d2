/**
 * The exact sum of any doubles: its value depends on what was added alone, never on the order or on how partial sums were
 * merged. Plain data. The value is the sum of `parts` and of `wide` units of 2^-2148.
 */
export type ExactFloatSum = {
  /**
   * Doubles that do not overlap, the smallest first, never 0 (Shewchuk's expansion,
   * https://people.eecs.berkeley.edu/~jrs/papers/robustr.pdf). Usually one to three. The same value can have several forms.
   */
  readonly parts: number[];
  /** What is too large or too small for exact arithmetic on doubles; 0 for anything that is measured or paid. */
  wide: bigint;
};

/** The empty sum, which is 0. */
export function createFloatSum(): ExactFloatSum {
  return { parts: [], wide: 0n };
}

/** Adds a finite number exactly. Takes O(parts). */
export function addFloat(sum: ExactFloatSum, value: number): void {
  if (Math.abs(value) < sumMax) growExpansion(sum.parts, value);
  else sum.wide += unitsOf(value);
}

/** Adds the square of a finite number exactly. */
export function addSquareOf(sum: ExactFloatSum, value: number): void {
  if (!isProductExact(value)) {
    sum.wide += productUnits(value, value);
    return;
  }
  const square = value * value;
  growExpansion(sum.parts, productError(value, value, square));
  growExpansion(sum.parts, square);
}

/** Adds one exact sum to another; the source stays as it is. */
export function mergeFloatSums(target: ExactFloatSum, source: ExactFloatSum): void {
  for (const part of source.parts) growExpansion(target.parts, part);
  target.wide += source.wide;
}

/**
 * The sum as the nearest double, ties to even, as Python's `math.fsum` gives it; never -0, and an infinity beyond the
 * largest double.
 */
export function roundFloatSum(sum: ExactFloatSum): number {
  return sum.wide === 0n ? roundExpansion(sum.parts) : roundUnits(unitsOfSum(sum));
}

/**
 * The population variance of `count` numbers from their exact sum and their exact sum of squares:
 * (count * squares - sum^2) / count^2, the numerator and the quotient rounded once each, so it is never negative.
 * For integers these are the bits of `varianceExact`.
 */
export function varianceOfFloats(moments: {
  readonly count: number;
  readonly sum: ExactFloatSum;
  readonly squares: ExactFloatSum;
}): number {
  const { count, sum, squares } = moments;
  const isSmall = sum.wide === 0n && squares.wide === 0n && sum.parts.every(isProductExact);
  const numerator = isSmall
    ? roundExpansion(varianceNumerator(count, sum.parts, squares.parts))
    : roundUnits(BigInt(count) * unitsOfSum(squares) - squareUnits(sum));
  return numerator / (count * count);
}

/** Below this a sum of 2^53 numbers stays below the largest double. */
const sumMax = 2 ** 900;
/** Between these a product of two doubles and its rounding error are doubles, and so is a sum of 2^53 of them. */
const factorMin = 2 ** -480;
const factorMax = 2 ** 440;
/** Veltkamp's splitter for 53 bits. */
const splitter = 2 ** 27 + 1;

/**
 * Adds a double to an expansion: two-sum with each part from the smallest, keeping what each addition lost.
 * Positional, since it is called for every number.
 */
function growExpansion(parts: number[], value: number): void {
  if (value === 0) return;
  let total = value;
  let kept = 0;
  for (const part of parts) {
    const sum = total + part;
    const partSeen = sum - total;
    const lost = total - (sum - partSeen) + (part - partSeen);
    if (lost !== 0) parts[kept++] = lost;
    total = sum;
  }
  parts.length = kept;
  if (total !== 0) parts.push(total);
}

/** The nearest double of an expansion, as `math.fsum` finds it. */
function roundExpansion(parts: readonly number[]): number {
  let index = parts.length - 1;
  let total = parts[index] ?? 0;
  let lost = 0;
  while (lost === 0 && index > 0) {
    index -= 1;
    const before = total;
    const part = parts[index] ?? 0;
    total = before + part;
    lost = part - (total - before);
  }
  // Half way between two doubles, what is below decides: where it has the sign of what was lost, it is more than half.
  const below = parts[index - 1] ?? 0;
  if ((lost < 0 && below < 0) || (lost > 0 && below > 0)) {
    const twice = lost * 2;
    const next = total + twice;
    if (next - total === twice) return next;
  }
  return total;
}

function isProductExact(value: number): boolean {
  const magnitude = Math.abs(value);
  return value === 0 || (magnitude >= factorMin && magnitude <= factorMax);
}

/** What the rounding of `left * right` to `product` lost: Dekker's product over Veltkamp's halves. */
function productError(left: number, right: number, product: number): number {
  const leftScaled = splitter * left;
  const leftHigh = leftScaled - (leftScaled - left);
  const leftLow = left - leftHigh;
  const rightScaled = splitter * right;
  const rightHigh = rightScaled - (rightScaled - right);
  const rightLow = right - rightHigh;
  return leftLow * rightLow - (product - leftHigh * rightHigh - leftLow * rightHigh - leftHigh * rightLow);
}

/** count * squares - sum^2 as an expansion. */
function varianceNumerator(count: number, sum: readonly number[], squares: readonly number[]): number[] {
  const numerator: number[] = [];
  for (const part of squares) growByProduct(numerator, count, part);
  for (const left of sum) for (const right of sum) growByProduct(numerator, -left, right);
  return numerator;
}

function growByProduct(parts: number[], left: number, right: number): void {
  const product = left * right;
  growExpansion(parts, productError(left, right, product));
  growExpansion(parts, product);
}

/** One unit is the square of the smallest double, 2^-1074. */
const unitBits = 2148;

/** A finite double in units. */
function unitsOf(value: number): bigint {
  return scaledInteger(value) << BigInt(unitBits / 2);
}

function productUnits(left: number, right: number): bigint {
  return scaledInteger(left) * scaledInteger(right);
}

function unitsOfSum(sum: ExactFloatSum): bigint {
  return sum.parts.reduce((units, part) => units + unitsOf(part), sum.wide);
}

/** The square of a sum, whose own unit is 2^-1074 since it holds doubles only. */
function squareUnits(sum: ExactFloatSum): bigint {
  const scaled = unitsOfSum(sum) >> BigInt(unitBits / 2);
  return scaled * scaled;
}

/** A finite double times 2^1074, which is an integer. */
function scaledInteger(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  const magnitude = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return value < 0 ? -magnitude : magnitude;
}

/** The nearest double of a number of units, ties to even. */
function roundUnits(units: bigint): number {
  const magnitude = units < 0n ? -units : units;
  const bits = magnitude === 0n ? 0 : 4 * magnitude.toString(16).length;
  let dropped = Math.max(unitBits / 2, bits - 56);
  while (magnitude >> BigInt(dropped) >= 1n << 53n) dropped += 1;
  let kept = magnitude >> BigInt(dropped);
  const rest = magnitude - (kept << BigInt(dropped));
  const half = 1n << BigInt(dropped - 1);
  if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n;
  const rounded = scaleByPowerOfTwo(Number(kept), dropped - unitBits);
  return units < 0n ? -rounded : rounded;
}

/** An integer of at most 2^53 times a power of two, exact while it is a double, in two steps since 2^1024 is none. */
function scaleByPowerOfTwo(value: number, exponent: number): number {
  const first = Math.min(exponent, 900);
  return value * 2 ** first * 2 ** (exponent - first);
}
