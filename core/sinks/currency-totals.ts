import { addExact } from '../engine/exact-sum.ts';
import type { ExactInteger } from '../engine/exact-sum.ts';
import type { LedgerEntry } from './ledger-entry.ts';

/** Sums over all entries of one currency, exact; entry counts include those of amount 0. */
export type CurrencyTotals = {
  /** What authorizations put on hold. */
  heldMinor: ExactInteger;
  /** What clearings took from holds. */
  clearedMinor: ExactInteger;
  /** What reversals gave back from holds. */
  reversedMinor: ExactInteger;
  /** What was still on hold at its expiry. */
  expiredMinor: ExactInteger;
  /** What clearings took beyond any hold. */
  unmatchedMinor: ExactInteger;
  authorizationEntries: number;
  clearingEntries: number;
  reversalEntries: number;
  expiryEntries: number;
  /** Of the clearing and reversal entries, those without a hold behind them. */
  unmatchedEntries: number;
};

/** Adds one entry to the sums of its currency. */
export function countEntry(totalsByCurrency: Map<string, CurrencyTotals>, entry: LedgerEntry): void {
  const totals = totalsOf(totalsByCurrency, entry.currency);
  if (entry.unmatched) totals.unmatchedEntries += 1;
  switch (entry.kind) {
    case 'authorization':
      totals.authorizationEntries += 1;
      totals.heldMinor = addExact(totals.heldMinor, entry.amountMinor);
      break;
    case 'clearing':
      totals.clearingEntries += 1;
      if (entry.unmatched) totals.unmatchedMinor = addExact(totals.unmatchedMinor, entry.amountMinor);
      else totals.clearedMinor = addExact(totals.clearedMinor, entry.amountMinor);
      break;
    case 'reversal':
      totals.reversalEntries += 1;
      totals.reversedMinor = addExact(totals.reversedMinor, entry.amountMinor);
      break;
    case 'expiry':
      totals.expiryEntries += 1;
      totals.expiredMinor = addExact(totals.expiredMinor, entry.amountMinor);
      break;
  }
}

function totalsOf(totalsByCurrency: Map<string, CurrencyTotals>, currency: string): CurrencyTotals {
  const known = totalsByCurrency.get(currency);
  if (known !== undefined) return known;
  const totals: CurrencyTotals = {
    heldMinor: 0,
    clearedMinor: 0,
    reversedMinor: 0,
    expiredMinor: 0,
    unmatchedMinor: 0,
    authorizationEntries: 0,
    clearingEntries: 0,
    reversalEntries: 0,
    expiryEntries: 0,
    unmatchedEntries: 0,
  };
  totalsByCurrency.set(currency, totals);
  return totals;
}
