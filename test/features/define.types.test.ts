import { describe, expect, test } from 'vitest';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { avg, count, defineFeatures, last, share, sum } from '../../core/features/define.ts';

/** Each mistake is an error of the compiler, as its line says, and of the definition too, which runs unchecked as well. */
const definition = { name: 'wrong', version: 1, on: authorizationContract };

describe('what does not compile throws as well', () => {
  test('an unknown field', () => {
    const wrong = () =>
      defineFeatures({
        ...definition,
        // @ts-expect-error -- acountId is no field of an authorization
        features: (payment) => ({ total: count().by(payment.acountId).over('1h') }),
      });
    expect(wrong).toThrow('got the unknown field acountId');
  });

  test('a sum over a text', () => {
    const wrong = () =>
      defineFeatures({
        ...definition,
        // @ts-expect-error -- a merchant is a text
        features: (payment) => ({ total: sum(payment.merchantId).by(payment.accountId).over('1h') }),
      });
    expect(wrong).toThrow('got sum over a text, expected a number');
  });

  test('a window by a number', () => {
    const wrong = () =>
      defineFeatures({
        ...definition,
        // @ts-expect-error -- an amount is no key
        features: (payment) => ({ total: count().by(payment.amountMinor).over('1h') }),
      });
    expect(wrong).toThrow('feature total: got an aggregate without .by(text field)');
  });

  test('a label without a delay', () => {
    const wrong = () =>
      defineFeatures({
        ...definition,
        // @ts-expect-error -- a label is no feature before its delay
        features: (payment) => ({ rate: share(payment.isFraud).by(payment.terminalId).over('7d') }),
      });
    expect(wrong).toThrow('feature rate: got the label isFraud delayed by 0 ms, expected at least 604800000 ms');
  });

  test('a label that is read a day too early', () => {
    const wrong = () =>
      defineFeatures({
        ...definition,
        // @ts-expect-error -- 6d is shorter than 7d
        features: (payment) => ({ rate: share(payment.isFraud).by(payment.terminalId).over('7d').delayedBy('6d') }),
      });
    expect(wrong).toThrow(
      'feature rate: got the label isFraud delayed by 518400000 ms, expected at least 604800000 ms',
    );
  });

  test('a label in a condition that is read too early', () => {
    const wrong = () =>
      defineFeatures({
        ...definition,
        // @ts-expect-error -- the condition reads the label
        features: (payment) => ({ frauds: count().where(payment.isFraud).by(payment.terminalId).over('7d') }),
      });
    expect(wrong).toThrow('feature frauds: got the label isFraud delayed by 0 ms');
  });

  test('a feature that is a text', () => {
    const wrong = () =>
      defineFeatures({
        ...definition,
        // @ts-expect-error -- a feature is a number
        features: (payment) => ({ merchant: last(payment.merchantId).by(payment.accountId).over('1h') }),
      });
    expect(wrong).toThrow('feature merchant: got a text, expected a number: compare or count texts');
  });

  test('an aggregate of an aggregate', () => {
    const wrong = () =>
      defineFeatures({
        ...definition,
        features: (payment) => {
          const total = sum(payment.amountMinor).by(payment.accountId).over('1h');
          // @ts-expect-error -- what is aggregated is read off one event
          return { nested: avg(total).by(payment.accountId).over('1d') };
        },
      });
    expect(wrong).toThrow('feature nested: got an aggregate inside an aggregate, expected fields of the event');
  });

  test('the label of the event itself', () => {
    const wrong = () =>
      defineFeatures({
        ...definition,
        // @ts-expect-error -- nobody knows it yet
        features: (payment) => ({ fraud: payment.isFraud }),
      });
    expect(wrong).toThrow('feature fraud: got the label isFraud of the event itself, which nobody knows yet');
  });

  test('an aggregate without its window', () => {
    const wrong = () =>
      defineFeatures({
        ...definition,
        // @ts-expect-error -- a window is missing
        features: (payment) => ({ total: count().by(payment.accountId) }),
      });
    expect(wrong).toThrow('feature total: got no term, expected a number, such as count().by(key).over(window)');
  });

  test('and what is right does neither', () => {
    const { plan } = defineFeatures({
      ...definition,
      features: (payment) => ({
        rate: share(payment.isFraud).by(payment.terminalId).over('7d').delayedBy('7d'),
        later: share(payment.isFraud).by(payment.terminalId).over('7d').delayedBy('30d').orElse(0),
        same: last(payment.merchantId).by(payment.accountId).over('1h').equals(payment.merchantId),
      }),
    });
    expect(plan.features.map(({ name }) => name)).toEqual(['rate', 'later', 'same']);
  });
});
