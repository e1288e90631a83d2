import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decode } from '../../core/decode/decode.ts';
import { createEventIdentifier } from '../../core/decode/event-identity.ts';
import { sampleAuthorization, sampleDispute, sampleRelease } from '../contract/sample-events.ts';

const samples = [
  ['payments.authorization.v1', sampleAuthorization],
  ['payments.clearing.v1', sampleRelease],
  ['payments.dispute.v1', sampleDispute],
  ['payments.unknown.v1', sampleDispute],
] as const;

test('who an event is and what is wrong with it is as the readable decoder says, whatever the bytes', () => {
  const identify = createEventIdentifier();
  const text = fc.oneof(fc.stringMatching(/^[\w-]{1,20}$/), fc.string({ unit: 'binary', maxLength: 6 }));
  const changes = fc.record(
    { eventId: text, accountId: text, tenantId: text, amountMinor: fc.nat({ max: 999_999 }) },
    { requiredKeys: [] },
  );
  const flips = fc.array(fc.tuple(fc.nat({ max: 500 }), fc.nat({ max: 255 })), { maxLength: 2 });
  const seen = { good: 0, bad: 0 };
  fc.assert(
    fc.property(fc.constantFrom(...samples), changes, flips, ([topic, sample], change, changed) => {
      const bytes = Buffer.from(JSON.stringify({ ...sample, ...change }));
      for (const [place, byte] of changed) bytes[place % bytes.length] = byte;
      const found = identify(topic, bytes);
      const decoded = decode({ topic, bytes });
      seen[decoded.ok ? 'good' : 'bad']++;
      expect(found).toEqual(
        decoded.ok ? { ok: true, identity: identityOf(topic, decoded.event.event) } : refusalOf(decoded),
      );
    }),
    { numRuns: 600 },
  );
  expect(seen.good).toBeGreaterThan(5);
  expect(seen.bad).toBeGreaterThan(100);
});

type Named = { readonly tenantId: string; readonly accountId: string; readonly eventId: string };

function identityOf(topic: string, { tenantId, accountId, eventId }: Named) {
  return { topic, tenantId, key: accountId, eventId };
}

function refusalOf({ refusal }: { readonly refusal: unknown }) {
  return { ok: false, refusal };
}
