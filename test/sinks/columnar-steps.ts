import { createColumnSpace, measureLayout } from '../../core/decode/column-space.ts';
import { contractNumbers, countAt, layOutEvents, type EventColumns } from '../../core/decode/event-columns.ts';
import { internText, sharedScope, type Interner } from '../../core/decode/interner.ts';
import { idempotencyHash, idempotencyKey } from '../../core/contract/idempotency-key.ts';
import { ledgerEntryAt } from '../../core/sinks/columnar-ledger-entries.ts';
import {
  advanceLedgerTime,
  postAuthorizationRow,
  postReleaseRow,
  takeEntries,
} from '../../core/sinks/columnar-ledger.ts';
import { ledgerLayout, type ColumnarLedger } from '../../core/sinks/columnar-ledger-state.ts';
import { entryOutcomes } from '../../core/sinks/entry-bytes.ts';
import type { ChainBlock } from '../../core/sinks/chain-block.ts';
import type { LedgerOutput, LedgerStep } from './ledger-events.ts';

type EventStep = Exclude<LedgerStep, { kind: 'advance' }>;

/** What a batch of steps makes the columnar ledger say. */
export type ColumnarOutput = LedgerOutput & { readonly chainBlocks: readonly ChainBlock[] };

/** Gives a batch of steps to the ledger, its events as rows of columns, and takes what it posted. */
export function runColumnarBatch(ledger: ColumnarLedger, steps: readonly LedgerStep[]): ColumnarOutput {
  const events = steps.filter((step): step is EventStep => step.kind !== 'advance');
  const columns = columnsOf(ledger.interner, events);
  const expiredWaits: LedgerOutput['expiredWaits'][number][] = [];
  let row = 0;
  for (const step of steps) {
    if (step.kind === 'advance') expiredWaits.push(...advanceLedgerTime(ledger, step.watermarkMs));
    else if (step.kind === 'authorize') {
      postAuthorizationRow(ledger, columns, row++, entryOutcomes.indexOf(step.outcome), step.offset);
    } else postReleaseRow(ledger, columns, row++, step.offset, () => step.event);
  }
  const { segments, chainBlocks } = takeEntries(ledger);
  const entries = segments.flatMap((segment) =>
    Array.from({ length: segment.counts[0] ?? 0 }, (_, entry) => ledgerEntryAt(segment, entry, ledger.interner)),
  );
  return { entries, expiredWaits, chainBlocks };
}

/** Events as rows, as the decoder and the admission leave them for the ledger. */
function columnsOf(interner: Interner, steps: readonly EventStep[]): EventColumns {
  const size = { layout: ledgerLayout, rowsMax: steps.length, textBytesMax: steps.length * 2 * 384 };
  const sizeBytes = measureLayout((space) => layOutEvents(space, size));
  const columns = layOutEvents(createColumnSpace(new ArrayBuffer(sizeBytes)), size);
  for (const [row, step] of steps.entries()) writeRow(columns, row, { interner, step });
  return columns;
}

const topics = {
  authorize: 'payments.authorization.v1',
  clear: 'payments.clearing.v1',
  reverse: 'payments.reversal.v1',
} as const;

function writeRow(
  columns: EventColumns,
  row: number,
  { interner, step }: { readonly interner: Interner; readonly step: EventStep },
): void {
  const { event, kind } = step;
  const { tenantId, accountId, eventId } = event;
  const tenant = internText(interner, tenantId, sharedScope);
  columns.contract[row] = contractNumbers[topics[kind]];
  columns.eventTimeMs[row] = event.eventTimeMs;
  columns.tenant[row] = tenant;
  columns.account[row] = internText(interner, accountId, tenant);
  columns.idHash.set(hashWords({ topic: topics[kind], tenantId, key: accountId, eventId }), row * 4);
  writeText(columns, eventId, [columns.eventIdStart, columns.eventIdEnd], row);
  columns.numbers[0]?.fill(event.amountMinor, row, row + 1);
  columns.texts[0]?.fill(internText(interner, event.currency, sharedScope), row, row + 1);
  columns.texts[1]?.fill(-1, row, row + 1);
  if (step.kind === 'authorize') {
    columns.texts[1]?.fill(internText(interner, step.event.merchantId, tenant), row, row + 1);
    return;
  }
  const { authorizationId } = step.event;
  columns.targetHash.set(
    hashWords({ topic: topics.authorize, tenantId, key: accountId, eventId: authorizationId }),
    row * 4,
  );
  writeText(columns, authorizationId, [columns.targetIdStart, columns.targetIdEnd], row);
}

function writeText(
  columns: EventColumns,
  text: string,
  [starts, ends]: readonly [Uint32Array, Uint32Array],
  row: number,
): void {
  const start = columns.counts[countAt.textBytes] ?? 0;
  const end = start + new TextEncoder().encodeInto(text, columns.text.subarray(start)).written;
  starts[row] = start;
  ends[row] = end;
  columns.counts[countAt.textBytes] = end;
}

function hashWords(identity: Parameters<typeof idempotencyKey>[0]): number[] {
  const hex = idempotencyHash(idempotencyKey(identity));
  return [0, 8, 16, 24].map((at) => Number.parseInt(hex.slice(at, at + 8), 16));
}
