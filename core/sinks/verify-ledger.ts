import { checkHead, createChainCheck } from './audit-chain.ts';
import type { LedgerHead } from './audit-chain.ts';
import { createAuditBalances } from './audit-balances.ts';
import { createAuditTotals } from './audit-totals.ts';
import type { LedgerAuditTotal } from './audit-totals.ts';
import type { ChainBlock } from './chain-block.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import { unfitOf } from './entry-bytes.ts';
import type { LedgerProblem } from './ledger-problem.ts';
import type { ExactInteger } from '../engine/exact-sum.ts';

export type LedgerAudit = {
  /** How many entries were seen: an audit of none proves nothing. */
  readonly entries: number;
  /** Accounts debited or credited. */
  readonly accounts: number;
  /** Full blocks whose hash was made again and compared. */
  readonly blocks: number;
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
  /** Takes the next entry in the order of posting. */
  readonly add: (entry: LedgerEntry) => void;
  /**
   * Ends the audit. A chain proves its inside alone: entries cut from its end or added there, and a chain that was made
   * anew, are found by the head that was kept elsewhere, such as the checkpoint's.
   */
  readonly finish: (input?: { readonly head: LedgerHead }) => LedgerAudit;
};

/**
 * Checks a ledger from its entries and the blocks of its chain, one entry at a time: every hash, no sequence number left
 * out, entry ids used once, debits equal to credits, pending accounts never below 0. Memory grows with the accounts and
 * with the entry ids, of which `entryIdsMax` (a Set holds at most 2^24) are compared; `problemsMax` problems are kept.
 */
export function createLedgerAuditor({
  chain,
  problemsMax = 100,
  entryIdsMax = 16_000_000,
}: {
  /** The blocks of the chain, in their order. */
  readonly chain: readonly ChainBlock[];
  readonly problemsMax?: number;
  readonly entryIdsMax?: number;
}): LedgerAuditor {
  const problems = createProblemList(problemsMax);
  const balances = createAuditBalances();
  const totals = createAuditTotals();
  const chainCheck = createChainCheck(chain, (problem) => problems.add(problem));
  const entryIds = new Set<string>();
  let entries = 0;
  let uncheckedEntryIds = 0;

  function checkEntryId({ entryId }: LedgerEntry): void {
    if (entryIds.has(entryId)) {
      const message = 'got an entry id that was used before';
      problems.add({ kind: 'repeatedEntryId', position: entries, entryId, message });
    } else if (entryIds.size < entryIdsMax) entryIds.add(entryId);
    else uncheckedEntryIds += 1;
  }

  return {
    add(entry) {
      const place = { position: entries, entryId: entry.entryId };
      const unfit = unfitOf(entry);
      if (unfit !== null) problems.add({ kind: 'invalidEntry', ...place, message: unfit });
      chainCheck.add(entry, { position: entries, isFit: unfit === null });
      checkEntryId(entry);
      if (Number.isSafeInteger(entry.amountMinor) && entry.amountMinor >= 0) {
        const overdrawn = balances.post(entry);
        if (overdrawn !== null) problems.add({ kind: 'overdrawn', ...place, message: overdrawn });
        totals.count(entry);
      }
      entries += 1;
    },
    finish(input) {
      const { open, blocks } = chainCheck.finish();
      if (input !== undefined)
        checkHead({ open, totals: totals.byCurrency }, input.head, (problem) => problems.add(problem));
      const { accounts, unbalanced, ...sums } = balances.sum();
      for (const message of unbalanced) problems.add({ kind: 'unbalanced', position: null, entryId: null, message });
      return {
        entries,
        accounts,
        blocks,
        problems: problems.kept,
        problemCount: problems.count(),
        uncheckedEntryIds,
        totals: totals.list(),
        ...sums,
      };
    },
  };
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
