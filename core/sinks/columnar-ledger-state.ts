import type { EventLayout } from '../decode/event-columns.ts';
import type { Interner } from '../decode/interner.ts';
import { internText, sharedScope, textOf } from '../decode/interner.ts';
import { createPageBook, type Within } from '../engine/pages.ts';
import type { TimerQueue } from '../engine/timer-queue.ts';
import { createOpenBlock, packBlock } from './chain-block.ts';
import type { OpenBlock } from './chain-block.ts';
import { type Arrivals, createArrivals } from './columnar-ledger-arrivals.ts';
import { createLedgerColumns } from './columnar-ledger-entries.ts';
import type { LedgerColumns } from './columnar-ledger-entries.ts';
import { createHoldSlab, type HoldSlab, type HoldsRest, restOfHolds } from './columnar-ledger-holds.ts';
import { type HoldIndex, restoreHoldIndex } from './columnar-ledger-index.ts';
import { createIdCells, type IdCells, type IdCellsRest, restOfIdCells } from './columnar-ledger-ids.ts';
import { restoreHoldTimers } from './columnar-ledger-timers.ts';
import { columnarTotals, createColumnarTotals, namedTotals } from './columnar-ledger-totals.ts';
import type { ColumnarTotals } from './columnar-ledger-totals.ts';
import { createWaits, restoreWaits, restOfWaits, type Waits, type WaitsRest } from './columnar-ledger-waits.ts';
import type { CurrencyTotals } from './currency-totals.ts';
import { defaultLedgerConfig } from './ledger-state.ts';
import type { LedgerConfig } from './ledger-state.ts';
import { ledgerTotals } from './ledger-totals.ts';
import type { LedgerTotals } from './ledger-totals.ts';

/** What the ledger reads of the pipeline: the texts behind interned ids, and where its fields stand in `EventColumns`. */
export type LedgerInput = { readonly interner: Interner; readonly layout: EventLayout };

/** The ledger of `LedgerState` over typed arrays, changed in place. Its texts are the interner's. */
export type ColumnarLedger = {
  readonly config: LedgerConfig;
  readonly interner: Interner;
  /** Places in `EventColumns.numbers` and `EventColumns.texts`. */
  readonly fields: LedgerFields;
  readonly holds: HoldSlab;
  /** Holds by the id hash of their authorization. */
  readonly index: HoldIndex;
  readonly ids: IdCells;
  /** Holds on their way to the expiries. */
  readonly arrivals: Arrivals;
  readonly expiries: TimerQueue;
  readonly evictions: TimerQueue;
  readonly waits: Waits;
  readonly totals: ColumnarTotals;
  readonly openBlock: OpenBlock;
  /** What was posted since the entries were taken: all segments before `outAt` are full. */
  readonly out: LedgerColumns[];
  outAt: number;
  /** Taken entries make room at the next posting. */
  isTaken: boolean;
  /** Posted so far: the sequence number of the next entry. */
  entries: number;
  openHolds: number;
};

type LedgerFields = { readonly amountMinor: number; readonly currency: number; readonly merchantId: number };

/** What a checkpoint holds of a ledger beside its pages; `openBlock` and `totals` are those of the twin's. */
export type ColumnarLedgerRest = {
  readonly config: LedgerConfig;
  readonly holds: HoldsRest;
  readonly ids: IdCellsRest;
  readonly passedMs: number;
  readonly waits: WaitsRest;
  readonly totals: ReadonlyMap<string, CurrencyTotals>;
  readonly openBlock: OpenBlock;
  readonly entries: number;
  readonly openHolds: number;
};

/**
 * A ledger without entries, or the one of a checkpoint, over an interner with the same ids; times that are not given are
 * the default ones. Throws when the layout lacks its fields.
 */
export function createColumnarLedger(
  config: Partial<LedgerConfig>,
  { interner, layout }: LedgerInput,
  { book, rest }: Within<ColumnarLedgerRest> = { book: createPageBook() },
): ColumnarLedger {
  const times = { ...defaultLedgerConfig, ...(rest?.config ?? config) };
  const holds = createHoldSlab({ book, rest: rest?.holds });
  const passedMs = rest?.passedMs ?? Number.NEGATIVE_INFINITY;
  const currencyOf = (currency: string): number => internText(interner, currency, sharedScope);
  return {
    config: times,
    interner,
    fields: fieldsOf(layout),
    holds,
    index: restoreHoldIndex(holds),
    ids: createIdCells({ book, rest: rest?.ids }),
    arrivals: createArrivals(passedMs),
    ...restoreHoldTimers(holds, { passedMs, closedRetentionMs: times.closedRetentionMs }),
    waits: rest === undefined ? createWaits() : restoreWaits(rest.waits, times.waitMs),
    totals: rest === undefined ? createColumnarTotals() : columnarTotals(rest.totals, currencyOf),
    openBlock: rest === undefined ? createOpenBlock() : packBlock(rest.openBlock),
    out: [createLedgerColumns()],
    outAt: 0,
    isTaken: false,
    entries: rest?.entries ?? 0,
    openHolds: rest?.openHolds ?? 0,
  };
}

/** The fields that need a column of `EventColumns`. */
export const ledgerLayout: EventLayout = { numbers: ['amountMinor'], texts: ['currency', 'merchantId'] };

/** The sums and counts of everything posted so far, as the twin's `ledgerTotals` gives them. */
export function columnarLedgerTotals(ledger: ColumnarLedger): LedgerTotals {
  const { openHolds, entries } = ledger;
  return ledgerTotals({ totals: totalsOf(ledger), openHolds, entries, waitingReleases: ledger.waits.bySerial.size });
}

/** What a checkpoint holds of a ledger beside its pages. Between two batches; throws when entries were not taken. */
export function restOfLedger(ledger: ColumnarLedger): ColumnarLedgerRest {
  const untaken = ledger.isTaken ? 0 : ledger.out.reduce((sum, columns) => sum + columns.counts[0]!, 0);
  if (untaken > 0) throw new Error(`got ${untaken} entries that were not taken, expected none`);
  return {
    config: ledger.config,
    holds: restOfHolds(ledger.holds),
    ids: restOfIdCells(ledger.ids),
    passedMs: ledger.arrivals.passedMs,
    waits: restOfWaits(ledger.waits),
    totals: totalsOf(ledger),
    openBlock: packBlock(ledger.openBlock),
    entries: ledger.entries,
    openHolds: ledger.openHolds,
  };
}

function totalsOf({ totals, interner }: ColumnarLedger): Map<string, CurrencyTotals> {
  return namedTotals(totals, (currency) => textOf(interner, currency));
}

function fieldsOf({ numbers, texts }: EventLayout): LedgerFields {
  const fields = {
    amountMinor: numbers.indexOf('amountMinor'),
    currency: texts.indexOf('currency'),
    merchantId: texts.indexOf('merchantId'),
  };
  if (Object.values(fields).includes(-1)) {
    throw new Error(`got a layout of ${[...numbers, ...texts].join(', ')}, expected one with those of the ledger`);
  }
  return fields;
}
