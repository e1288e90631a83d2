import type { Authorization } from '../../core/contract/authorization.ts';
import { createColumnSpace, measureLayout } from '../../core/decode/column-space.ts';
import { type EventColumns, type EventLayout, layOutEvents, operations } from '../../core/decode/event-columns.ts';
import { type Interner, internText, sharedScope } from '../../core/decode/interner.ts';
import { type DecisionColumns, type DecisionLayout, layOutDecisions } from '../../core/score/decision-columns.ts';

/** A record of a batch: an authorization to decide, or one that was set aside. */
export type BatchRow = {
  readonly event: Authorization;
  readonly isDecided: boolean;
  readonly lateness: number;
  /** On arrival, and of the state after the row. */
  readonly arrivalWatermarkMs: number;
  readonly stateWatermarkMs: number;
  readonly features: readonly (number | null)[];
};

/** The fields of an authorization that the tests' rules may read, without those that every batch has. */
export const layout: EventLayout = {
  numbers: ['amountMinor', 'location.latitude'],
  texts: ['currency', 'channel', 'merchantId', 'deviceId'],
};

/** Writes rows as a decoder and admission would, over shared memory. */
export function columnsOf(rows: readonly BatchRow[], interner: Interner): EventColumns {
  const sizes = { layout, rowsMax: rows.length, textBytesMax: rows.length * 32 };
  const buffer = new SharedArrayBuffer(measureLayout((space) => layOutEvents(space, sizes)));
  const columns = layOutEvents(createColumnSpace(buffer), sizes);
  columns.firstOffset[0] = 1000;
  let textEnd = 0;
  for (const [row, { event, isDecided, lateness, arrivalWatermarkMs, stateWatermarkMs }] of rows.entries()) {
    const tenant = internText(interner, event.tenantId, sharedScope);
    columns.op[row] = isDecided ? operations.authorization : operations.none;
    columns.lateness[row] = lateness;
    columns.arrivalWatermarkMs[row] = arrivalWatermarkMs;
    columns.stateWatermarkMs[row] = stateWatermarkMs;
    columns.eventTimeMs[row] = event.eventTimeMs;
    columns.tenant[row] = tenant;
    columns.account[row] = internText(interner, event.accountId, tenant);
    columns.idHash.set([1, 0xffffffff, row, 0x80000000], row * 4);
    columns.bodyHash.set([0, 2, 3, 4, 5, 6, 7, row], row * 8);
    columns.eventIdStart[row] = textEnd;
    const bytes = new TextEncoder().encode(event.eventId);
    columns.text.set(bytes, textEnd);
    textEnd += bytes.length;
    columns.eventIdEnd[row] = textEnd;
    columns.numbers[0]![row] = event.amountMinor;
    columns.numbers[1]![row] = event.location?.latitude ?? Number.NaN;
    const texts = [event.currency, event.channel, event.merchantId, event.deviceId];
    const scopes = [sharedScope, sharedScope, tenant, tenant];
    for (const [index, text] of texts.entries()) {
      columns.texts[index]![row] = text === undefined ? -1 : internText(interner, text, scopes[index]!);
    }
  }
  return columns;
}

/** The feature vectors of rows, one after the other. */
export function valuesOf(rows: readonly BatchRow[]): Float64Array {
  return Float64Array.from(rows.flatMap(({ features }) => features.map((value) => value ?? Number.NaN)));
}

/** Decision columns over a buffer of their own. */
export function createDecisions(sizes: DecisionLayout): DecisionColumns {
  const buffer = new ArrayBuffer(measureLayout((space) => layOutDecisions(space, sizes)));
  return layOutDecisions(createColumnSpace(buffer), sizes);
}
