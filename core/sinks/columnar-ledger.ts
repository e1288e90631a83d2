import type { EventColumns } from '../decode/event-columns.ts';
import { contractNumbers } from '../decode/event-columns.ts';
import { clearingContract } from '../contract/clearing.ts';
import { reversalContract } from '../contract/reversal.ts';
import { popDueTimer, pushTimer } from '../engine/timer-queue.ts';
import type { ChainBlock } from './chain-block.ts';
import { addArrival, passArrivals } from './columnar-ledger-arrivals.ts';
import { chainColumns } from './columnar-ledger-chain.ts';
import type { LedgerColumns } from './columnar-ledger-entries.ts';
import { freeHold, holdNumber, holdNumbers, holdSegment, holdWord, holdWords } from './columnar-ledger-holds.ts';
import { openBit, slotOf, takeHold, touchHold } from './columnar-ledger-holds.ts';
import { addToIndex, findHold, removeFromIndex } from './columnar-ledger-index.ts';
import { freeId, storeId } from './columnar-ledger-ids.ts';
import { postExpiry, postHold, postRelease } from './columnar-ledger-posting.ts';
import type { ColumnarLedger } from './columnar-ledger-state.ts';
import { beginWait, endWaits, isAwaited, takeWaits } from './columnar-ledger-waits.ts';
import type { ExpiredWait } from './ledger.ts';
import type { Release } from './ledger-state.ts';

/**
 * Posts the one entry of a decided authorization, then what the releases that waited for it post, as the twin's
 * `postAuthorization` does. `outcome` is its number, 3 a decline. Positional, as it runs for every authorization.
 */
export function postAuthorizationRow(
  ledger: ColumnarLedger,
  columns: EventColumns,
  row: number,
  outcome: number,
  offset: number,
): void {
  const hold = createHold(ledger, columns, row, outcome, offset);
  if (!addToIndex(ledger.index, ledger.holds, hold)) {
    throw new Error(`got authorization ${eventIdOf(columns, row)} again, expected each one once`);
  }
  addArrival(ledger.arrivals, ledger, hold, columns.eventTimeMs[row]!);
  postHold(ledger, hold, outcome, columns.eventTimeMs[row]!);
  if (isAwaited(ledger.waits, columns.idHash, row * 4)) postAwaited(ledger, hold, columns.idHash, row * 4);
}

/**
 * Posts a clearing or a reversal as the twin's `postClearing` and `postReversal` do. Where its authorization has not come
 * it waits, and `eventOf` is asked for the whole event of the row.
 */
export function postReleaseRow(
  ledger: ColumnarLedger,
  columns: EventColumns,
  row: number,
  offset: number,
  eventOf: (row: number) => Release['event'],
): void {
  const hold = findHold(ledger.index, ledger.holds, columns.targetHash, row * 4);
  if (hold < 0) {
    waitRow(ledger, columns, row, offset, eventOf);
    return;
  }
  postRelease(ledger, hold, {
    isClearing: columns.contract[row] === contractNumbers['payments.clearing.v1'],
    amountMinor: columns.numbers[ledger.fields.amountMinor]![row]!,
    currency: columns.texts[ledger.fields.currency]![row]!,
    eventTimeMs: columns.eventTimeMs[row]!,
    offset,
    idHash: columns.idHash,
    at: row * 4,
  });
}

/**
 * Moves the ledger's time after a record, as the twin's `advanceLedger` does: expires holds, forgets old ones and gives
 * up waits. Takes O(1) when nothing is due.
 */
export function advanceLedgerTime(ledger: ColumnarLedger, watermarkMs: number): readonly ExpiredWait[] {
  passArrivals(ledger.arrivals, ledger, watermarkMs);
  for (let hold = popDueTimer(ledger.expiries, watermarkMs); hold >= 0;) {
    expireHold(ledger, hold);
    hold = popDueTimer(ledger.expiries, watermarkMs);
  }
  for (let hold = popDueTimer(ledger.evictions, watermarkMs); hold >= 0;) {
    forgetHold(ledger, hold);
    hold = popDueTimer(ledger.evictions, watermarkMs);
  }
  if (ledger.waits.timers.size === 0) return noWaits;
  return endWaits(ledger.waits, watermarkMs).map((release) => ({ ...release, reason: 'unknownAuthorization' }));
}

/** What was posted since the last call. The columns are overwritten from the next posting on. */
export type TakenEntries = {
  /** Segments of entries, in the order of posting. */
  readonly segments: readonly LedgerColumns[];
  /** The blocks of the chain that the entries filled. */
  readonly chainBlocks: readonly ChainBlock[];
};

