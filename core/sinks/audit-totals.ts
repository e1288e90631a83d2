import { addExact } from '../engine/exact-sum.ts';
import type { ExactInteger } from '../engine/exact-sum.ts';
import { countEntry } from './currency-totals.ts';
import type { CurrencyTotals } from './currency-totals.ts';
import type { LedgerEntry, LedgerEntryKind } from './ledger-entry.ts';

/** What the entries of one kind and currency come to. */
export type LedgerAuditTotal = {
  readonly currency: string;
  readonly kind: LedgerEntryKind;
  entries: number;
  amountMinor: ExactInteger;
  unmatchedEntries: number;
  unmatchedMinor: ExactInteger;
};

/** Adds up entries for an audit: as the ledger itself does, and by kind. */
export function createAuditTotals() {
  const byCurrency = new Map<string, CurrencyTotals>();
  const byKind = new Map<string, LedgerAuditTotal>();
  return {
    byCurrency,
    count(entry: LedgerEntry): void {
      countEntry(byCurrency, entry);
      countKind(byKind, entry);
    },
    /** By currency, then kind, in alphabetical order. */
    list: (): LedgerAuditTotal[] =>
      [...byKind].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, total]) => total),
  };
}

function countKind(totals: Map<string, LedgerAuditTotal>, entry: LedgerEntry): void {
  const { currency, kind, amountMinor } = entry;
  const name = `${currency} ${kind}`;
  const none = { entries: 0, amountMinor: 0, unmatchedEntries: 0, unmatchedMinor: 0 };
  const total = totals.get(name) ?? { currency, kind, ...none };
  total.entries += 1;
  total.amountMinor = addExact(total.amountMinor, amountMinor);
  if (entry.unmatched) {
    total.unmatchedEntries += 1;
    total.unmatchedMinor = addExact(total.unmatchedMinor, amountMinor);
  }
  totals.set(name, total);
}
