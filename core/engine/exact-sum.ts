/** An exact integer: a number while it is a safe one, a BigInt beyond 2^53. The form follows from the value alone. */
export type ExactInteger = number | bigint;

/** The exact sum of two integers. */
export function addExact(left: ExactInteger, right: ExactInteger): ExactInteger {
  if (typeof left === 'number' && typeof right === 'number') {
    const sum = left + right;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return normalise(BigInt(left) + BigInt(right));
}

/** The exact difference of two integers. */
export function subtractExact(left: ExactInteger, right: ExactInteger): ExactInteger {
  return addExact(left, typeof right === 'number' ? -right : normalise(-right));
}

/** The exact square of a safe integer. */
export function squareExact(value: number): ExactInteger {
  const square = value * value;
  return Number.isSafeInteger(square) ? square : normalise(BigInt(value) ** 2n);
}

/**
 * The population variance of `count` integers from their exact sum and sum of squares:
 * (count * sumOfSquares - sum^2) / count^2, rounded once. Exact up to that rounding, so never negative.
 */
export function varianceExact(count: number, sum: ExactInteger, sumOfSquares: ExactInteger): number {
  const numerator = BigInt(count) * BigInt(sumOfSquares) - BigInt(sum) ** 2n;
  return Number(numerator) / (count * count);
}

function normalise(value: bigint): ExactInteger {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : value;
}
