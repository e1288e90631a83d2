import { describe, expect, test } from 'vitest';
import { count, share, sum } from '../../core/features/define.ts';
import { comparePlans, describeChange } from '../../core/features/plan-change.ts';
import { define, type Payment } from './vectors.ts';

const base = (payment: Payment) => ({
  spent: sum(payment.amountMinor).by(payment.accountId).over('1h'),
  tries: count().by(payment.accountId).over('10m'),
});
const before = define(base).plan;

describe('two plans compared', () => {
  test('are the same whatever their order', () => {
    const turned = define((payment) => ({ tries: base(payment).tries, spent: base(payment).spent })).plan;
    expect(comparePlans(before, turned)).toEqual({ features: [], isCompatible: true });
  });

  test('are compatible when features were added, wherever they stand', () => {
    const after = define((payment) => ({
      bad: share(payment.isFraud).by(payment.terminalId).over('7d').delayedBy('7d').orElse(0),
      ...base(payment),
    })).plan;
    const change = comparePlans(before, after);
    expect(change.isCompatible).toBe(true);
    expect(change.features.map(describeChange)).toEqual([
      'feature bad was added: orElse(avg(isFraud{payments.dispute.v1.authorizationId where reason is "fraud", known after 7d}).by(terminalId).over(7d).delayedBy(7d), 0)',
    ]);
  });

  test('are not when a feature was changed or removed, and say how', () => {
    const after = define((payment) => ({
      spent: sum(payment.amountMinor).by(payment.accountId).over('2h').excludingItself(),
      large: payment.amountMinor.above(1000),
    })).plan;
    const change = comparePlans(before, after);
    expect(change.isCompatible).toBe(false);
    expect(change.features.map(describeChange)).toEqual([
      'feature spent was sum(amountMinor).by(accountId).over(1h), now sum(amountMinor).by(accountId).over(2h).excludingItself()',
      'feature large was added: above(amountMinor, 1000)',
      'feature tries was removed: count().by(accountId).over(10m)',
    ]);
  });
});
