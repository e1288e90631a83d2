import { writeHex } from './hex-bytes.ts';
import { cardholderAccount, pendingAccount, settledAccount } from './ledger-accounts.ts';
import type { LedgerEntry } from './ledger-entry.ts';

/**
 * The canonical bytes of an entry: what the chain hashes. They follow from the entry's row in the lake, and every column
 * of the row but the sequence number follows from them. Integers are big-endian, those of 8 bytes in two's complement; a
 * text is its length in bytes (2 bytes), then UTF-8.
 *
 *     at  bytes  what
 *      0      1  1, the number of this layout
 *      1      1  kind: 0 authorization, 1 clearing, 2 reversal, 3 expiry
 *      2      1  unmatched: 0 or 1
 *      3      1  outcome: 0 approve, 1 review, 2 stepUp, 3 decline, 255 none
 *      4     16  the 32 hexadecimal characters at the beginning of the entry id
 *     20      8  amount, minor units
 *     28      8  event time, milliseconds UTC
 *     36      8  offset
 *     44      -  texts: tenant id, account id, merchant id, authorization id, currency
 *
 * The merchant id ends the `pending/` or `settled/` account. An entry for which `unfitOf` finds a reason has no such bytes.
 * The result is overwritten by the next call.
 */
export function entryBytes(entry: LedgerEntry): Uint8Array {
  const { bytes, view } = scratch;
  bytes[0] = entryLayout;
  bytes[1] = entryKinds.indexOf(entry.kind);
  bytes[2] = entry.unmatched ? 1 : 0;
  bytes[3] = entry.outcome === null ? noOutcome : entryOutcomes.indexOf(entry.outcome);
  writeHex(bytes, 4, entry.entryId.slice(0, 32));
  writeInteger(view, 20, entry.amountMinor);
  writeInteger(view, 28, entry.eventTimeMs);
  writeInteger(view, 36, entry.offset);
  let end = writeText(entry.tenantId, textsAt);
  end = writeText(entry.accountId, end);
  end = writeText(merchantIdOf(entry), end);
  end = writeText(entry.authorizationId, end);
  end = writeText(entry.currency, end);
  return bytes.subarray(0, end);
}

/** The number of the layout of `entryBytes`. */
export const entryLayout = 1;

/** Kinds and outcomes in the order of their numbers. */
export const entryKinds = ['authorization', 'clearing', 'reversal', 'expiry'] as const;
export const entryOutcomes = ['approve', 'review', 'stepUp', 'decline'] as const;

/** The number for an entry without an outcome. */
export const noOutcome = 255;

/** Where the texts of an entry begin. */
export const textsAt = 44;

/** Why an entry is none that this ledger could have posted, and so has no canonical bytes; null for any other. */
export function unfitOf(entry: LedgerEntry): string | null {
  const { amountMinor, eventTimeMs, offset } = entry;
  if (!isCount(amountMinor)) return `got amount ${amountMinor}, expected a whole number of at least 0`;
  if (!isCount(eventTimeMs)) return `got event time ${eventTimeMs}, expected a whole number of at least 0`;
  if (!isCount(offset)) return `got offset ${offset}, expected a whole number of at least 0`;
  const { tenantId, accountId, debitAccount, creditAccount, authorizationId, currency } = entry;
  const texts = [tenantId, accountId, debitAccount, creditAccount, authorizationId, currency];
  const lengths = texts.map((text) => text.length);
  if (Math.max(...lengths) > textUnitsMax) return `got a text beyond ${textUnitsMax} characters, expected ids`;
  return unfitAccounts(entry) ?? unfitId(entry);
}

/** What an entry id ends with: the kind, and whether it is what a release took beyond its hold. */
export function entryIdSuffix({ kind, unmatched }: Pick<LedgerEntry, 'kind' | 'unmatched'>): string {
  return unmatched ? `:${kind}:unmatched` : `:${kind}`;
}

/** The accounts that an entry takes from and gives to. */
export function entryAccounts(
  entry: Pick<LedgerEntry, 'kind' | 'unmatched' | 'tenantId' | 'accountId'> & { readonly merchantId: string },
): Pick<LedgerEntry, 'debitAccount' | 'creditAccount'> {
  switch (entry.kind) {
    case 'authorization':
      return { debitAccount: cardholderAccount(entry), creditAccount: pendingAccount(entry) };
    case 'clearing':
      return {
        debitAccount: entry.unmatched ? cardholderAccount(entry) : pendingAccount(entry),
        creditAccount: settledAccount(entry),
      };
    case 'reversal':
    case 'expiry':
      return { debitAccount: pendingAccount(entry), creditAccount: cardholderAccount(entry) };
  }
}

const utf8 = new TextEncoder();
const textUnitsMax = 300;

/** Room for any fit entry: five texts of three bytes a unit. */
const scratch = scratchOf(new Uint8Array(textsAt + 5 * (2 + 3 * textUnitsMax)));

function scratchOf(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly view: DataView } {
  return { bytes, view: new DataView(bytes.buffer) };
}

function writeInteger(view: DataView, at: number, value: number): void {
  view.setUint32(at, value / 2 ** 32);
  view.setUint32(at + 4, value);
}

function writeText(text: string, at: number): number {
  const { written } = utf8.encodeInto(text, scratch.bytes.subarray(at + 2));
  scratch.view.setUint16(at, written);
  return at + 2 + written;
}

const hashForm = /^[0-9a-f]{32}$/;

function unfitAccounts(entry: LedgerEntry): string | null {
  const expected = entryAccounts({ ...entry, merchantId: merchantIdOf(entry) });
  const { debitAccount, creditAccount } = entry;
  if (debitAccount === expected.debitAccount && creditAccount === expected.creditAccount) return null;
  const sides = `${expected.debitAccount} to ${expected.creditAccount}`;
  return `got ${debitAccount} to ${creditAccount} for ${entry.kind}, expected ${sides}`;
}

function unfitId({ entryId, kind, unmatched }: LedgerEntry): string | null {
  const suffix = entryIdSuffix({ kind, unmatched });
  if (hashForm.test(entryId.slice(0, 32)) && entryId.slice(32) === suffix) return null;
  return `got entry id ${entryId}, expected 32 hexadecimal characters and ${suffix}`;
}

/** What stands behind the tenant in the merchant's account, whatever that is. */
function merchantIdOf(entry: LedgerEntry): string {
  const isCredit = entry.kind === 'authorization' || entry.kind === 'clearing';
  const prefix = entry.kind === 'clearing' ? settledAccount : pendingAccount;
  const length = prefix({ tenantId: entry.tenantId, merchantId: '' }).length;
  return (isCredit ? entry.creditAccount : entry.debitAccount).slice(length);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
