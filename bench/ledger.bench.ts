import { hash } from 'node:crypto';
import { createColumnSpace, measureLayout } from '../core/decode/column-space.ts';
import { layOutEvents, type EventColumns } from '../core/decode/event-columns.ts';
import { createInterner, internText, sharedScope, textOf } from '../core/decode/interner.ts';
import { chainEntries } from '../core/sinks/chain.ts';
import { createOpenBlock } from '../core/sinks/chain-block.ts';
import { chainColumns, writeEntry } from '../core/sinks/columnar-ledger-chain.ts';
import { ledgerEntryAt, type LedgerColumns } from '../core/sinks/columnar-ledger-entries.ts';
import { advanceLedgerTime, postAuthorizationRow, takeEntries } from '../core/sinks/columnar-ledger.ts';
import { createColumnarLedger, ledgerLayout } from '../core/sinks/columnar-ledger-state.ts';
import type { LedgerEntry } from '../core/sinks/ledger-entry.ts';
import { advanceLedger, postAuthorization } from '../core/sinks/ledger.ts';
import { createLedgerState } from '../core/sinks/ledger-state.ts';

const authorizationsMax = 204_800;
const batchRows = 4096;
const accountsMax = 50_000;
const merchantsMax = 5000;
const outOfOrdernessMs = 5000;
/** An event each 10 ms of event time, so that 100,000 holds are open at a time. */
const stepMs = 10;
const config = { holdMs: 1_000_000, closedRetentionMs: 2_000_000, waitMs: 1_000_000 };

/** From the event times of a run to those of the next. */
const roundMs = authorizationsMax * stepMs + config.holdMs + config.closedRetentionMs + 2 * outOfOrdernessMs;

export const name = 'ledger';

/** The columnar ledger beside its twin, and the ways to chain the same entries. An event of a chain is an entry. */
export const variants: readonly { readonly name: string; readonly run: () => number }[] = [
  { name: 'columnar ledger, an authorization', run: runColumnar },
  { name: 'readable ledger, an authorization', run: runTwin },
  { name: 'chain an account, JSON', run: chainAccountsJson },
  { name: 'chain an account, binary', run: chainAccountsBinary },
  { name: 'chain a block, entries as objects', run: chainBlocksOfObjects },
  { name: 'chain a block, entries as columns', run: chainBlocksOfColumns },
];

const interner = createInterner();
const events = createEvents();
/** Each run goes on where the one before has ended. */
let watermarkMs = 0;
const ledger = createColumnarLedger(config, { interner, layout: ledgerLayout });
let kept: { readonly columns: readonly LedgerColumns[]; readonly objects: readonly LedgerEntry[] } | null = null;

/** The same entries in both forms, made by the first variant that asks for them. */
function entriesOf() {
  if (kept !== null) return kept;
  const columns = createEntries();
  const rowsOf = ({ counts }: LedgerColumns) => Array.from({ length: counts[0] ?? 0 }, (_, row) => row);
  const objects = columns.flatMap((segment) => rowsOf(segment).map((row) => ledgerEntryAt(segment, row, interner)));
  kept = { columns, objects };
  return kept;
}

/**
 * The life of an authorization in a columnar ledger that has run before: its entry, its expiry, its eviction, and both
 * entries in the chain.
 */
function runColumnar(): number {
  for (const columns of events) {
    for (let row = 0; row < batchRows; row++) {
      columns.eventTimeMs[row]! += roundMs;
      postAuthorizationRow(ledger, columns, row, row & 1, columns.firstOffset[0]! + row);
      watermarkMs = Math.max(watermarkMs, columns.eventTimeMs[row]! - outOfOrdernessMs);
      advanceLedgerTime(ledger, watermarkMs);
    }
    takeEntries(ledger);
  }
  watermarkMs += config.holdMs + config.closedRetentionMs + outOfOrdernessMs;
  advanceLedgerTime(ledger, watermarkMs);
  takeEntries(ledger);
  return events.length * batchRows;
}

function runTwin(): number {
  const state = createLedgerState(config);
  let twinWatermarkMs = -Infinity;
  for (const columns of events) {
    const entries: LedgerEntry[] = [];
    for (let row = 0; row < batchRows; row++) {
      const event = eventOf(columns, row);
      const offset = columns.firstOffset[0]! + row;
      entries.push(...postAuthorization(state, { event, decision: { ...event, outcome: 'approve' }, offset }));
      twinWatermarkMs = Math.max(twinWatermarkMs, event.eventTimeMs - outOfOrdernessMs);
      entries.push(...advanceLedger(state, twinWatermarkMs).entries);
    }
    chainEntries(state.openBlock, entries);
  }
  chainEntries(state.openBlock, advanceLedger(state, Infinity).entries);
  return events.length * batchRows;
}

