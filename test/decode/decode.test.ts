import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Decoded, decode } from '../../core/decode/decode.ts';
import type { Refusal } from '../../core/decode/refusal.ts';
import { sampleAuthorization, sampleDispute, sampleRelease } from '../contract/sample-events.ts';

const topic = 'payments.authorization.v1';

function decodeText(text: string): Decoded {
  return decode({ topic, bytes: new TextEncoder().encode(text) });
}

function refusalOf(decoded: Decoded): Refusal {
  if (decoded.ok) throw new Error('got an event, expected a refusal');
  return decoded.refusal;
}

function refusalOfChange(change: object): Refusal {
  return refusalOf(decodeText(JSON.stringify({ ...sampleAuthorization, ...change })));
}

function bodyHashOf(decoded: Decoded): string {
  if (!decoded.ok) throw new Error(`got a refusal: ${decoded.refusal.message}`);
  return decoded.bodyHash;
}

describe('a good record', () => {
  test.each([
    ['payments.authorization.v1', sampleAuthorization],
    ['payments.clearing.v1', sampleRelease],
    ['payments.reversal.v1', sampleRelease],
    ['payments.dispute.v1', sampleDispute],
  ])('of %s decodes to its event', (eventTopic, event) => {
    const decoded = decode({ topic: eventTopic, bytes: new TextEncoder().encode(JSON.stringify(event)) });
    expect(decoded).toMatchObject({ ok: true, contract: { topic: eventTopic }, event: { topic: eventTopic, event } });
  });

  test('of exactly 64 KiB is read', () => {
    const text = JSON.stringify(sampleAuthorization);
    expect(decodeText(text.padEnd(65_536)).ok).toBe(true);
    expect(refusalOf(decodeText(text.padEnd(65_537)))).toMatchObject({
      code: 'tooLarge',
      message: 'got 65537 bytes, expected at most 65536',
    });
  });

  test('with a key twice takes the last value', () => {
    const text = JSON.stringify(sampleAuthorization).replace('{', '{"currency":"USD",');
    expect(decodeText(text)).toMatchObject({ event: { event: { currency: 'EUR' } } });
  });

  test('may spell its text with escapes and name a prototype in a value', () => {
    const decoded = decodeText(
      JSON.stringify({ ...sampleAuthorization, merchantId: 'constructor' }).replace('tok_', '\\u0074ok_'),
    );
    expect(decoded).toMatchObject({ event: { event: { merchantId: 'constructor', cardToken: 'tok_7f3a9b2c1d' } } });
  });

  test('has the SHA-256 of its canonical text as body hash', () => {
    const entries = Object.entries(sampleAuthorization).toSorted(([left], [right]) => (left < right ? -1 : 1));
    const expected = createHash('sha256')
      .update(JSON.stringify(Object.fromEntries(entries)))
      .digest('hex');
    expect(bodyHashOf(decodeText(JSON.stringify(sampleAuthorization)))).toBe(expected);
  });

  test('has a body hash that does not depend on the order of keys or on white space', () => {
    const entries = Object.entries(sampleAuthorization);
    const expected = bodyHashOf(decodeText(JSON.stringify(sampleAuthorization)));
    fc.assert(
      fc.property(
        fc.shuffledSubarray(entries, { minLength: entries.length }),
        fc.stringMatching(/^[ \t\n]{0,4}$/),
        (shuffled, space) => {
          const text = space + JSON.stringify(Object.fromEntries(shuffled), null, space) + space;
          expect(bodyHashOf(decodeText(text))).toBe(expected);
        },
      ),
    );
  });

  test('has another body hash when any field differs', () => {
    const hashes = [{}, { amountMinor: 1 }, { currency: 'USD' }, { location: { latitude: 0, longitude: 0 } }].map(
      (change) => bodyHashOf(decodeText(JSON.stringify({ ...sampleAuthorization, ...change }))),
    );
    expect(new Set(hashes).size).toBe(4);
  });
});

describe('bad bytes', () => {
  test('of any kind never throw and come back as they were', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(decode({ topic, bytes })).toMatchObject({ ok: false, bytes, topic });
      }),
    );
  });

  test('that are JSON of any kind never throw', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(refusalOf(decodeText(text)).message).toMatch(/^got .+, expected /);
      }),
    );
  });

  test('cut anywhere are refused with a reason', () => {
    const bytes = new TextEncoder().encode(JSON.stringify({ ...sampleAuthorization, merchantId: 'カフェ' }));
    const codes = new Set<string>();
    for (let length = 0; length < bytes.length; length += 1) {
      const refusal = refusalOf(decode({ topic, bytes: bytes.subarray(0, length) }));
      codes.add(refusal.code);
      expect(refusal.message).toContain(`got ${length} bytes`);
    }
    expect([...codes].toSorted()).toEqual(['notJson', 'notUtf8']);
    expect(refusalOf(decode({ topic, bytes: bytes.subarray(0, 50) })).message).toBe(
      'got 50 bytes of JSON that ends too early, expected one JSON object',
    );
  });

  test('with one byte changed give an event or a refusal', () => {
    const bytes = new TextEncoder().encode(JSON.stringify(sampleAuthorization));
    const place = fc.nat({ max: bytes.length - 1 });
    fc.assert(
      fc.property(place, fc.nat({ max: 255 }), (index, byte) => {
        const changed = bytes.with(index, byte);
        const decoded = decode({ topic, bytes: changed });
        if (!decoded.ok) expect(decoded.refusal.message).toMatch(/^got .+, expected /);
        else expect(decoded.event.topic).toBe(topic);
      }),
    );
  });

  test('that are no UTF-8 are refused', () => {
    expect(refusalOf(decode({ topic, bytes: Uint8Array.of(0x22, 0xff, 0x22) })).code).toBe('notUtf8');
  });

  test('that start with a byte order mark are refused', () => {
    expect(refusalOf(decodeText(`\ufeff${JSON.stringify(sampleAuthorization)}`)).code).toBe('notJson');
  });

  test('nested 32 deep are read and 33 deep are not', () => {
    expect(refusalOf(decodeText('['.repeat(32) + ']'.repeat(32))).code).toBe('contractViolation');
    expect(refusalOf(decodeText('['.repeat(33) + ']'.repeat(33))).code).toBe('tooDeep');
    expect(refusalOf(decodeText('{"a":'.repeat(33))).code).toBe('tooDeep');
    expect(refusalOf(decodeText('['.repeat(65_536))).code).toBe('tooDeep');
  });

  test('with brackets inside of text are not deep', () => {
    expect(refusalOf(decodeText(JSON.stringify(['\\"[['.repeat(40)]))).code).toBe('contractViolation');
    expect(decodeText(JSON.stringify({ ...sampleAuthorization, merchantId: '[{'.repeat(40) })).ok).toBe(true);
  });

  test.each(['__proto__', 'constructor', 'prototype', '\\u005f_proto__', 'c\\u006fnstructor'])(
    'with the key %s anywhere are refused',
    (key) => {
      const text = JSON.stringify(sampleAuthorization);
      expect(refusalOf(decodeText(text.replace('{', `{"${key}":1,`))).code).toBe('forbiddenKey');
      expect(refusalOf(decodeText(text.replace('{', `{"extra":[{"${key}":{}}],`))).code).toBe('forbiddenKey');
    },
  );
});

