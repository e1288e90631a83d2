import fc from 'fast-check';
import { expect, test } from 'vitest';
import { looksLikeCardNumber } from '../../core/contract/identifier.ts';
import { mayBeCardNumber } from '../../core/decode/compiled-card-number.ts';

function mayBe(text: string): boolean {
  const bytes = new TextEncoder().encode(`7${text}7`);
  return mayBeCardNumber(new DataView(bytes.buffer), 1, bytes.length - 1);
}

test('of digits alone, what may be a card number is what looks like one', () => {
  let count = 0;
  fc.assert(
    fc.property(fc.stringMatching(/^\d{13,23}$/), (text) => {
      if (looksLikeCardNumber(text)) count += 1;
      expect(mayBe(text)).toBe(looksLikeCardNumber(text));
    }),
    { numRuns: 2000 },
  );
  expect(count).toBeGreaterThan(20);
});

test('of any text, what looks like a card number may be one', () => {
  const groups = [/^[1-6]\d{3} \d{4} \d{4} \d{4}$/, /^[1-6]\d{3}-\d{4}-\d{4}-\d{4}-\d{3}$/, /^3\d{3} \d{6} \d{5}$/];
  const grouped = fc.oneof(...groups.map((group) => fc.stringMatching(group)));
  let count = 0;
  fc.assert(
    fc.property(fc.oneof(grouped, fc.stringMatching(/^[\d -]{13,23}$/)), (text) => {
      if (!looksLikeCardNumber(text)) return;
      count += 1;
      expect(mayBe(text)).toBe(true);
    }),
    { numRuns: 3000 },
  );
  expect(count).toBeGreaterThan(20);
});

test.each([
  '1700000000123',
  '0000000000000',
  '4111111111111112',
  '4111111111111111a',
  'account-1234567',
  '7992739871300',
])('the id %s is no card number', (text) => {
  expect(mayBe(text)).toBe(false);
});
