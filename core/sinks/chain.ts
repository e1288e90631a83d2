import { hash } from 'node:crypto';
import type { LedgerDraft, LedgerEntry } from './ledger-entry.ts';

/** The last entry of a chain. */
export type ChainHead = { sequence: number; hash: string };

/** The head of every chain, by debit account: an account that was never debited has none. */
export type Chains = Map<string, ChainHead>;

/** What stands in for the previous hash at the start of a chain. */
export const genesisHash = '0'.repeat(64);

/** Gives the draft the next place in the chain of its debit account, and moves that chain's head to it. */
export function appendToChain(chains: Chains, draft: LedgerDraft): LedgerEntry {
  const head = chains.get(draft.debitAccount);
  const sequence = head === undefined ? 0 : head.sequence + 1;
  // One literal gives all entries one shape, which the engine reads faster than the many of a spread.
  const entry = {
    entryId: draft.entryId,
    tenantId: draft.tenantId,
    kind: draft.kind,
    authorizationId: draft.authorizationId,
    accountId: draft.accountId,
    eventTimeMs: draft.eventTimeMs,
    debitAccount: draft.debitAccount,
    creditAccount: draft.creditAccount,
    amountMinor: draft.amountMinor,
    currency: draft.currency,
    outcome: draft.outcome,
    unmatched: draft.unmatched,
    offset: draft.offset,
    sequence,
    hash: '',
  };
  entry.hash = chainHash(head?.hash ?? genesisHash, entry);
  if (head === undefined) {
    chains.set(entry.debitAccount, { sequence, hash: entry.hash });
  } else {
    head.sequence = sequence;
    head.hash = entry.hash;
  }
  return entry;
}

/** SHA-256, in 64 hexadecimal characters, of the previous entry's hash, a line feed and the entry's canonical text. */
export function chainHash(previousHash: string, entry: Omit<LedgerEntry, 'hash'>): string {
  return hash('sha256', `${previousHash}\n${chainText(entry)}`, 'hex');
}

/**
 * The canonical text of an entry without its hash: JSON without spaces, fields in alphabetical order, which is the form
 * of https://www.rfc-editor.org/rfc/rfc8785 for whole numbers and well-formed text.
 */
export function chainText(entry: Omit<LedgerEntry, 'hash'>): string {
  return JSON.stringify({
    accountId: entry.accountId,
    amountMinor: entry.amountMinor,
    authorizationId: entry.authorizationId,
    creditAccount: entry.creditAccount,
    currency: entry.currency,
    debitAccount: entry.debitAccount,
    entryId: entry.entryId,
    eventTimeMs: entry.eventTimeMs,
    kind: entry.kind,
    offset: entry.offset,
    outcome: entry.outcome,
    sequence: entry.sequence,
    tenantId: entry.tenantId,
    unmatched: entry.unmatched,
  });
}
