import { expect, test } from 'vitest';
import { nearestName } from '../../core/score/nearest-name.ts';

test.each([
  ['amount_minor', 'amountMinor'],
  ['mc', 'mcc'],
  ['CUSTOMER_COUNT_1D', 'customer_count_1d'],
  ['customer_count_2d', 'customer_count_1d'],
  ['terminal', undefined],
  ['', undefined],
])('%j is nearest to %j', (name, nearest) => {
  expect(nearestName(name, ['mcc', 'amountMinor', 'customer_count_1d'])).toBe(nearest);
});

test('the first of equally near names is taken', () => {
  expect(nearestName('night', ['might', 'light'])).toBe('might');
});
