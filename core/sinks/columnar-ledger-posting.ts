import { createLedgerColumns, ledgerRowsMax, ledgerTextBytesMax } from './columnar-ledger-entries.ts';
import type { LedgerColumns } from './columnar-ledger-entries.ts';
import { holdNumber, holdNumbers, holdSegment, holdWord, holdWords, openBit } from './columnar-ledger-holds.ts';
import { slotOf, touchHold } from './columnar-ledger-holds.ts';
import { copyId } from './columnar-ledger-ids.ts';
import type { ColumnarLedger } from './columnar-ledger-state.ts';
import { countRow } from './columnar-ledger-totals.ts';
import { noOutcome } from './entry-bytes.ts';
import type { LedgerEntryKind } from './ledger-entry.ts';

/** What a clearing or a reversal takes from a hold. */
export type ReleasedRow = {
  readonly isClearing: boolean;
  readonly amountMinor: number;
  readonly currency: number;
  readonly eventTimeMs: number;
  readonly offset: number;
  /** Its id hash: four words from `idHash[at]` on. */
  readonly idHash: Uint32Array;
  readonly at: number;
};

/** Posts the entry of an authorization: what its hold holds. */
export function postHold(ledger: ColumnarLedger, hold: number, outcome: number, eventTimeMs: number): void {
  const { columns, row } = claimRow(ledger, hold, kinds.authorization);
  const { numbers, words } = holdSegment(ledger.holds, hold);
  const number = slotOf(hold) * holdNumbers;
  columns.outcome[row] = outcome;
  columns.eventTimeMs[row] = eventTimeMs;
  columns.offset[row] = numbers[number + holdNumber.offset]!;
  setHash(columns, row, words, slotOf(hold) * holdWords + holdWord.idHash);
  setAmount(ledger, { columns, row, amountMinor: numbers[number + holdNumber.remainingMinor]! });
}

/** Posts what is left of an open hold and closes it. */
export function postExpiry(ledger: ColumnarLedger, hold: number): void {
  const { columns, row } = claimRow(ledger, hold, kinds.expiry);
  const { numbers, words } = holdSegment(ledger.holds, hold);
  const number = slotOf(hold) * holdNumbers;
  const amountMinor = numbers[number + holdNumber.remainingMinor]!;
  columns.eventTimeMs[row] = numbers[number + holdNumber.expiryTimeMs]!;
  columns.offset[row] = numbers[number + holdNumber.offset]!;
  setHash(columns, row, words, slotOf(hold) * holdWords + holdWord.idHash);
  setAmount(ledger, { columns, row, amountMinor });
  reduceHold(ledger, hold, amountMinor);
}

/** Posts what a release takes from its hold, then what exceeds it: one entry, or two. */
export function postRelease(ledger: ColumnarLedger, hold: number, release: ReleasedRow): void {
  const { numbers, words } = holdSegment(ledger.holds, hold);
  const word = slotOf(hold) * holdWords;
  const isOpen = (words[word + holdWord.idBytes]! & openBit) !== 0;
  const { amountMinor, isClearing } = release;
  let excessMinor = amountMinor;
  if (isOpen && words[word + holdWord.currency] === release.currency) {
    const matchedMinor = Math.min(amountMinor, numbers[slotOf(hold) * holdNumbers + holdNumber.remainingMinor]!);
    postReleased(ledger, hold, { release, unmatched: 0, amountMinor: matchedMinor });
    reduceHold(ledger, hold, matchedMinor);
    excessMinor = amountMinor - matchedMinor;
    if (excessMinor === 0) return;
  }
  postReleased(ledger, hold, { release, unmatched: 1, amountMinor: isClearing ? excessMinor : 0 });
}

const kinds = { authorization: 0, clearing: 1, reversal: 2, expiry: 3 } as const satisfies Record<
  LedgerEntryKind,
  number
>;

