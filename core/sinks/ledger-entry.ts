import type { LedgerEntry as LedgerEntryEvent } from '../contract/ledger-entry.ts';

/** One double entry of the ledger, as the contract `ledger.entry.v1` has it. */
export type LedgerEntry = Readonly<LedgerEntryEvent>;

export type LedgerEntryKind = LedgerEntry['kind'];

/** An entry that has no place in the ledger yet. */
export type LedgerDraft = Omit<LedgerEntry, 'sequence'>;
