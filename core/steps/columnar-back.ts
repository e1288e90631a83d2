import type { Clearing } from '../contract/clearing.ts';
import { countAt, type EventColumns, operations } from '../decode/event-columns.ts';
import { type Interner, textOf } from '../decode/interner.ts';
import { outcomes, type DecisionColumns } from '../score/decision-columns.ts';
import { advanceLedgerTime, postAuthorizationRow, postReleaseRow } from '../sinks/columnar-ledger.ts';
import type { ColumnarLedger } from '../sinks/columnar-ledger-state.ts';
import { countUp, type LateEvent } from '../sinks/effects.ts';
import { finiteOrNull } from './batch.ts';
import type { Rare } from './columnar-front.ts';

/** A batch whose rows have their decisions. */
export type DecidedBatch = {
  readonly columns: EventColumns;
  readonly decisions: DecisionColumns;
  readonly interner: Interner;
};

/** Posts what a decided batch does to the ledger, row by row in log order; what is rare is added to `rare`. */
export function postRows(ledger: ColumnarLedger, batch: DecidedBatch, rare: Rare): void {
  const { columns, decisions } = batch;
  const rows = columns.counts[countAt.rows]!;
  const firstOffset = columns.firstOffset[0]!;
  const decided = new Uint32Array(outcomes.length);
  const expired: Expired[] = [];
  const eventOf = (row: number): Clearing => releaseOf(batch, row);
  for (let row = 0; row < rows; row++) {
    const op = columns.op[row]!;
    if (op === operations.authorization) {
      const outcome = decisions.outcome[row]!;
      decided[outcome]!++;
      postAuthorizationRow(ledger, columns, row, outcome, firstOffset + row);
    } else if (op !== operations.none) postReleaseRow(ledger, columns, row, firstOffset + row, eventOf);
    const watermarkMs = columns.stateWatermarkMs[row]!;
    const waits = advanceLedgerTime(ledger, watermarkMs);
    for (const { topic, offset, event, reason } of waits) {
      const late = { topic, offset, reason, event, lateByMs: null, watermarkMs: finiteOrNull(watermarkMs) };
      expired.push({ row, late });
    }
  }
  decided.forEach((count, outcome) => {
    if (count > 0) countUp(rare.counts, `decisions.${outcomes[outcome]}`, count);
  });
  if (expired.length > 0) addExpired(rare, expired);
}

type Expired = { readonly row: number; readonly late: LateEvent };

/** Puts the waits that ended among the late events of the front, which come first in a row. */
function addExpired(rare: Rare, expired: readonly Expired[]): void {
  const all = rare.lateEvents.map((late, index): Expired => ({ row: rare.lateRows[index]!, late }));
  const merged = [...all, ...expired].toSorted((left, right) => left.row - right.row);
  rare.lateRows.splice(0, Infinity, ...merged.map(({ row }) => row));
  rare.lateEvents.splice(0, Infinity, ...merged.map(({ late }) => late));
  countUp(rare.counts, 'unknownAuthorization', expired.length);
}

/** A clearing or a reversal as the event that it is, from its columns. */
function releaseOf({ columns, interner }: DecidedBatch, row: number): Clearing {
  const { layout, text } = columns;
  const idOf = (start: number, end: number): string => new TextDecoder().decode(text.slice(start, end));
  return {
    accountId: textOf(interner, columns.account[row]!),
    amountMinor: columns.numbers[layout.numbers.indexOf('amountMinor')]![row]!,
    authorizationId: idOf(columns.targetIdStart[row]!, columns.targetIdEnd[row]!),
    currency: textOf(interner, columns.texts[layout.texts.indexOf('currency')]![row]!),
    eventId: idOf(columns.eventIdStart[row]!, columns.eventIdEnd[row]!),
    eventTimeMs: columns.eventTimeMs[row]!,
    tenantId: textOf(interner, columns.tenant[row]!),
  };
}
