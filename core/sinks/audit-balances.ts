import { addExact, subtractExact } from '../engine/exact-sum.ts';
import type { ExactInteger } from '../engine/exact-sum.ts';
import type { LedgerEntry } from './ledger-entry.ts';

type Balance = { readonly currency: string; debitsMinor: ExactInteger; creditsMinor: ExactInteger };
type Sums = Record<string, ExactInteger>;

export type BalanceSums = {
  readonly accounts: number;
  readonly debitsMinor: Readonly<Sums>;
  readonly creditsMinor: Readonly<Sums>;
  /** Credits less debits of the pending accounts. */
  readonly openHoldsMinor: Readonly<Sums>;
  /** A sentence for each currency whose debits and credits differ. */
  readonly unbalanced: readonly string[];
};

/** Keeps what each account gave and got, by currency, for an audit. */
export function createAuditBalances() {
  const accounts = new Map<string, Balance[]>();
  return {
    /** Posts both sides of an entry; a sentence when it takes more from a pending account than that holds, else null. */
    post(entry: LedgerEntry): string | null {
      const { debitAccount, creditAccount, currency, amountMinor } = entry;
      const credit = balanceOf(accounts, creditAccount, currency);
      credit.creditsMinor = addExact(credit.creditsMinor, amountMinor);
      const debit = balanceOf(accounts, debitAccount, currency);
      debit.debitsMinor = addExact(debit.debitsMinor, amountMinor);
      const isOverdrawn = debitAccount.startsWith('pending/') && debit.debitsMinor > debit.creditsMinor;
      if (!isOverdrawn || amountMinor === 0) return null;
      const balanceMinor = subtractExact(debit.creditsMinor, debit.debitsMinor);
      return `got a balance of ${balanceMinor} ${currency} minor units in ${debitAccount}, expected at least 0`;
    },
    /** Adds up all accounts, currencies in the order they were first seen. */
    sum: (): BalanceSums => sumBalances(accounts),
  };
}

function sumBalances(accounts: ReadonlyMap<string, readonly Balance[]>): BalanceSums {
  const debitsMinor: Sums = {};
  const creditsMinor: Sums = {};
  const openHoldsMinor: Sums = {};
  for (const [account, balances] of accounts) {
    for (const balance of balances) {
      const { currency } = balance;
      addSum(debitsMinor, currency, balance.debitsMinor);
      addSum(creditsMinor, currency, balance.creditsMinor);
      if (!account.startsWith('pending/')) continue;
      addSum(openHoldsMinor, currency, subtractExact(balance.creditsMinor, balance.debitsMinor));
    }
  }
  const unbalanced = Object.keys(debitsMinor)
    .filter((currency) => debitsMinor[currency] !== creditsMinor[currency])
    .map(
      (currency) => `got ${currency} debits ${debitsMinor[currency]}, expected ${creditsMinor[currency]} as credits`,
    );
  return { accounts: accounts.size, debitsMinor, creditsMinor, openHoldsMinor, unbalanced };
}

function addSum(sums: Sums, currency: string, amountMinor: ExactInteger): void {
  sums[currency] = addExact(sums[currency] ?? 0, amountMinor);
}

/** An account has few currencies, so the list is searched. */
function balanceOf(accounts: Map<string, Balance[]>, account: string, currency: string): Balance {
  const balances = accounts.get(account);
  const known = balances?.find((balance) => balance.currency === currency);
  if (known !== undefined) return known;
  const created: Balance = { currency, debitsMinor: 0, creditsMinor: 0 };
  if (balances === undefined) accounts.set(account, [created]);
  else balances.push(created);
  return created;
}
