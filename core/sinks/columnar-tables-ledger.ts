import { type Interner, locateText, scopeOf, textOf } from '../decode/interner.ts';
import { idColumn, internedTexts, listedTexts, numberColumn, type TextOfId } from './column-data.ts';
import type { LedgerColumns } from './columnar-ledger-entries.ts';
import { createRowNumbers } from './columnar-tables-features.ts';
import type { TableColumns } from './columnar-tables.ts';
import { entryIdSuffix, entryKinds, entryOutcomes } from './entry-bytes.ts';
import { cardholderAccount, pendingAccount, settledAccount } from './ledger-accounts.ts';

/** Makes the mapping to the ledger's table. */
export function createLedgerTable(interner: Interner): (entries: LedgerColumns) => TableColumns {
  const textOfId = internedTexts(interner);
  const accountText = createAccountTexts(interner);
  const whole = createRowNumbers();
  let scratch = createScratch(0);
  return (entries) => {
    const rowCount = entries.counts[0] ?? 0;
    if (scratch.debits.length < rowCount) scratch = createScratch(rowCount);
    const { endings, debits, credits } = scratch;
    for (let row = 0; row < rowCount; row++) writeAccounts(entries, row, scratch);
    const columns = [
      { kind: 'hex', words: entries.entryHash, wordsPerRow: 4, endings: { ids: endings, textOf: endingText } } as const,
      idColumn(entries.tenant, textOfId),
      idColumn(entries.kind, kindText),
      {
        kind: 'spans',
        bytes: entries.text,
        starts: entries.authorizationIdStart,
        ends: entries.authorizationIdEnd,
      } as const,
      idColumn(entries.account, textOfId),
      numberColumn(entries.eventTimeMs),
      idColumn(debits, accountText),
      idColumn(credits, accountText),
      numberColumn(entries.amountMinor),
      idColumn(entries.currency, textOfId),
      idColumn(entries.outcome, outcomeText),
      numberColumn(entries.unmatched),
      numberColumn(entries.offset),
      numberColumn(entries.sequence),
    ];
    return { columns, rows: whole(rowCount), rowCount };
  };
}

const utf8 = new TextEncoder();
const outcomeText = listedTexts(entryOutcomes.map((outcome) => utf8.encode(outcome)));
const kindText = listedTexts(entryKinds.map((kind) => utf8.encode(kind)));
const endingText = listedTexts(
  [false, true].flatMap((unmatched) => entryKinds.map((kind) => utf8.encode(entryIdSuffix({ kind, unmatched })))),
);

/** The three sides of the ledger; the number of an account is that of its holder's text, times 3, and its side. */
const sides = { cardholder: 0, pending: 1, settled: 2 } as const;
const kinds = { authorization: 0, clearing: 1, reversal: 2, expiry: 3 } as const satisfies Record<
  (typeof entryKinds)[number],
  number
>;

type Scratch = { readonly endings: Uint8Array; readonly debits: Int32Array; readonly credits: Int32Array };

function createScratch(rows: number): Scratch {
  return { endings: new Uint8Array(rows), debits: new Int32Array(rows), credits: new Int32Array(rows) };
}

/** As `entryAccounts` has it. */
function writeAccounts(entries: LedgerColumns, row: number, { endings, debits, credits }: Scratch): void {
  const kind = entries.kind[row] ?? 0;
  const isUnmatched = entries.unmatched[row] === 1;
  const cardholder = (entries.account[row] ?? 0) * 3 + sides.cardholder;
  const merchant = (entries.merchant[row] ?? 0) * 3;
  endings[row] = kind + (isUnmatched ? entryKinds.length : 0);
  if (kind === kinds.authorization) {
    debits[row] = cardholder;
    credits[row] = merchant + sides.pending;
  } else if (kind === kinds.clearing) {
    debits[row] = isUnmatched ? cardholder : merchant + sides.pending;
    credits[row] = merchant + sides.settled;
  } else {
    debits[row] = merchant + sides.pending;
    credits[row] = cardholder;
  }
}

/**
 * The texts of accounts by number: what comes before the holder is put together once a tenant. Those of one tenant differ:
 * the three sides begin differently, and behind that stand the ids of holders.
 */
function createAccountTexts(interner: Interner): TextOfId {
  const prefixes = new Map<number, Uint8Array>();
  let scratch = new Uint8Array(256);
  return (account, place) => {
    const side = account % 3;
    const holder = (account - side) / 3;
    const tenant = scopeOf(interner, holder);
    let prefix = prefixes.get(tenant * 3 + side);
    if (prefix === undefined) {
      prefix = utf8.encode(prefixOf(side, textOf(interner, tenant)));
      prefixes.set(tenant * 3 + side, prefix);
    }
    locateText(interner, holder, place);
    const { bytes, start, end } = place;
    const length = prefix.length + end - start;
    if (scratch.length < length) scratch = new Uint8Array(length * 2);
    for (let at = 0; at < prefix.length; at++) scratch[at] = prefix[at]!;
    for (let at = prefix.length, from = start; from < end; at++, from++) scratch[at] = bytes[from]!;
    place.bytes = scratch;
    place.start = 0;
    place.end = length;
    place.scope = tenant;
    return true;
  };
}

function prefixOf(side: number, tenantId: string): string {
  if (side === sides.cardholder) return cardholderAccount({ tenantId, accountId: '' });
  const account = side === sides.pending ? pendingAccount : settledAccount;
  return account({ tenantId, merchantId: '' });
}
