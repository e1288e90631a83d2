import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sampleAuthorization, sampleDispute, sampleRelease } from '../contract/sample-events.ts';
import { compare, compareSpan, type Comparison, createComparison } from './compiled-twin.ts';

const utf8 = new TextEncoder();

const samples: readonly (readonly [string, object])[] = [
  ['payments.authorization.v1', sampleAuthorization],
  ['payments.clearing.v1', sampleRelease],
  ['payments.reversal.v1', sampleRelease],
  ['payments.dispute.v1', sampleDispute],
];

/** Ids that are mostly plain, and now and then hold what must be looked at twice. */
const anyId = fc.oneof(
  { weight: 12, arbitrary: fc.stringMatching(/^[\w -]{1,20}$/) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
  { weight: 1, arbitrary: fc.stringMatching(/^[1-6]\d{12,18}$/) },
  { weight: 1, arbitrary: fc.stringMatching(/^\d{4}([ -]\d{4}){3}$/) },
  { weight: 1, arbitrary: fc.constantFrom('4111111111111111', '4111-1111-1111-1111', 'é', '\u0085', 'a"b', '\\', '') },
  { weight: 1, arbitrary: fc.string({ minLength: 126, maxLength: 130 }) },
);

const anyNumber = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 999_999 }) },
  { weight: 4, arbitrary: fc.nat({ max: 10 ** 12 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, 10 ** 12, 10 ** 12 + 1, 253_402_300_799_999, 253_402_300_800_000, 2 ** 53),
  },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.integer() },
);

const anyDegrees = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -900_000, max: 900_000 }).map((degrees) => degrees / 10_000) },
  { weight: 1, arbitrary: fc.double({ min: -181, max: 181 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 90, -90, 180, 1e-6, 1e-7, 0.1 + 0.2, 12.345678901234) },
);

/** A few fields of an event changed to values that they may or may not have. */
const anyChange = fc.record(
  {
    eventId: anyId,
    accountId: anyId,
    tenantId: anyId,
    cardToken: anyId,
    authorizationId: anyId,
    eventTimeMs: anyNumber,
    amountMinor: anyNumber,
    currency: fc.oneof(fc.stringMatching(/^[A-Z]{3}$/), fc.constantFrom('eur', 'EURO', 'E', '', 'É1')),
    channel: fc.constantFrom('cardPresent', 'ecommerce', 'moto', 'atm', 'recurring', 'at', 'atmX', 'post'),
    mcc: fc.constantFrom('0000', '5411', '999', '12345', '54l1'),
    reason: fc.constantFrom('fraud', 'notReceived', 'duplicate', 'other', 'others'),
    location: fc.record({ latitude: anyDegrees, longitude: anyDegrees }),
    deviceId: fc.option(anyId, { nil: undefined }),
  },
  { requiredKeys: [] },
);

/** A good event with at most two changes to the fields that it has. */
const anyEvent = fc
  .tuple(fc.constantFrom(...samples), anyChange, fc.array(fc.nat(), { maxLength: 2 }))
  .map(([[topic, sample], change, picks]) => {
    const possible = Object.entries(change).filter(([name]) => name in sample);
    const kept = picks.flatMap((pick) => possible.slice(pick % (possible.length + 1)).slice(0, 1));
    return { topic, event: { ...sample, ...Object.fromEntries(kept) } };
  });

type Form = { readonly order: number; readonly space: string; readonly colon: string; readonly end: string };

const anyForm: fc.Arbitrary<Form> = fc.record({
  order: fc.constantFrom(0, 0, 1, 3, 7, 11),
  space: mostly('', ' ', '\n\t', '\u00a0', '\u000b'),
  colon: mostly(':', ': ', ' :', '::'),
  end: mostly('', ' \r\n', '}', ',', '\u0000', ' x'),
});

function mostly(usual: string, ...others: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
}

/** An event as text: its keys in another order, with white space and with something behind it. */
function print(value: unknown, form: Form): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  const ordered = form.order === 0 ? entries.toSorted(([left], [right]) => (left < right ? -1 : 1)) : entries;
  const rotated = [...ordered.slice(form.order), ...ordered.slice(0, form.order)];
  const members = rotated.map(
    ([name, inner]) => JSON.stringify(name) + form.colon + print(inner, { ...form, end: '' }),
  );
  return `{${form.space}${members.join(`,${form.space}`)}${form.space}}${form.end}`;
}

type Edit = (text: string) => string;

/** Changes that each make one thing of a good event's text odd or wrong. */
const edits: readonly Edit[] = [
  ...['"cvv":1,', '"__proto__":{},', '"currency":"EUR",', '"amountMinor":1,', '"":0,', ','].map(
    (member): Edit =>
      (text) =>
        text.replace('{', `{${member}`),
  ),
  ...['1.0', '1e3', '01', '-0', '-1', '1.50', '.5', '5.', '+1', 'NaN', 'null', 'true', '1E400', '12345.', '0', '7'].map(
    (number): Edit =>
      (text) =>
        text.replace(/("amountMinor"\s*:\s*)\d+/, `$1${number}`),
  ),
  ...[
    '0.0',
    '-0',
    '-0.5',
    '1.50',
    '52',
    '1e1',
    '0.000001',
    '0.0000001',
    '00.5',
    '1.',
    '52.123456789012345',
    '90.1',
  ].map(
    (number): Edit =>
      (text) =>
        text.replace(/("latitude"\s*:\s*)[-\d.e]+/, `$1${number}`),
  ),
  ...['\\u0061', '\\n', '\\"', '\\/', '\\', '\u0001', '\u007f', 'é', '日本', '\ud83d\ude00'].map(
    (inserted): Edit =>
      (text) =>
        text.replace(/("eventId"\s*:\s*"[^"]{0,2})/, (found) => found + inserted),
  ),
  ...['[]', '{}', '[1]', '{"latitude":1}', '{"latitude":1,"longitude":2,"latitude":3}', 'null', '"x"'].map(
    (inner): Edit =>
      (text) =>
        text.replace(/"location"\s*:\s*\{[^}]*\}/, `"location":${inner}`),
  ),
  ...['\ufeff', ' ', '[', '"'].map(
    (start): Edit =>
      (text) =>
        start + text,
  ),
  (text) => text.replace(/"amountMinor"\s*:\s*\d+/, '$&,"amountMinor":5'),
  (text) => text.replace(/"eventId"\s*:\s*"[^"]*"/, '$&,"eventId":"again"'),
];

