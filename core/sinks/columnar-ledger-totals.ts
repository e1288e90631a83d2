import { addExact } from '../engine/exact-sum.ts';
import type { ExactInteger } from '../engine/exact-sum.ts';
import type { CurrencyTotals } from './currency-totals.ts';

/**
 * The sums of `CurrencyTotals` for interned currencies. Each exact sum is two doubles, `high * 2^53 + low`, so that adding
 * needs no big integers.
 */
export type ColumnarTotals = {
  readonly byCurrency: Map<number, Float64Array>;
  /** The currency counted last, and its sums. */
  lastCurrency: number;
  lastSums: Float64Array;
};

/** The sum that an entry adds to: the number of its kind, and one for what clearings took beyond any hold. */
const sumNames = ['heldMinor', 'clearedMinor', 'reversedMinor', 'expiredMinor', 'unmatchedMinor'] as const;
const countNames = [
  'authorizationEntries',
  'clearingEntries',
  'reversalEntries',
  'expiryEntries',
  'unmatchedEntries',
] as const;

const unmatchedAt = 4;
const highAt = 5;
const countsAt = 10;
const cells = 15;
const limb = 2 ** 53;
const clearingKind = 1;

export function createColumnarTotals(): ColumnarTotals {
  return { byCurrency: new Map(), lastCurrency: -1, lastSums: new Float64Array(cells) };
}

/** Adds one entry; positional, as it runs for every one. The amount is a safe integer of at least 0. */
export function countRow(
  totals: ColumnarTotals,
  kind: number,
  unmatched: number,
  amountMinor: number,
  currency: number,
): void {
  const sums = currency === totals.lastCurrency ? totals.lastSums : sumsOf(totals, currency);
  sums[countsAt + kind]!++;
  sums[countsAt + unmatchedAt]! += unmatched;
  const at = unmatched === 1 && kind === clearingKind ? unmatchedAt : kind;
  const room = limb - sums[at]!;
  if (amountMinor < room) sums[at]! += amountMinor;
  else {
    sums[at] = amountMinor - room;
    sums[highAt + at]!++;
  }
}

/** The sums by the names of their currencies, as the twin has them. */
export function namedTotals(totals: ColumnarTotals, nameOf: (currency: number) => string): Map<string, CurrencyTotals> {
  return new Map([...totals.byCurrency].map(([currency, sums]) => [nameOf(currency), currencyTotals(sums)]));
}

/** The sums again, from named ones. */
export function columnarTotals(
  named: ReadonlyMap<string, Readonly<CurrencyTotals>>,
  currencyOf: (name: string) => number,
): ColumnarTotals {
  const totals = createColumnarTotals();
  for (const [name, currencyTotal] of named) {
    const sums = sumsOf(totals, currencyOf(name));
    for (const [at, sumName] of sumNames.entries()) {
      const sum = BigInt(currencyTotal[sumName]);
      sums[at] = Number(sum % BigInt(limb));
      sums[highAt + at] = Number(sum / BigInt(limb));
    }
    for (const [at, countName] of countNames.entries()) sums[countsAt + at] = currencyTotal[countName];
  }
  return totals;
}

function sumsOf(totals: ColumnarTotals, currency: number): Float64Array {
  let sums = totals.byCurrency.get(currency);
  if (sums === undefined) {
    sums = new Float64Array(cells);
    totals.byCurrency.set(currency, sums);
  }
  totals.lastCurrency = currency;
  totals.lastSums = sums;
  return sums;
}

function currencyTotals(sums: Float64Array): CurrencyTotals {
  const sumAt = (at: number): ExactInteger =>
    sums[highAt + at] === 0 ? sums[at]! : addExact(BigInt(sums[highAt + at]!) * BigInt(limb), sums[at]!);
  return {
    heldMinor: sumAt(0),
    clearedMinor: sumAt(1),
    reversedMinor: sumAt(2),
    expiredMinor: sumAt(3),
    unmatchedMinor: sumAt(unmatchedAt),
    authorizationEntries: sums[countsAt]!,
    clearingEntries: sums[countsAt + 1]!,
    reversalEntries: sums[countsAt + 2]!,
    expiryEntries: sums[countsAt + 3]!,
    unmatchedEntries: sums[countsAt + unmatchedAt]!,
  };
}
