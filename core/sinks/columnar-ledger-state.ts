import type { EventLayout } from '../decode/event-columns.ts';
import type { Interner } from '../decode/interner.ts';
import { internText, sharedScope, textOf } from '../decode/interner.ts';
import { createTimerQueue, packTimerQueue, unpackTimerQueue } from '../engine/timer-queue.ts';
import type { PackedTimerQueue, TimerQueue } from '../engine/timer-queue.ts';
import { createOpenBlock, packBlock } from './chain-block.ts';
import type { OpenBlock } from './chain-block.ts';
import { createArrivals, packArrivals, unpackArrivals } from './columnar-ledger-arrivals.ts';
import type { Arrivals, PackedArrivals } from './columnar-ledger-arrivals.ts';
import { createLedgerColumns } from './columnar-ledger-entries.ts';
import type { LedgerColumns } from './columnar-ledger-entries.ts';
import { createHoldSlab, packHolds, unpackHolds } from './columnar-ledger-holds.ts';
import type { HoldSlab, PackedHolds } from './columnar-ledger-holds.ts';
import { copyIndex, createHoldIndex } from './columnar-ledger-index.ts';
import type { HoldIndex } from './columnar-ledger-index.ts';
import { copyCells, createIdCells } from './columnar-ledger-ids.ts';
import type { IdCells } from './columnar-ledger-ids.ts';
import { columnarTotals, createColumnarTotals, namedTotals } from './columnar-ledger-totals.ts';
import type { ColumnarTotals } from './columnar-ledger-totals.ts';
import { createWaits, packWaits, unpackWaits } from './columnar-ledger-waits.ts';
import type { PackedWaits, Waits } from './columnar-ledger-waits.ts';
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

/** A ledger without entries; times that are not given are the default ones. Throws when the layout lacks its fields. */
export function createColumnarLedger(config: Partial<LedgerConfig>, { interner, layout }: LedgerInput): ColumnarLedger {
  return {
    config: { ...defaultLedgerConfig, ...config },
    interner,
    fields: fieldsOf(layout),
    holds: createHoldSlab(),
    index: createHoldIndex(),
    ids: createIdCells(),
    arrivals: createArrivals(),
    expiries: createTimerQueue(),
    evictions: createTimerQueue(),
    waits: createWaits(),
    totals: createColumnarTotals(),
    openBlock: createOpenBlock(),
    out: [createLedgerColumns()],
    outAt: 0,
    isTaken: false,
    entries: 0,
    openHolds: 0,
  };
}

/** The fields that need a column of `EventColumns`. */
export const ledgerLayout: EventLayout = { numbers: ['amountMinor'], texts: ['currency', 'merchantId'] };

/** The sums and counts of everything posted so far, as the twin's `ledgerTotals` gives them. */
export function columnarLedgerTotals(ledger: ColumnarLedger): LedgerTotals {
  const { openHolds, entries } = ledger;
  return ledgerTotals({ totals: totalsOf(ledger), openHolds, entries, waitingReleases: ledger.waits.bySerial.size });
}

/** The ledger as a checkpoint holds it; `openBlock` and `totals` are those of the twin's. */
export type PackedColumnarLedger = {
  readonly config: LedgerConfig;
  readonly holds: PackedHolds;
  readonly index: HoldIndex;
  readonly ids: IdCells;
  readonly arrivals: PackedArrivals;
  readonly expiries: PackedTimerQueue;
  readonly evictions: PackedTimerQueue;
  readonly waits: PackedWaits;
  readonly totals: ReadonlyMap<string, CurrencyTotals>;
  readonly openBlock: OpenBlock;
  readonly entries: number;
  readonly openHolds: number;
};

/**
 * Packs the ledger between two batches. Holds, their index and ids are the ledger's own memory: write them before it goes on. Throws
 * when entries were not taken.
 */
export function packColumnarLedger(ledger: ColumnarLedger): PackedColumnarLedger {
  const untaken = ledger.isTaken ? 0 : ledger.out.reduce((sum, columns) => sum + columns.counts[0]!, 0);
  if (untaken > 0) throw new Error(`got ${untaken} entries that were not taken, expected none`);
  return {
    config: ledger.config,
    holds: packHolds(ledger.holds),
    index: ledger.index,
    ids: ledger.ids,
    arrivals: packArrivals(ledger.arrivals, ledger.holds),
    expiries: packTimerQueue(ledger.expiries),
    evictions: packTimerQueue(ledger.evictions),
    waits: packWaits(ledger.waits),
    totals: totalsOf(ledger),
    openBlock: packBlock(ledger.openBlock),
    entries: ledger.entries,
    openHolds: ledger.openHolds,
  };
}

/** The ledger again, over an interner with the same ids: every entry from here on is the same. */
export function unpackColumnarLedger(packed: PackedColumnarLedger, input: LedgerInput): ColumnarLedger {
  const { interner } = input;
  const places = { holds: unpackHolds(packed.holds), expiries: unpackTimerQueue(packed.expiries) };
  return {
    ...createColumnarLedger(packed.config, input),
    ...places,
    index: copyIndex(packed.index),
    ids: copyCells(packed.ids),
    arrivals: unpackArrivals(packed.arrivals, places, packed.config.holdMs),
    evictions: unpackTimerQueue(packed.evictions),
    waits: unpackWaits(packed.waits),
    totals: columnarTotals(packed.totals, (currency) => internText(interner, currency, sharedScope)),
    openBlock: packBlock(packed.openBlock),
    entries: packed.entries,
    openHolds: packed.openHolds,
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
