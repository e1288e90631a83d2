import { describe, expect, test } from 'vitest';
import { authorizationContract } from '../../core/contract/authorization.ts';
import type { Duration } from '../../core/contract/duration.ts';
import { avg, count, defineFeatures, share, sum } from '../../core/features/define.ts';
import handbook from '../../examples/handbook/features.ts';
import { define, type Payment } from './vectors.ts';

describe('a definition throws and says what it got and what it expected', () => {
  test('of an unknown field, with the known ones', () => {
    const unknown = (payment: Payment) => ({ amount: count().by(Reflect.get(payment, 'acountId')).over('1h') });
    expect(() => define(unknown)).toThrow(
      /^got the unknown field acountId of payments\.authorization\.v1, expected one of .*accountId/,
    );
  });

  test('of an unknown field inside a field', () => {
    const unknown = (payment: Payment) => ({ place: Reflect.get(payment.location, 'height') });
    expect(() => define(unknown)).toThrow(
      'got the unknown field height of payments.authorization.v1, location, expected one of latitude, longitude',
    );
  });

  test.each(['Total', '1st', 'a-b', '', 'amount_settled', 'x'.repeat(64)])('of the feature name %j', (name) => {
    expect(() => define((payment) => ({ [name]: payment.amountMinor }))).toThrow(
      `got the feature name ${JSON.stringify(name)}, expected lower_snake_case not ending in _settled`,
    );
  });

  test.each([
    [{ name: 'Handbook' }, 'got the name "Handbook", expected lower case such as handbook'],
    [{ version: 0 }, 'got version 0, expected 1 or more'],
    [{ version: 1.5 }, 'got version 1.5, expected 1 or more'],
    [{ features: () => ({}) }, 'got 0 features in defined, expected 1 to 256'],
  ])('of %j', (change, message) => {
    const features = (payment: Payment) => ({ amount: payment.amountMinor });
    const definition = { name: 'defined', version: 1, on: authorizationContract, features };
    expect(() => defineFeatures({ ...definition, ...change })).toThrow(message);
  });

  test.each<Duration>(['0s', '1.5h', '-1d', '1e3s'])('of the window %s', (window) => {
    const features = (payment: Payment) => ({ total: count().by(payment.accountId).over(window) });
    expect(() => define(features)).toThrow(
      `feature total: got duration ${JSON.stringify(window)}, expected a whole number with s, m, h or d, such as 7d`,
    );
  });

  test('of a window that reaches back too far', () => {
    expect(() => define(({ accountId }) => ({ total: count().by(accountId).over('700d').delayedBy('101d') }))).toThrow(
      'feature total: got a window that reaches back 69206400000 ms, expected at most 69120000000',
    );
  });

  test('of a constant that is no finite number', () => {
    expect(() => define(({ amountMinor }) => ({ amount: amountMinor.plus(Number.NaN) }))).toThrow(
      'got the constant NaN, expected a finite number, a text or a term',
    );
  });

  test('of two labels in one definition', () => {
    const { isFraud } = authorizationContract.labels;
    const on = {
      ...authorizationContract,
      labels: { isFraud, isOther: { ...isFraud, when: { field: 'reason', equals: 'other' } } },
    };
    const twoLabels = () =>
      defineFeatures({
        name: 'two',
        version: 1,
        on,
        features: (payment) => ({
          fraud: share(payment.isFraud).by(payment.accountId).over('7d').delayedBy('7d'),
          other: share(payment.isOther).by(payment.accountId).over('7d').delayedBy('7d'),
        }),
      });
    expect(twoLabels).toThrow('feature other: got the labels isFraud and isOther, expected one label in a definition');
  });
});

describe('a plan', () => {
  test('is plain data that reads back as it was', () => {
    expect(structuredClone(handbook.plan)).toEqual(handbook.plan);
    expect(JSON.parse(JSON.stringify(handbook.plan))).toEqual(handbook.plan);
  });

  test('holds what is the same once', () => {
    const { plan } = define(({ amountMinor, accountId }) => ({
      total: sum(amountMinor).by(accountId).over('1h'),
      again: sum(amountMinor).by(accountId).over('1h').dividedBy(100),
      average: avg(amountMinor).by(accountId).over('1h'),
    }));
    expect(plan.keys).toEqual(['accountId']);
    expect(plan.windowColumns).toHaveLength(1);
    expect(plan.aggregates.map(({ kind }) => kind)).toEqual(['sum', 'avg']);
  });

  test('has a hash that every difference changes', () => {
    const hashes = [
      define(({ accountId }) => ({ total: count().by(accountId).over('1h') })),
      define(({ accountId }) => ({ sum_total: count().by(accountId).over('1h') })),
      define(({ accountId }) => ({ total: count().by(accountId).over('2h') })),
      define(({ cardToken }) => ({ total: count().by(cardToken).over('1h') })),
      define(({ accountId }) => ({ total: count().by(accountId).over('1h').delayedBy('1s') })),
      define(({ accountId }) => ({ total: count().by(accountId).over('1h').excludingItself() })),
    ].map(({ hash }) => hash);
    expect(new Set(hashes).size).toBe(6);
    expect(define(({ accountId }) => ({ total: count().by(accountId).over('1h') })).hash).toBe(hashes[0]);
  });

  // Another hash is another definition: it then needs a new version, since decisions name the hash that they used.
  test('of the handbook has the hash of its version 1', () => {
    expect(handbook.plan).toMatchObject({ name: 'handbook', version: 1 });
    expect(handbook.hash).toBe('27a57736a34954e2e068fd3a841380e8ed31d233be94515b496ea3307e82f8f7');
  });
});
