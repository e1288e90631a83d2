import { authorizationContract } from '../../core/contract/authorization.ts';
import { disputeContract } from '../../core/contract/dispute.ts';
import type { DomainEvent } from '../../core/contract/domain-event.ts';
import { fieldKinds } from '../../core/contract/fields.ts';
import { createColumnSpace, measureLayout } from '../../core/decode/column-space.ts';
import {
  contractNumbers,
  countAt,
  type EventColumns,
  type EventLayout,
  layOutEvents,
} from '../../core/decode/event-columns.ts';
import { type Interner, internText, sharedScope } from '../../core/decode/interner.ts';
import { fieldsOfPlan } from '../../core/features/columnar-layout.ts';
import { readField } from '../../core/features/expression.ts';
import type { Plan } from '../../core/features/plan.ts';
import { targetHashOf } from '../../core/steps/arrival.ts';

/** The layout that a plan over authorizations and disputes reads. */
export function layoutOf(plan: Plan): EventLayout {
  const kinds = new Map([...fieldKinds(disputeContract), ...fieldKinds(authorizationContract)]);
  const paths = fieldsOfPlan(plan);
  return {
    numbers: paths.filter((path) => kinds.get(path)?.kind !== 'text'),
    texts: paths.filter((path) => kinds.get(path)?.kind === 'text'),
  };
}

/** Columns for so many rows. */
export function createColumns(layout: EventLayout, rowsMax: number): EventColumns {
  const options = { layout, rowsMax, textBytesMax: rowsMax * 256 };
  const sizeBytes = measureLayout((space) => layOutEvents(space, options));
  return layOutEvents(createColumnSpace(new ArrayBuffer(sizeBytes)), options);
}

/** Writes an event to row `r`, as the decoder does. */
export function writeRow(
  interner: Interner,
  columns: EventColumns,
  r: number,
  { domain, idHash }: { readonly domain: DomainEvent; readonly idHash: string },
): void {
  const { topic, event } = domain;
  if (r === 0) columns.counts[countAt.textBytes] = 0;
  columns.contract[r] = contractNumbers[topic];
  columns.eventTimeMs[r] = event.eventTimeMs;
  const tenant = internText(interner, event.tenantId, sharedScope);
  columns.tenant[r] = tenant;
  columns.account[r] = internText(interner, event.accountId, tenant);
  columns.idHash.set(wordsOf(idHash), r * 4);
  if ('authorizationId' in event) columns.targetHash.set(wordsOf(targetHashOf(event)), r * 4);
  const start = columns.counts[countAt.textBytes] ?? 0;
  const { written } = new TextEncoder().encodeInto(event.eventId, columns.text.subarray(start));
  columns.eventIdStart[r] = start;
  columns.eventIdEnd[r] = start + written;
  columns.counts[countAt.textBytes] = start + written;
  columns.layout.numbers.forEach((path, index) => {
    const value = readField(path)(event);
    columns.numbers[index]?.fill(typeof value === 'number' ? value : Number.NaN, r, r + 1);
  });
  columns.layout.texts.forEach((path, index) => {
    const value = readField(path)(event);
    const scope = sharedFields.has(path) ? sharedScope : tenant;
    columns.texts[index]?.fill(typeof value === 'string' ? internText(interner, value, scope) : -1, r, r + 1);
  });
}

/** The first 128 bits of a hexadecimal hash. */
function wordsOf(hash: string): Uint32Array {
  return Uint32Array.from({ length: 4 }, (_, word) => Number.parseInt(hash.slice(word * 8, word * 8 + 8), 16));
}

const sharedFields = new Set(['tenantId', 'currency', 'channel', 'entryMode', 'mcc', 'country', 'reason']);
