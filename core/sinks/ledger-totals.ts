import { addExact, subtractExact } from '../engine/exact-sum.ts';
import type { ExactInteger } from '../engine/exact-sum.ts';
import type { CurrencyTotals } from './currency-totals.ts';
import type { LedgerState } from './ledger-state.ts';

export type LedgerTotals = {
  /** By currency; what is open is `held - cleared - reversed - expired`. */
  readonly currencies: Readonly<Record<string, Readonly<CurrencyTotals> & { readonly openMinor: ExactInteger }>>;
  readonly openHolds: number;
  /** Clearings and reversals that wait for their authorization. */
  readonly waitingReleases: number;
  /** Posted so far. */
  readonly entries: number;
};

/** The sums and counts of everything posted so far, currencies in alphabetical order. */
export function ledgerTotals(
  state: Pick<LedgerState, 'totals' | 'openHolds' | 'waitingReleases' | 'entries'>,
): LedgerTotals {
  const byCurrency = [...state.totals].toSorted(([left], [right]) => (left < right ? -1 : 1));
  return {
    currencies: Object.fromEntries(
      byCurrency.map(([currency, totals]) => [currency, { ...totals, openMinor: openMinor(totals) }]),
    ),
    openHolds: state.openHolds,
    waitingReleases: state.waitingReleases,
    entries: state.entries,
  };
}

function openMinor({ heldMinor, clearedMinor, reversedMinor, expiredMinor }: CurrencyTotals): ExactInteger {
  return subtractExact(heldMinor, addExact(clearedMinor, addExact(reversedMinor, expiredMinor)));
}
