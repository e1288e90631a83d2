import { addExact } from '../engine/exact-sum.ts';
import type { ExactInteger } from '../engine/exact-sum.ts';
import { createAuditBalances } from './audit-balances.ts';
import { chainHash, genesisHash } from './chain.ts';
import type { ChainHead } from './chain.ts';
import type { LedgerEntry, LedgerEntryKind } from './ledger-entry.ts';

export type LedgerProblemKind =
  /** The hash is not that of the entry and the one before it: a field, the hash or the entry before was changed. */
  | 'hashMismatch'
  /** The chain skips one or more sequence numbers: entries were removed, or stand further down. */
  | 'missingEntry'
  /** The chain has passed this sequence number: the entry was inserted, repeated or moved. */
  | 'misplacedEntry'
  | 'repeatedEntryId'
  /** Not a whole number of at least 0, or accounts that do not fit the kind of entry. */
  | 'invalidEntry'
  /** A pending account gave more than it held. */
  | 'overdrawn'
  /** Debits and credits of a currency differ. */
  | 'unbalanced'
  /** The chain does not end as the expected head says: its last entries were removed, added or changed. */
  | 'headMismatch';

/** One thing that is wrong with a ledger, and where. */
export type LedgerProblem = {
  readonly kind: LedgerProblemKind;
  /** Place in log order, from 0; null for what concerns no single entry. */
  readonly position: number | null;
  readonly entryId: string | null;
  /** The debit account, whose chain it is; null for what concerns no single account. */
  readonly account: string | null;
  /** One sentence that says what came and what was expected. */
  readonly message: string;
};

export type LedgerAuditTotal = {
  readonly currency: string;
  readonly kind: LedgerEntryKind;
  entries: number;
  amountMinor: ExactInteger;
  unmatchedEntries: number;
  unmatchedMinor: ExactInteger;
};

export type LedgerAudit = {
  /** How many entries were seen: an audit of none proves nothing. */
  readonly entries: number;
  /** Accounts debited or credited. */
  readonly accounts: number;
  /** Debit accounts. */
  readonly chains: number;
  /** The first ones found; `problemCount` counts all. */
  readonly problems: readonly LedgerProblem[];
  readonly problemCount: number;
  /** Entries beyond `entryIdsMax`, whose ids were not compared. */
  readonly uncheckedEntryIds: number;
  /** By currency, then kind, in alphabetical order. */
  readonly totals: readonly Readonly<LedgerAuditTotal>[];
  /** The sum of all pending accounts, by currency. */
  readonly openHoldsMinor: Readonly<Record<string, ExactInteger>>;
  readonly debitsMinor: Readonly<Record<string, ExactInteger>>;
  readonly creditsMinor: Readonly<Record<string, ExactInteger>>;
};

export type LedgerAuditor = {
  /** Takes the next entry in log order. */
  readonly add: (entry: LedgerEntry) => void;
  /**
   * Ends the audit. A chain proves its inside alone: to find entries cut from its end or added there, give the heads that
   * were kept elsewhere, such as those of the ledger's state.
   */
  readonly finish: (input?: { readonly expectedHeads: ReadonlyMap<string, Readonly<ChainHead>> }) => LedgerAudit;
};

/**
 * Checks a ledger from its entries alone, one at a time: every hash and sequence number, entry ids used once, debits equal
 * to credits, pending accounts never below 0. The order of entries of different debit accounts is chained by nothing, so
 * only what it does to balances is seen. Memory grows with the accounts and with the entry ids, of which `entryIdsMax`
 * (a Set holds at most 2^24) are compared; `problemsMax` problems are kept.
 */
export function createLedgerAuditor({ problemsMax = 100, entryIdsMax = 16_000_000 } = {}): LedgerAuditor {
  const problems = createProblemList(problemsMax);
  const balances = createAuditBalances();
  const heads = new Map<string, ChainHead>();
  const entryIds = new Set<string>();
  const totals = new Map<string, LedgerAuditTotal>();
  let entries = 0;
  let uncheckedEntryIds = 0;

  function checkEntryId(entry: LedgerEntry): void {
    if (entryIds.has(entry.entryId)) {
      problems.add({
        ...placeOf(entry, entries),
        kind: 'repeatedEntryId',
        message: 'got an entry id that was used before',
      });
    } else if (entryIds.size < entryIdsMax) entryIds.add(entry.entryId);
    else uncheckedEntryIds += 1;
  }

  return {
    add(entry) {
      const place = placeOf(entry, entries);
      for (const found of [checkChain(heads, entry), checkShape(entry)]) {
        if (found !== null) problems.add({ ...place, ...found });
      }
      checkEntryId(entry);
      if (isAmount(entry.amountMinor)) {
        const overdrawn = balances.post(entry);
        if (overdrawn !== null) problems.add({ ...place, kind: 'overdrawn', message: overdrawn });
        addTotal(totals, entry);
      }
      entries += 1;
    },
    finish(input) {
      for (const found of input === undefined ? [] : checkHeads(heads, input.expectedHeads)) problems.add(found);
      const sums = balances.sum();
      for (const message of sums.unbalanced) {
        problems.add({ kind: 'unbalanced', position: null, entryId: null, account: null, message });
      }
      return {
        entries,
        accounts: sums.accounts,
        chains: heads.size,
        problems: problems.kept,
        problemCount: problems.count(),
        uncheckedEntryIds,
        totals: [...totals].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, total]) => total),
        openHoldsMinor: sums.openHoldsMinor,
        debitsMinor: sums.debitsMinor,
        creditsMinor: sums.creditsMinor,
      };
    },
  };
}

