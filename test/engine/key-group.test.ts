import { expect, test } from 'vitest';
import { keyGroupOf, keyGroups } from '../../core/engine/key-group.ts';

test('a key is in the same group for ever', () => {
  const groups = ['a', 'account-1', 'Zürich', ''].map((key) => keyGroupOf({ tenantId: 'bank', key }));
  expect(groups).toEqual([6, 28, 18, 26]);
});

test('tenant and key are told apart', () => {
  const groups = new Set(
    ['a\u0000b', 'a'].map((tenantId) => keyGroupOf({ tenantId, key: tenantId === 'a' ? 'b' : '' })),
  );
  expect(groups.size).toBe(2);
});

test('numbered keys spread evenly over all groups', () => {
  const counts = Array.from({ length: keyGroups }, () => 0);
  for (let number = 0; number < 32_000; number++) {
    const group = keyGroupOf({ tenantId: 'bank', key: `account-${number}` });
    counts[group] = (counts[group] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(850);
  expect(Math.max(...counts)).toBeLessThan(1150);
});
