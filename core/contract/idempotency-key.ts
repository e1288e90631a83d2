import { hash } from 'node:crypto';

/** What makes an event itself: the same id under another key is another event. */
export type EventIdentity = {
  readonly topic: string;
  readonly tenantId: string;
  /** The value of the contract's key. */
  readonly key: string;
  readonly eventId: string;
};

/** The one text of an event's identity; two identities never share it. */
export function idempotencyKey({ topic, tenantId, key, eventId }: EventIdentity): string {
  return JSON.stringify([topic, tenantId, key, eventId]);
}

/** The first 128 bits of the SHA-256 of an idempotency key, as 32 hexadecimal characters. */
export function idempotencyHash(idempotencyKey: string): string {
  return hash('sha256', idempotencyKey, 'hex').slice(0, 32);
}