/** Gives the entries posted since the last call, and adds them to the chain. Call it at the end of a batch. */
export function takeEntries(ledger: ColumnarLedger): TakenEntries {
  if (ledger.isTaken) return { segments: [], chainBlocks: [] };
  const segments = ledger.out.slice(0, ledger.outAt + 1).filter(({ counts }) => counts[0]! > 0);
  const chainBlocks = segments.flatMap((columns) => chainColumns(ledger.openBlock, columns, ledger.interner));
  ledger.isTaken = true;
  return { segments, chainBlocks };
}

const noWaits: readonly ExpiredWait[] = [];
const declined = 3;

function createHold(
  ledger: ColumnarLedger,
  columns: EventColumns,
  row: number,
  outcome: number,
  offset: number,
): number {
  const { fields } = ledger;
  const hold = takeHold(ledger.holds);
  touchHold(ledger.holds, hold);
  const { numbers, words } = holdSegment(ledger.holds, hold);
  const isOpen = outcome !== declined;
  const number = slotOf(hold) * holdNumbers;
  numbers[number + holdNumber.expiryTimeMs] = columns.eventTimeMs[row]! + ledger.config.holdMs;
  numbers[number + holdNumber.offset] = offset;
  numbers[number + holdNumber.remainingMinor] = isOpen ? columns.numbers[fields.amountMinor]![row]! : 0;
  const word = slotOf(hold) * holdWords;
  words[word + holdWord.tenant] = columns.tenant[row]!;
  words[word + holdWord.account] = columns.account[row]!;
  words[word + holdWord.merchant] = columns.texts[fields.merchantId]![row]!;
  words[word + holdWord.currency] = columns.texts[fields.currency]![row]!;
  for (let index = 0; index < 4; index++) words[word + holdWord.idHash + index] = columns.idHash[row * 4 + index]!;
  const start = columns.eventIdStart[row]!;
  const end = columns.eventIdEnd[row]!;
  words[word + holdWord.idCell] = storeId(ledger.ids, columns.text, start, end);
  words[word + holdWord.idBytes] = isOpen ? (end - start) | openBit : end - start;
  if (isOpen) ledger.openHolds++;
  return hold;
}

function postAwaited(ledger: ColumnarLedger, hold: number, words: Uint32Array, at: number): void {
  for (const { release, currency, idHash } of takeWaits(ledger.waits, words, at)) {
    const { kind, event, offset } = release;
    const { amountMinor, eventTimeMs } = event;
    const hash = Uint32Array.from(idHash);
    const isClearing = kind === 'clearing';
    postRelease(ledger, hold, { isClearing, amountMinor, currency, eventTimeMs, offset, idHash: hash, at: 0 });
  }
}

function waitRow(
  ledger: ColumnarLedger,
  columns: EventColumns,
  row: number,
  offset: number,
  eventOf: (row: number) => Release['event'],
): void {
  const event = eventOf(row);
  const release: Release =
    columns.contract[row] === contractNumbers['payments.clearing.v1']
      ? { kind: 'clearing', event, topic: clearingContract.topic, offset }
      : { kind: 'reversal', event, topic: reversalContract.topic, offset };
  const waiting = {
    release,
    currency: columns.texts[ledger.fields.currency]![row]!,
    idHash: [...columns.idHash.subarray(row * 4, row * 4 + 4)],
    targetHash: [...columns.targetHash.subarray(row * 4, row * 4 + 4)],
  };
  beginWait(ledger.waits, waiting, event.eventTimeMs + ledger.config.waitMs);
}

function expireHold(ledger: ColumnarLedger, hold: number): void {
  const { numbers, words } = holdSegment(ledger.holds, hold);
  const number = slotOf(hold) * holdNumbers;
  const expiryTimeMs = numbers[number + holdNumber.expiryTimeMs]!;
  const offset = numbers[number + holdNumber.offset]!;
  pushTimer(ledger.evictions, expiryTimeMs + ledger.config.closedRetentionMs, offset, hold);
  if ((words[slotOf(hold) * holdWords + holdWord.idBytes]! & openBit) !== 0) postExpiry(ledger, hold);
}

function forgetHold(ledger: ColumnarLedger, hold: number): void {
  const { words } = holdSegment(ledger.holds, hold);
  const word = slotOf(hold) * holdWords;
  removeFromIndex(ledger.index, ledger.holds, hold);
  freeId(ledger.ids, words[word + holdWord.idCell]!, words[word + holdWord.idBytes]!);
  freeHold(ledger.holds, hold);
}

function eventIdOf(columns: EventColumns, row: number): string {
  return new TextDecoder().decode(columns.text.slice(columns.eventIdStart[row], columns.eventIdEnd[row]));
}