/** A hash an entry, over the account's previous hash and the entry as JSON, fields in alphabetical order. */
function chainAccountsJson(): number {
  const { objects } = entriesOf();
  const heads = new Map<string, string>();
  for (const entry of objects) {
    const previous = heads.get(entry.debitAccount) ?? '';
    const { accountId, amountMinor, authorizationId, creditAccount, currency, debitAccount, entryId } = entry;
    const { eventTimeMs, kind, offset, outcome, sequence, tenantId, unmatched } = entry;
    const first = { accountId, amountMinor, authorizationId, creditAccount, currency, debitAccount, entryId };
    const text = JSON.stringify({ ...first, eventTimeMs, kind, offset, outcome, sequence, tenantId, unmatched });
    heads.set(debitAccount, hash('sha256', `${previous}\n${text}`, 'hex'));
  }
  return objects.length;
}

/** A hash an entry, over the account's previous hash and the entry's canonical bytes. */
function chainAccountsBinary(): number {
  const heads = new Map<number, string>();
  const bytes = Buffer.alloc(2048);
  const target = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let entries = 0;
  for (const columns of entriesOf().columns) {
    const { text } = columns;
    const source = { columns, interner, ids: new DataView(text.buffer, text.byteOffset, text.length) };
    for (let row = 0; row < columns.counts[0]!; row++) {
      const debit = columns.kind[row] === 0 ? columns.account[row]! : -columns.merchant[row]!;
      bytes.write(heads.get(debit) ?? '', 'latin1');
      const end = writeEntry(source, row, target, 64);
      heads.set(debit, hash('sha256', bytes.subarray(0, end), 'hex'));
      entries++;
    }
  }
  return entries;
}

function chainBlocksOfObjects(): number {
  const { objects } = entriesOf();
  chainEntries(createOpenBlock(), objects);
  return objects.length;
}

function chainBlocksOfColumns(): number {
  const open = createOpenBlock();
  const { columns } = entriesOf();
  for (const segment of columns) chainColumns(open, segment, interner);
  return columns.reduce((sum, { counts }) => sum + (counts[0] ?? 0), 0);
}

function createEvents(): EventColumns[] {
  const draw = numbers(1);
  const tenant = internText(interner, 'tenant-1', sharedScope);
  const euro = internText(interner, 'EUR', sharedScope);
  const batches: EventColumns[] = [];
  for (let from = 0; from < authorizationsMax; from += batchRows) {
    const columns = emptyBatch();
    columns.firstOffset[0] = from;
    for (let row = 0; row < batchRows; row++) {
      const id = new TextEncoder().encode(`payment-${String(from + row).padStart(12, '0')}`);
      columns.eventTimeMs[row] = (from + row) * stepMs + outOfOrdernessMs - draw(outOfOrdernessMs);
      columns.tenant[row] = tenant;
      columns.account[row] = internText(interner, `account-${draw(accountsMax)}`, tenant);
      for (let word = 0; word < 4; word++) columns.idHash[row * 4 + word] = draw(2 ** 32);
      columns.text.set(id, row * id.length);
      columns.eventIdStart[row] = row * id.length;
      columns.eventIdEnd[row] = (row + 1) * id.length;
      columns.numbers[0]![row] = draw(100_000);
      columns.texts[0]![row] = euro;
      columns.texts[1]![row] = internText(interner, `merchant-${draw(merchantsMax)}`, tenant);
    }
    batches.push(columns);
  }
  return batches;
}

function emptyBatch(): EventColumns {
  const size = { layout: ledgerLayout, rowsMax: batchRows, textBytesMax: batchRows * 32 };
  const sizeBytes = measureLayout((space) => layOutEvents(space, size));
  return layOutEvents(createColumnSpace(new ArrayBuffer(sizeBytes)), size);
}

/** The entries of all authorizations, as columns that stay. */
function createEntries(): LedgerColumns[] {
  const other = createColumnarLedger(config, { interner, layout: ledgerLayout });
  for (const columns of events) {
    for (let row = 0; row < batchRows; row++) postAuthorizationRow(other, columns, row, 0, row);
  }
  advanceLedgerTime(other, Infinity);
  return [...takeEntries(other).segments];
}

function eventOf(columns: EventColumns, row: number): Parameters<typeof postAuthorization>[1]['event'] {
  return {
    tenantId: textOf(interner, columns.tenant[row]!),
    eventId: `payment-${columns.firstOffset[0]! + row}`,
    eventTimeMs: columns.eventTimeMs[row]!,
    accountId: textOf(interner, columns.account[row]!),
    cardToken: 'card',
    merchantId: textOf(interner, columns.texts[1]![row]!),
    terminalId: 'terminal',
    amountMinor: columns.numbers[0]![row]!,
    currency: textOf(interner, columns.texts[0]![row]!),
    channel: 'ecommerce',
    entryMode: 'credentialOnFile',
    mcc: '5411',
    country: 'DE',
  };
}

/** Whole numbers below a bound, from a seed; mulberry32, https://github.com/bryc/code/blob/master/jshash/PRNGs.md. */
function numbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}
