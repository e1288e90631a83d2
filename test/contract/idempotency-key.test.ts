import fc from 'fast-check';
import { expect, test } from 'vitest';
import { idempotencyHash, idempotencyKey } from '../../core/contract/idempotency-key.ts';

const identity = fc.record({
  topic: fc.string(),
  tenantId: fc.string(),
  key: fc.string(),
  eventId: fc.string(),
});

test('an idempotency key says which event it is of', () => {
  const key = idempotencyKey({ topic: 'payments.clearing.v1', tenantId: 't', key: 'a', eventId: 'e' });
  expect(key).toBe('["payments.clearing.v1","t","a","e"]');
});

test('two identities have the same key only when they are equal', () => {
  fc.assert(
    fc.property(identity, identity, (left, right) => {
      const isEqual = (['topic', 'tenantId', 'key', 'eventId'] as const).every((part) => left[part] === right[part]);
      expect(idempotencyKey(left) === idempotencyKey(right)).toBe(isEqual);
    }),
  );
});

test('text that moves from one part to the next gives another key', () => {
  const left = idempotencyKey({ topic: 't', tenantId: 'a","b', key: 'c', eventId: 'd' });
  const right = idempotencyKey({ topic: 't', tenantId: 'a', key: 'b","c', eventId: 'd' });
  expect(left).not.toBe(right);
});

test('the hash of a key is the first half of its SHA-256', () => {
  expect(idempotencyHash('abc')).toBe('ba7816bf8f01cfea414140de5dae2223');
});
