import { hexOfWords } from '../decode/hash-words.ts';
import { createColumnSpace, measureLayout } from '../decode/column-space.ts';
import type { ColumnSpace } from '../decode/column-space.ts';
import type { Interner } from '../decode/interner.ts';
import { textOf } from '../decode/interner.ts';
import { entryAccounts, entryIdSuffix, entryKinds, entryOutcomes } from './entry-bytes.ts';
import type { LedgerEntry } from './ledger-entry.ts';

/**
 * Entries of the ledger in the order of posting, a column a property: row i, for `i < counts[0]`. Texts are interned ids;
 * kinds and outcomes are numbers as in `entryBytes`. Entry id and accounts follow from the row: `entryIdSuffix`,
 * `entryAccounts`.
 */
export type LedgerColumns = {
  /** Number of rows, and bytes of `text` in use. */
  readonly counts: Uint32Array;
  readonly kind: Uint8Array;
  /** 0 or 1. */
  readonly unmatched: Uint8Array;
  /** 255 is none. */
  readonly outcome: Uint8Array;
  readonly tenant: Int32Array;
  readonly account: Int32Array;
  readonly merchant: Int32Array;
  readonly currency: Int32Array;
  readonly amountMinor: Float64Array;
  readonly eventTimeMs: Float64Array;
  readonly offset: Float64Array;
  readonly sequence: Float64Array;
  /** What the entry id begins with: four words a row, most significant first. */
  readonly entryHash: Uint32Array;
  /** Spans of `text`: the authorization's id in UTF-8. */
  readonly authorizationIdStart: Uint32Array;
  readonly authorizationIdEnd: Uint32Array;
  readonly text: Uint8Array;
};

/** How many rows a segment of entries holds at most. */
export const ledgerRowsMax = 4096;

/** Bytes for the authorization ids of a segment: 48 each, or fewer rows. */
export const ledgerTextBytesMax = ledgerRowsMax * 48;

/** The columns of one segment, empty. */
export function createLedgerColumns(): LedgerColumns {
  const buffer = new ArrayBuffer(measureLayout((space) => layOutLedger(space)));
  return layOutLedger(createColumnSpace(buffer));
}

/** Room for entries. */
export type LedgerRoom = { readonly rowsMax: number; readonly textBytesMax: number };

/** Lays out the columns of one segment. */
export function layOutLedger(
  space: ColumnSpace,
  { rowsMax, textBytesMax }: LedgerRoom = { rowsMax: ledgerRowsMax, textBytesMax: ledgerTextBytesMax },
): LedgerColumns {
  return {
    counts: space.uint32(2),
    kind: space.uint8(rowsMax),
    unmatched: space.uint8(rowsMax),
    outcome: space.uint8(rowsMax),
    tenant: space.int32(rowsMax),
    account: space.int32(rowsMax),
    merchant: space.int32(rowsMax),
    currency: space.int32(rowsMax),
    amountMinor: space.float64(rowsMax),
    eventTimeMs: space.float64(rowsMax),
    offset: space.float64(rowsMax),
    sequence: space.float64(rowsMax),
    entryHash: space.uint32(rowsMax * 4),
    authorizationIdStart: space.uint32(rowsMax),
    authorizationIdEnd: space.uint32(rowsMax),
    text: space.uint8(textBytesMax),
  };
}

/** A row as the entry that it is. Throws for a row that is none. */
export function ledgerEntryAt(columns: LedgerColumns, row: number, interner: Interner): LedgerEntry {
  const kind = entryKinds[columns.kind[row] ?? -1];
  if (kind === undefined || row >= columns.counts[0]!) {
    throw new RangeError(`got row ${row}, expected one of ${columns.counts[0]}`);
  }
  const unmatched = columns.unmatched[row] === 1;
  const tenantId = textOf(interner, columns.tenant[row]!);
  const accountId = textOf(interner, columns.account[row]!);
  const merchantId = textOf(interner, columns.merchant[row]!);
  const idBytes = columns.text.slice(columns.authorizationIdStart[row], columns.authorizationIdEnd[row]);
  return {
    entryId: `${hexOfWords({ words: columns.entryHash, at: row * 4, count: 4 })}${entryIdSuffix({ kind, unmatched })}`,
    tenantId,
    kind,
    authorizationId: utf8.decode(idBytes),
    accountId,
    eventTimeMs: columns.eventTimeMs[row]!,
    ...entryAccounts({ kind, unmatched, tenantId, accountId, merchantId }),
    amountMinor: columns.amountMinor[row]!,
    currency: textOf(interner, columns.currency[row]!),
    outcome: entryOutcomes[columns.outcome[row]!] ?? null,
    unmatched,
    offset: columns.offset[row]!,
    sequence: columns.sequence[row]!,
  };
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
