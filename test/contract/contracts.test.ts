import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Authorization, authorizationContract } from '../../core/contract/authorization.ts';
import { type Contract, defineContract } from '../../core/contract/contract.ts';
import { contracts, inputContracts } from '../../core/contract/contracts.ts';
import { type DecisionEvent, decisionContract } from '../../core/contract/decision.ts';
import { eventReaders } from '../../core/contract/domain-event.ts';
import { looksLikeCardNumber } from '../../core/contract/identifier.ts';
import type { Decision } from '../../core/score/decision.ts';
import {
  sampleAuthorization,
  sampleDispute,
  sampleLedgerEntry,
  sampleMeasurement,
  sampleReading,
  sampleRelease,
} from './sample-events.ts';

const sampleDecision: Decision = {
  decisionId: 'decision-1',
  contract: 'payments.authorization.v1',
  tenantId: 'bank-1',
  accountId: 'account-1',
  eventId: 'auth-1',
  eventTimeMs: 1_700_000_000_123,
  bodyHash: 'b'.repeat(64),
  score: 512,
  outcome: 'review',
  reasonCodes: [{ code: 'A1', text: 'far away', feature: 'km', value: 900, baseline: null, contribution: 1.5 }],
  ruleHits: [{ id: 'r1', version: 2, mode: 'shadow', scoreDelta: 100 }],
  model: { id: 'm', version: '1', hash: 'c'.repeat(64) },
  ruleSet: { id: 'rules', version: 3, hash: 'd'.repeat(64) },
  featureSet: { name: 'features', version: 1, hash: 'e'.repeat(64) },
  features: [1, null],
  topic: 'payments.authorization.v1',
  partition: 0,
  offset: 7,
  foreignReads: [{ feature: 'terminal_count', offset: 6, ageMs: 20 }],
  watermarkMs: null,
  late: false,
  tooLate: false,
  fallback: { stage: 'model', reason: 'deadline' },
};

const samples: readonly (readonly [topic: string, event: object])[] = [
  ['payments.authorization.v1', sampleAuthorization],
  ['payments.clearing.v1', sampleRelease],
  ['payments.reversal.v1', sampleRelease],
  ['payments.dispute.v1', sampleDispute],
  ['fraud.decision.v1', sampleDecision],
  ['ledger.entry.v1', sampleLedgerEntry],
  ['telemetry.reading.v1', sampleReading],
  ['telemetry.measurement.v1', sampleMeasurement],
];

function contractOf(topic: string): Contract {
  const contract = contracts.get(topic);
  if (contract === undefined) throw new Error(`got no contract ${topic}`);
  return contract;
}

describe('the contracts', () => {
  test('are the eight that the samples cover', () => {
    expect([...contracts.keys()]).toEqual(samples.map(([topic]) => topic));
    expect([...inputContracts.keys()]).toEqual(samples.slice(0, 4).map(([topic]) => topic));
    expect([...eventReaders.keys()]).toEqual([...inputContracts.keys()]);
  });

  test.each(samples)('%s accepts its sample unchanged', (topic, event) => {
    expect(contractOf(topic).schema.parse(event)).toEqual(event);
  });

  test.each(samples)('%s gives an event with its fields in sorted order', (topic, event) => {
    const fields = Object.keys(Object(contractOf(topic).schema.parse(event)));
    expect(fields.length).toBeGreaterThan(5);
    expect(fields).toEqual(fields.toSorted());
  });

  test('name an id, a key and nested fields that their events have', () => {
    for (const [topic, event] of samples.filter(([topic]) => !/^(ledger)/.test(topic))) {
      const { idField = 'eventId', key, nested } = contractOf(topic);
      expect(Object.keys(event)).toEqual(expect.arrayContaining([idField, key, ...nested]));
    }
    expect(contractOf('telemetry.reading.v1').idField).toBe('readingId');
  });

  test.each(samples)('%s refuses a field that it does not have', (topic, event) => {
    expect(contractOf(topic).schema.safeParse({ ...event, cvv: '123' }).success).toBe(false);
  });

  test.each(samples)('%s refuses a sample without any one of its fields but the optional ones', (topic, event) => {
    const optional = new Set(['location', 'deviceId', 'ipPrefix']);
    const required = Object.keys(event).filter((name) => !optional.has(name));
    const missed = required.filter((field) => {
      const rest = Object.fromEntries(Object.entries(event).filter(([name]) => name !== field));
      return contractOf(topic).schema.safeParse(rest).success;
    });
    expect(required.length).toBeGreaterThan(5);
    expect(missed).toEqual([]);
  });

  test('of a decision and the scoring stage agree on its type', () => {
    const outgoing: DecisionEvent = sampleDecision;
    const scored: Decision = decisionContract.schema.parse(outgoing);
    const isSameFields: keyof Decision extends keyof DecisionEvent
      ? keyof DecisionEvent extends keyof Decision
        ? true
        : false
      : false = true;
    expect(scored).toEqual(sampleDecision);
    expect(isSameFields).toBe(true);
  });

  test('keep their key, topic and labels as literal types', () => {
    const key: 'accountId' = authorizationContract.key;
    const nested: readonly ['cardToken'] = authorizationContract.nested;
    const wide: Contract<Authorization> = authorizationContract;
    expect([key, ...nested, wide.topic]).toEqual(['accountId', 'cardToken', 'payments.authorization.v1']);
    expect(authorizationContract.labels.isFraud.knownAfter).toBe('7d');
  });

  test('refer in their labels to topics and fields that exist', () => {
    const { topic, refersTo, when } = authorizationContract.labels.isFraud;
    const disputeShape = Object.keys(Object(contractOf(topic).schema.parse(sampleDispute)));
    expect(disputeShape).toEqual(expect.arrayContaining([refersTo, when.field]));
  });
});