describe('a record of an unknown contract', () => {
  const bytes = new TextEncoder().encode(JSON.stringify(sampleAuthorization));

  test('is refused with the versions that are known', () => {
    expect(refusalOf(decode({ topic: 'payments.authorization.v2', bytes }))).toEqual({
      code: 'unknownContract',
      message: 'got contract payments.authorization.v2, expected payments.authorization.v1',
      issues: [],
    });
  });

  test('is refused with all names when its own is unknown', () => {
    const { message } = refusalOf(decode({ topic: 'fraud.decision.v1', bytes }));
    expect(message).toBe(
      'got contract fraud.decision.v1, expected payments.authorization.v1 or payments.clearing.v1 or ' +
        'payments.reversal.v1 or payments.dispute.v1',
    );
  });
});

describe('a violation of the contract', () => {
  test('says what came, where, what was expected and how many more there are', () => {
    const refusal = refusalOfChange({ amountMinor: 1.5, location: { latitude: 91, longitude: 'east' } });
    expect(refusal).toEqual({
      code: 'contractViolation',
      message: 'got 1.5 at amountMinor, expected a whole number, and 2 more issues',
      issues: [
        { path: 'amountMinor', got: '1.5', expected: 'a whole number' },
        { path: 'location.latitude', got: '91', expected: 'at most 90' },
        { path: 'location.longitude', got: 'text of length 4', expected: 'a number' },
      ],
    });
  });

  test.each([
    ['a missing field', { tenantId: undefined }, 'got nothing at tenantId, expected text'],
    ['an unknown value', { channel: 'post' }, "got 'post' at channel, expected one of cardPresent, ecommerce"],
    [
      'a long id',
      { deviceId: 'x'.repeat(129) },
      'got text of length 129 at deviceId, expected a length of at most 128',
    ],
    ['a wrong form', { mcc: '5' }, 'got text of length 1 at mcc, expected a merchant category code of four digits'],
    ['an unknown field', { cvv: '123' }, 'got a field at cvv, expected no such field'],
    ['a null', { accountId: null }, 'got null at accountId, expected text'],
    ['a list', { location: [1, 2] }, 'got a list at location, expected an object'],
  ])('of %s is named', (_name, change, message) => {
    expect(refusalOfChange(change).message).toContain(message);
  });

  test('of the whole event has no path', () => {
    expect(refusalOf(decodeText('[]')).message).toBe('got a list, expected an object');
  });

  test('lists at most 20 issues but counts all', () => {
    const extra = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`extra${index}`, 1]));
    const refusal = refusalOfChange(extra);
    expect(refusal.issues).toHaveLength(20);
    expect(refusal.message).toContain('and 499 more issues');
  });

  test('names a number that is too large to hold', () => {
    const text = JSON.stringify(sampleAuthorization).replace('12345', '1e999');
    expect(refusalOf(decodeText(text)).message).toContain('got a number too large to hold at amountMinor');
  });

  const cardNumber = '4111111111111111';

  test.each([
    ['an id', { accountId: cardNumber }],
    ['a number for an id', { accountId: Number(cardNumber) }],
    ['an amount', { amountMinor: Number(cardNumber) }],
    ['an enum', { channel: cardNumber }],
    ['a name of a field', { [cardNumber]: 1, [`pan${cardNumber}`]: 1, [`a ${cardNumber}`]: 1 }],
    ['an inner field', { location: { latitude: Number(cardNumber), longitude: cardNumber } }],
    ['a field that no contract has', { pan: cardNumber }],
  ])('never quotes a card number in %s', (_name, change) => {
    const refusal = refusalOfChange(change);
    expect(refusal.code).toBe('contractViolation');
    expect(JSON.stringify(refusal)).not.toContain('41111');
  });

  test('never quotes a card number of bytes that are not JSON', () => {
    expect(JSON.stringify(refusalOf(decodeText(`{"pan":${cardNumber}x`)))).not.toContain('41111');
  });

  test('for a card number as an id asks for a token', () => {
    const issue = { path: 'cardToken', got: 'text of length 16', expected: 'a token, not a card number' };
    expect(refusalOfChange({ cardToken: cardNumber }).issues).toEqual([issue]);
  });
});
