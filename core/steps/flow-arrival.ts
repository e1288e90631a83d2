import type { Contract } from '../contract/contract.ts';
import { idempotencyHash, idempotencyKey } from '../contract/idempotency-key.ts';
import { unmappableTopic } from '../contract/unmappable-header.ts';
import { decodeFields, type DecodedFields } from '../decode/decode-contract.ts';
import { controlTopic, type LogRecord } from '../engine/record.ts';
import { type Control, decodeControl } from '../engine/ticks.ts';

/** A record on its way into a flow. */
export type FlowArrival =
  | FlowEventArrival
  | {
      readonly kind: 'refused';
      readonly record: LogRecord;
      readonly decoded: Extract<DecodedFields, { readonly ok: false }>;
    }
  | { readonly kind: 'ignored'; readonly record: LogRecord }
  | { readonly kind: 'control'; readonly record: LogRecord; readonly control: Control };

/** An event that keeps its contract, named by the hash of its idempotency key. */
export type FlowEventArrival = {
  readonly kind: 'event';
  readonly record: LogRecord;
  readonly contract: Contract;
  readonly event: Readonly<Record<string, unknown>>;
  readonly tenantId: string;
  readonly topicKey: string;
  readonly eventId: string;
  readonly eventTimeMs: number;
  readonly bodyHash: string;
  readonly idHash: string;
};

/**
 * Decodes a record by the contracts of a flow. Bad bytes are an arrival too: they go to the dead letters, and so does another
 * version of an input. Topics that the flow does not read are passed over.
 */
export function arriveFlow(contracts: ReadonlyMap<string, Contract>, record: LogRecord): FlowArrival {
  if (record.topic === controlTopic) return { kind: 'control', record, control: decodeControl(record.bytes) };
  if (!isRead(contracts, record.topic)) return { kind: 'ignored', record };
  const decoded = decodeFields(contracts, record);
  if (!decoded.ok) return { kind: 'refused', record, decoded };
  const { contract, event, bodyHash } = decoded;
  const tenantId = textOf(event, 'tenantId');
  const topicKey = textOf(event, contract.key);
  const eventId = textOf(event, contract.idField ?? 'eventId');
  const idHash = idempotencyHash(idempotencyKey({ topic: contract.topic, tenantId, key: topicKey, eventId }));
  const eventTimeMs = event[contract.eventTimeField];
  if (typeof eventTimeMs !== 'number') throw new Error(`expected ${contract.topic} to have a number as its time`);
  return { kind: 'event', record, contract, event, tenantId, topicKey, eventId, eventTimeMs, bodyHash, idHash };
}

function isRead(contracts: ReadonlyMap<string, Contract>, topic: string): boolean {
  if (contracts.has(topic) || topic === unmappableTopic) return true;
  return [...contracts.keys()].some((input) => nameOf(input) === nameOf(topic));
}

/** A topic without its version. */
function nameOf(topic: string): string {
  return topic.replace(/\.v\d+$/, '');
}

/** The flow's plan has checked that the contract makes these fields texts. */
function textOf(event: Readonly<Record<string, unknown>>, field: string): string {
  const value = event[field];
  if (typeof value === 'string') return value;
  throw new Error(`got ${typeof value} in the field ${field}, expected a text`);
}