type Finding = Pick<LedgerProblem, 'kind' | 'message'>;

/**
 * Follows one chain. After a problem it goes on from the entry as it stands, so that one change is told once. A hash
 * after a gap cannot be checked.
 */
function checkChain(heads: Map<string, ChainHead>, entry: LedgerEntry): Finding | null {
  const head = heads.get(entry.debitAccount);
  const expectedSequence = head === undefined ? 0 : head.sequence + 1;
  if (entry.sequence < expectedSequence) {
    return { kind: 'misplacedEntry', message: `got sequence ${entry.sequence}, expected ${expectedSequence}` };
  }
  heads.set(entry.debitAccount, { sequence: entry.sequence, hash: entry.hash });
  if (entry.sequence !== expectedSequence) {
    return { kind: 'missingEntry', message: `got sequence ${entry.sequence}, expected ${expectedSequence}` };
  }
  const expectedHash = chainHash(head?.hash ?? genesisHash, entry);
  if (entry.hash === expectedHash) return null;
  return { kind: 'hashMismatch', message: `got hash ${entry.hash}, expected ${expectedHash}` };
}

/** Where an entry of each kind takes from and gives to. */
const sides = {
  authorization: ['cardholder/', 'pending/'],
  clearing: ['pending/', 'settled/'],
  reversal: ['pending/', 'cardholder/'],
  expiry: ['pending/', 'cardholder/'],
} as const;

function checkShape(entry: LedgerEntry): Finding | null {
  if (!isAmount(entry.amountMinor)) {
    return { kind: 'invalidEntry', message: `got amount ${entry.amountMinor}, expected a whole number of at least 0` };
  }
  const [debitSide, creditSide] = sides[entry.kind];
  const expectedDebitSide = entry.kind === 'clearing' && entry.unmatched ? 'cardholder/' : debitSide;
  const { debitAccount, creditAccount } = entry;
  if (debitAccount.startsWith(expectedDebitSide) && creditAccount.startsWith(creditSide)) return null;
  return {
    kind: 'invalidEntry',
    message: `got ${debitAccount} to ${creditAccount} for ${entry.kind}, expected ${expectedDebitSide} to ${creditSide}`,
  };
}

function isAmount(amountMinor: number): boolean {
  return Number.isSafeInteger(amountMinor) && amountMinor >= 0;
}

function checkHeads(
  heads: ReadonlyMap<string, ChainHead>,
  expectedHeads: ReadonlyMap<string, Readonly<ChainHead>>,
): LedgerProblem[] {
  const found: LedgerProblem[] = [];
  for (const account of new Set([...expectedHeads.keys(), ...heads.keys()])) {
    const head = headText(heads.get(account));
    const expectedHead = headText(expectedHeads.get(account));
    if (head === expectedHead) continue;
    const message = `got ${head} at the end of the chain, expected ${expectedHead}`;
    found.push({ kind: 'headMismatch', position: null, entryId: null, account, message });
  }
  return found;
}

function headText(head: Readonly<ChainHead> | undefined): string {
  return head === undefined ? 'no entry' : `sequence ${head.sequence} with hash ${head.hash}`;
}

function addTotal(totals: Map<string, LedgerAuditTotal>, entry: LedgerEntry): void {
  const { currency, kind, amountMinor } = entry;
  const name = `${currency} ${kind}`;
  const total = totals.get(name) ?? {
    currency,
    kind,
    entries: 0,
    amountMinor: 0,
    unmatchedEntries: 0,
    unmatchedMinor: 0,
  };
  total.entries += 1;
  total.amountMinor = addExact(total.amountMinor, amountMinor);
  if (entry.unmatched) {
    total.unmatchedEntries += 1;
    total.unmatchedMinor = addExact(total.unmatchedMinor, amountMinor);
  }
  totals.set(name, total);
}

function placeOf(entry: LedgerEntry, position: number): Pick<LedgerProblem, 'position' | 'entryId' | 'account'> {
  return { position, entryId: entry.entryId, account: entry.debitAccount };
}

function createProblemList(problemsMax: number) {
  const kept: LedgerProblem[] = [];
  let problemCount = 0;
  return {
    kept,
    add(problem: LedgerProblem): void {
      problemCount += 1;
      if (kept.length < problemsMax) kept.push(problem);
    },
    count: () => problemCount,
  };
}