function postReleased(
  ledger: ColumnarLedger,
  hold: number,
  posted: { readonly release: ReleasedRow; readonly unmatched: number; readonly amountMinor: number },
): void {
  const { release, unmatched, amountMinor } = posted;
  const { columns, row } = claimRow(ledger, hold, release.isClearing ? kinds.clearing : kinds.reversal);
  columns.unmatched[row] = unmatched;
  columns.currency[row] = release.currency;
  columns.eventTimeMs[row] = release.eventTimeMs;
  columns.offset[row] = release.offset;
  setHash(columns, row, release.idHash, release.at);
  setAmount(ledger, { columns, row, amountMinor });
}

/** The next row, with what follows from the hold. */
function claimRow(
  ledger: ColumnarLedger,
  hold: number,
  kind: number,
): { readonly columns: LedgerColumns; readonly row: number } {
  const { words } = holdSegment(ledger.holds, hold);
  const word = slotOf(hold) * holdWords;
  const idBytes = words[word + holdWord.idBytes]! & ~openBit;
  const columns = segmentFor(ledger, idBytes);
  const row = columns.counts[0]!++;
  const idStart = columns.counts[1]!;
  columns.kind[row] = kind;
  columns.unmatched[row] = 0;
  columns.outcome[row] = noOutcome;
  columns.tenant[row] = words[word + holdWord.tenant]!;
  columns.account[row] = words[word + holdWord.account]!;
  columns.merchant[row] = words[word + holdWord.merchant]!;
  columns.currency[row] = words[word + holdWord.currency]!;
  columns.sequence[row] = ledger.entries++;
  columns.authorizationIdStart[row] = idStart;
  columns.authorizationIdEnd[row] = idStart + idBytes;
  columns.counts[1] = idStart + idBytes;
  copyId(ledger.ids, words[word + holdWord.idCell]!, idBytes, columns.text, idStart);
  return { columns, row };
}

/** The segment of the next row: the one in use, while it has room. */
function segmentFor(ledger: ColumnarLedger, idBytes: number): LedgerColumns {
  if (ledger.isTaken) emptySegments(ledger);
  const columns = ledger.out[ledger.outAt]!;
  const { counts } = columns;
  if (counts[0]! < ledgerRowsMax && counts[1]! + idBytes <= ledgerTextBytesMax) return columns;
  ledger.outAt++;
  if (ledger.outAt === ledger.out.length) ledger.out.push(createLedgerColumns());
  return ledger.out[ledger.outAt]!;
}

/** Keeps some segments: those of a sudden end of many holds are let go. */
function emptySegments(ledger: ColumnarLedger): void {
  ledger.isTaken = false;
  ledger.outAt = 0;
  ledger.out.length = Math.min(ledger.out.length, segmentsKept);
  for (const { counts } of ledger.out) counts.fill(0);
}

const segmentsKept = 16;

function setHash(columns: LedgerColumns, row: number, words: Uint32Array, at: number): void {
  const to = row * 4;
  columns.entryHash[to] = words[at]!;
  columns.entryHash[to + 1] = words[at + 1]!;
  columns.entryHash[to + 2] = words[at + 2]!;
  columns.entryHash[to + 3] = words[at + 3]!;
}

function setAmount(
  ledger: ColumnarLedger,
  {
    columns,
    row,
    amountMinor,
  }: { readonly columns: LedgerColumns; readonly row: number; readonly amountMinor: number },
): void {
  columns.amountMinor[row] = amountMinor;
  countRow(ledger.totals, columns.kind[row]!, columns.unmatched[row]!, amountMinor, columns.currency[row]!);
}

/** A hold closes when nothing is left of it; one of 0 therefore by its first release, whatever the amount. */
function reduceHold(ledger: ColumnarLedger, hold: number, takenMinor: number): void {
  const { numbers, words } = holdSegment(ledger.holds, hold);
  const number = slotOf(hold) * holdNumbers + holdNumber.remainingMinor;
  const leftMinor = numbers[number]! - takenMinor;
  if (leftMinor < 0) throw new Error(`got ${takenMinor} minor units to take, expected at most the ${numbers[number]}`);
  touchHold(ledger.holds, hold);
  numbers[number] = leftMinor;
  if (leftMinor > 0) return;
  const word = slotOf(hold) * holdWords + holdWord.idBytes;
  words[word] = words[word]! & ~openBit;
  ledger.openHolds--;
}
