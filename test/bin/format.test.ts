import { describe, expect, test } from 'vitest';
import { hideCardNumbers } from '../../bin/card-guard.ts';
import {
  clip,
  formatAmount,
  formatBar,
  formatBytes,
  formatDuration,
  formatMs,
  formatShare,
  formatTime,
  wrap,
} from '../../bin/format.ts';

describe('a formatted number', () => {
  test.each([
    [formatAmount(123_456, 'EUR'), '1,234.56 EUR'],
    [formatAmount(5, 'EUR'), '0.05 EUR'],
    [formatAmount(-5, 'EUR'), '-0.05 EUR'],
    [formatAmount(1234, 'JPY'), '1,234 JPY'],
    [formatAmount(9_007_199_254_740_993n, 'EUR'), '90,071,992,547,409.93 EUR'],
    [formatShare(1, 3), '33.33 %'],
    [formatShare(0, 0), 'n/a'],
    [formatBytes(1023), '1023 B'],
    [formatBytes(1536), '1.5 KiB'],
    [formatMs(null), 'n/a'],
    [formatMs(3.14159), '3.14 ms'],
    [formatMs(12_345), '12.3 s'],
    [formatDuration(61_000), '1:01'],
    [formatDuration(3_661_000), '1:01:01'],
    [formatTime(Date.UTC(2026, 0, 2, 3, 4, 5)), '2026-01-02 03:04:05 UTC'],
    [formatTime(Infinity), 'the end'],
    [formatTime(-Infinity), 'none yet'],
    [clip('abcdef', 4), 'abc…'],
    [clip('abcd', 4), 'abcd'],
    [formatBar(0.5, 4), '██'],
    [formatBar(2, 2), '██'],
    [formatBar(1 / 16, 2), '▏'],
  ])('%s', (got, expected) => {
    expect(got).toBe(expected);
  });

  test('wraps at blanks', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
  });
});

describe('a card number', () => {
  test.each(['4111111111111111', '4111 1111 1111 1111', '4111-1111-1111-1111', '378282246310005'])(
    'such as %s is not printed',
    (number) => {
      expect(hideCardNumbers(`got ${number}, expected a token`)).toBe('got [card number], expected a token');
    },
  );

  test.each([
    '4111111111111112',
    '53d27d79170064b0137f1ecb365358bc',
    'tx-00000042',
    '2026-01-01 00:00:00',
    'a4111111111111111',
  ])('is not seen in %s', (text) => {
    expect(hideCardNumbers(text)).toBe(text);
  });
});