describe('an authorization', () => {
  const accepts = (change: object): boolean =>
    authorizationContract.schema.safeParse({ ...sampleAuthorization, ...change }).success;

  test.each([
    ['a negative amount', { amountMinor: -1 }],
    ['an amount with a fraction', { amountMinor: 1.5 }],
    ['an amount above the limit', { amountMinor: 1e12 + 1 }],
    ['a lower-case currency', { currency: 'eur' }],
    ['an unknown channel', { channel: 'pigeon' }],
    ['a merchant category of three digits', { mcc: '541' }],
    ['a country of three letters', { country: 'DEU' }],
    ['a latitude beyond the pole', { location: { latitude: 90.1, longitude: 0 } }],
    ['a place with a further field', { location: { latitude: 0, longitude: 0, altitude: 0 } }],
    ['a null for an optional field', { deviceId: null }],
    ['an empty id', { eventId: '' }],
    ['an id of 129 characters', { eventId: 'x'.repeat(129) }],
    ['an id with a control character', { merchantId: 'a\nb' }],
    ['an id with half a surrogate pair', { merchantId: 'a\ud800' }],
    ['a time before 1970', { eventTimeMs: -1 }],
    ['a time after the year 9999', { eventTimeMs: 253_402_300_800_000 }],
  ])('with %s is refused', (_name, change) => {
    expect(accepts({})).toBe(true);
    expect(accepts(change)).toBe(false);
  });

  test.each([
    ['no amount', { amountMinor: 0 }],
    ['the largest amount', { amountMinor: 1e12 }],
    ['an id of 128 characters', { eventId: 'x'.repeat(128) }],
    ['an id of other scripts', { merchantId: 'カフェ 🍵' }],
    ['the last moment of the year 9999', { eventTimeMs: 253_402_300_799_999 }],
  ])('with %s is accepted', (_name, change) => {
    expect(accepts(change)).toBe(true);
  });

  const idFields = Object.entries(sampleAuthorization)
    .filter(
      ([name, value]) =>
        typeof value === 'string' && !['currency', 'channel', 'entryMode', 'mcc', 'country'].includes(name),
    )
    .map(([name]) => name);

  test.each(idFields)('with a card number as %s is refused', (field) => {
    expect(idFields).toHaveLength(8);
    expect(accepts({ [field]: '4111111111111111' })).toBe(false);
    expect(accepts({ [field]: '4111111111111112' })).toBe(true);
  });
});

describe('a card number', () => {
  test.each([
    '4111111111111111',
    '4111 1111 1111 1111',
    '4111-1111-1111-1111',
    '378282246310005',
    '3782 822463 10005',
    '135410014004955',
  ])('%s is recognised', (text) => {
    expect(looksLikeCardNumber(text)).toBe(true);
  });

  test.each([
    '4111111111111112',
    '411111111111',
    '00000000000000000000',
    '0000000000000000',
    '1767225600009',
    '9999999999999995',
    '4111 1111-1111 1111',
    'tok_4111111111111111',
  ])('%s is not', (text) => {
    expect(looksLikeCardNumber(text)).toBe(false);
  });

  test('is any 13 to 19 digits that begin as cards do and whose doubled sum ends in 0', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[2-6]\d{12,18}$/), (text) => {
        const digits = text.split('').toReversed().map(Number);
        const weighted = digits.map((digit, index) =>
          index % 2 === 0
            ? [digit]
            : String(digit * 2)
                .split('')
                .map(Number),
        );
        const sum = weighted.flat().reduce((total, digit) => total + digit, 0);
        expect(looksLikeCardNumber(text)).toBe(sum % 10 === 0);
      }),
    );
  });
});

describe('defining a contract', () => {
  const { schema } = authorizationContract;
  const valid = { ...authorizationContract, schema };

  test('throws for a topic without a version', () => {
    expect(() => defineContract({ ...valid, topic: 'payments.authorization' })).toThrow('expected a dotted name');
  });

  test('throws for a time that is no whole number', () => {
    expect(() => defineContract({ ...valid, idleMs: 0.5 })).toThrow('got idleMs 0.5');
    expect(() => defineContract({ ...valid, partitions: 0 })).toThrow('got partitions 0');
  });
});