const anyEdit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 4, arbitrary: fc.constant((text: string) => text) },
  { weight: 3, arbitrary: fc.constantFrom(...edits) },
  {
    weight: 1,
    arbitrary: fc.nat({ max: 400 }).map(
      (length): Edit =>
        (text) =>
          text.slice(0, length),
    ),
  },
);

const plainForm: Form = { order: 0, space: '', colon: ':', end: '' };

function expectSame(comparison: Comparison, topic: string, bytes: Uint8Array): void {
  const { found, expected } = compare(comparison, topic, bytes);
  expect(found).toEqual(expected);
}

describe('the compiled decoder says what the readable one says', () => {
  test('of events in any order and form, good and bad', () => {
    const comparison = createComparison();
    fc.assert(
      fc.property(anyEvent, anyForm, anyEdit, ({ topic, event }, form, edit) => {
        expectSame(comparison, topic, utf8.encode(edit(print(event, form))));
      }),
      { numRuns: 800 },
    );
    expect(comparison.tally.fast).toBeGreaterThan(500);
    expect(comparison.tally.slowAccepted).toBeGreaterThan(50);
    expect(comparison.tally.refused).toBeGreaterThan(500);
  });

  test('of good events with bytes changed at random', () => {
    const comparison = createComparison();
    const flips = fc.array(
      fc.tuple(fc.nat({ max: 500 }), fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.nat({ max: 255 }))),
      { minLength: 1, maxLength: 2 },
    );
    fc.assert(
      fc.property(anyEvent, flips, ({ topic, event }, changes) => {
        const bytes = utf8.encode(print(event, plainForm));
        for (const [place, byte] of changes) bytes[place % bytes.length] = byte;
        expectSame(comparison, topic, bytes);
      }),
      { numRuns: 500 },
    );
    expect(comparison.tally.fast).toBeGreaterThan(30);
    expect(comparison.tally.refused).toBeGreaterThan(500);
  });

  test.each(samples)('of %s cut at every byte, and with every byte flipped', (topic, sample) => {
    const comparison = createComparison();
    const bytes = utf8.encode(print(sample, plainForm));
    for (let place = 0; place < bytes.length; place += 1) {
      expectSame(comparison, topic, bytes.subarray(0, place));
      for (const bit of [1, 32]) expectSame(comparison, topic, bytes.with(place, bytes[place]! ^ bit));
    }
    expect(comparison.tally.fast).toBeGreaterThan(100);
    expect(comparison.tally.refused).toBeGreaterThan(500);
  });

  test.each(samples)('of %s with each thing odd or wrong, and with a space at every place', (topic, sample) => {
    const comparison = createComparison();
    const declared = JSON.stringify(sample);
    for (const text of [print(sample, plainForm), declared]) {
      for (const edit of edits) expectSame(comparison, topic, utf8.encode(edit(text)));
      for (let place = 0; place <= text.length; place += 1) {
        expectSame(comparison, topic, utf8.encode(`${text.slice(0, place)} ${text.slice(place)}`));
      }
    }
    expect(comparison.tally.fast).toBeGreaterThan(100);
    expect(comparison.tally.slowAccepted).toBeGreaterThan(10);
    expect(comparison.tally.refused).toBeGreaterThan(50);
  });

  test('of an event of exactly 64 KiB and of one byte more', () => {
    const comparison = createComparison();
    const text = JSON.stringify(sampleDispute);
    for (const sizeBytes of [65_536, 65_537]) {
      expectSame(comparison, 'payments.dispute.v1', utf8.encode(text.padEnd(sizeBytes)));
    }
    expect(comparison.tally).toEqual({ fast: 3, slowAccepted: 0, refused: 3 });
  });

  test('of an event cut short of its bytes, which never reads beyond them', () => {
    const comparison = createComparison();
    const long = Object.entries(sampleAuthorization).map(([name, value]) => [
      name,
      /Id$|Token$|Prefix$/.test(name) ? 'x'.repeat(120) : value,
    ]);
    const bytes = utf8.encode(print(Object.fromEntries(long), plainForm));
    for (let end = 0; end <= bytes.length; end += 1) {
      for (const block of [bytes.subarray(0, end + 256), bytes.subarray(0, end + 257)]) {
        const { found, expected } = compareSpan(comparison, 'payments.authorization.v1', { block, start: 0, end });
        expect(found).toEqual(expected);
      }
    }
    expect(comparison.tally).toMatchObject({ fast: 2, refused: bytes.length * 2 });
  });

  test('of JSON of any kind and of arbitrary bytes', () => {
    const comparison = createComparison();
    const topic = 'payments.dispute.v1';
    // Without backslashes: V8 of Node 24.21 reads the key `\"` as `\` once it has parsed an object with the key `\`.
    const json = fc.json().filter((text) => !text.includes('\\\\'));
    fc.assert(fc.property(json, (text) => expectSame(comparison, topic, utf8.encode(text))));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => expectSame(comparison, topic, bytes)));
    expect(comparison.tally.refused).toBe(600);
  });
});
