import { wrapUnmappable } from '../../core/decode/unmappable.ts';
import type { DomainEvent } from '../../core/contract/domain-event.ts';
import { unmappableTopic } from '../../core/contract/unmappable-header.ts';
import type { RefusalCode } from '../../core/decode/refusal.ts';
import { controlTopic, type LogRecord } from '../../core/engine/record.ts';

/** A record of a test log with what its bytes mean, so that a twin need not decode them. */
export type LogItem = {
  readonly record: LogRecord;
  readonly meaning:
    | { readonly kind: 'event'; readonly domain: DomainEvent }
    | { readonly kind: 'refused'; readonly topic: string; readonly code: RefusalCode }
    | { readonly kind: 'end' };
};

/** Where and when the log takes a record. */
export type LogPlace = { readonly offset: number; readonly ingestTimeMs: number };

/** The record of an event, as JSON. `reordered` bytes have the fields backwards and white space between them. */
export function eventItem(
  domain: DomainEvent,
  place: LogPlace & { readonly spelling?: 'plain' | 'reordered' },
): LogItem {
  const { offset, ingestTimeMs, spelling = 'plain' } = place;
  const text =
    spelling === 'plain'
      ? JSON.stringify(domain.event)
      : JSON.stringify(Object.fromEntries(Object.entries(domain.event).toReversed()), null, 2);
  const record = { topic: domain.topic, partition: 0, offset, ingestTimeMs, bytes: encode(text) };
  return { record, meaning: { kind: 'event', domain } };
}

/** The control record that ends a bounded input. */
export function endItem({ offset, ingestTimeMs }: LogPlace): LogItem {
  const record = { topic: controlTopic, partition: 0, offset, ingestTimeMs, bytes: encode('{"kind":"endOfInput"}') };
  return { record, meaning: { kind: 'end' } };
}

/** A record that is no event; `variant` chooses what is wrong with it. */
export function refusedItem({ offset, ingestTimeMs }: LogPlace, variant: number): LogItem {
  const chosen = refused[variant % refused.length];
  if (chosen === undefined) throw new RangeError(`got variant ${variant}, expected a whole number`);
  const { code, topic, bytes, meantFor } = chosen;
  return {
    record: { topic, partition: 0, offset, ingestTimeMs, bytes },
    meaning: { kind: 'refused', topic: meantFor ?? topic, code },
  };
}

type Refused = {
  readonly code: RefusalCode;
  readonly topic: string;
  readonly bytes: Uint8Array;
  readonly meantFor?: string;
};

const authorizations = 'payments.authorization.v1';

const refused: readonly Refused[] = [
  { code: 'notJson', topic: authorizations, bytes: encode('{"tenantId":"t1"') },
  { code: 'notUtf8', topic: authorizations, bytes: Uint8Array.of(0x7b, 0xff, 0x7d) },
  { code: 'contractViolation', topic: authorizations, bytes: encode('{"tenantId":"t1","eventTimeMs":-5}') },
  { code: 'contractViolation', topic: 'payments.dispute.v1', bytes: encode('[]') },
  { code: 'unknownContract', topic: 'payments.authorization.v9', bytes: encode('{}') },
  { code: 'forbiddenKey', topic: 'payments.clearing.v1', bytes: encode('{"__proto__":{}}') },
  { code: 'tooDeep', topic: 'payments.reversal.v1', bytes: encode('['.repeat(40) + ']'.repeat(40)) },
  {
    code: 'unmappable',
    topic: unmappableTopic,
    meantFor: authorizations,
    bytes: wrapUnmappable({
      topic: authorizations,
      sourceRow: 7,
      message: 'got no amount, expected one',
      issues: [],
      bytes: encode('a,b'),
    }),
  },
];

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
