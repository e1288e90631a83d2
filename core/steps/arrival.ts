import type { Contract } from '../contract/contract.ts';
import type { DomainEvent } from '../contract/domain-event.ts';
import { idempotencyHash, idempotencyKey } from '../contract/idempotency-key.ts';
import { decode, type Decoded } from '../decode/decode.ts';
import { activationTopic, controlTopic, type LogRecord } from '../engine/record.ts';

/** A record on its way into the pipeline: an event named by the hash of its idempotency key, or what else it is. */
export type Arrival = EventArrival | RefusedArrival | ControlArrival;

/** A record of the engine's own: the end of a bounded input, or an activation, which changes nothing of the state. */
export type ControlArrival = { readonly kind: 'endOfInput' | 'activation'; readonly record: LogRecord };

export type EventArrival = {
  readonly kind: 'event';
  readonly record: LogRecord;
  readonly contract: Contract;
  readonly event: DomainEvent;
  readonly bodyHash: string;
  readonly idHash: string;
};

export type RefusedArrival = {
  readonly kind: 'refused';
  readonly record: LogRecord;
  readonly decoded: Extract<Decoded, { ok: false }>;
};

/** Decodes a record. Bad bytes are an arrival too: they go to the dead letters. */
export function arrive(record: LogRecord): Arrival {
  if (record.topic === controlTopic) return { kind: 'endOfInput', record };
  if (record.topic === activationTopic) return { kind: 'activation', record };
  const decoded = decode(record);
  if (!decoded.ok) return { kind: 'refused', record, decoded };
  const { contract, event, bodyHash } = decoded;
  return { kind: 'event', record, contract, event, bodyHash, idHash: idHashOf(event) };
}

/**
 * The ids that the shell looks up in the ledger before the batch: the event's own, which may have been decided long ago,
 * and the authorization that a dispute refers to.
 */
export function lookupsOf(arrival: Arrival): readonly string[] {
  if (arrival.kind !== 'event') return [];
  const { event, idHash } = arrival;
  return event.topic === 'payments.dispute.v1' ? [idHash, targetHashOf(event.event)] : [idHash];
}

/** The id hash of the authorization that an event refers to. */
export function targetHashOf(event: {
  readonly tenantId: string;
  readonly accountId: string;
  readonly authorizationId: string;
}): string {
  const { tenantId, accountId, authorizationId } = event;
  const topic = 'payments.authorization.v1';
  return idempotencyHash(idempotencyKey({ topic, tenantId, key: accountId, eventId: authorizationId }));
}

function idHashOf({ topic, event }: DomainEvent): string {
  const { tenantId, accountId, eventId } = event;
  return idempotencyHash(idempotencyKey({ topic, tenantId, key: accountId, eventId }));
}
