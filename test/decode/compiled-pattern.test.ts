import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteRangesOf } from '../../core/decode/compiled-pattern.ts';

const patterns = ['^[A-Z]{3}$', '^\\d{4}$', '^[A-Z]{2}$', '^a$', '^[a-cX_]{2}\\d-[0-9]$', '^AB\\d{12}$'];

function fits(text: string, pattern: string): boolean {
  const places = byteRangesOf(pattern);
  if (places === null) throw new Error(`got no ranges of ${pattern}`);
  return (
    places.length === text.length &&
    places.every((ranges, index) => ranges.some(([first, last]) => isWithin(text.charCodeAt(index), first, last)))
  );
}

function isWithin(code: number, ...[first, last]: readonly number[]): boolean {
  return first !== undefined && last !== undefined && code >= first && code <= last;
}

test('a text fits the ranges of a pattern when the pattern matches it', () => {
  const seen = new Set<boolean>();
  for (const pattern of patterns) {
    const expression = new RegExp(pattern);
    const anyText = fc.oneof(fc.stringMatching(expression), fc.string(), fc.stringMatching(/^[\w-]{1,5}$/));
    fc.assert(
      fc.property(anyText, (text) => {
        seen.add(fits(text, pattern));
        expect(fits(text, pattern)).toBe(expression.test(text));
      }),
    );
  }
  expect(seen.size).toBe(2);
});

test.each(
  ['[A-Z]{3}', '^[^a]$', '^a|b$', '^a*$', '^a+$', '^a?$', '^a{1,3}$', '^.$', '^(a)$', '^\\w$', '^$', '^[z-a]$'].concat([
    '^\\p{L}$',
    '^a{0}$',
    '^[a-]$',
    '^[-a]$',
    '^a b$',
    '^"$',
    '^[A-Z]{99}$',
    '^a$\n',
    '^\\d\\$',
  ]),
)('the pattern %s has no ranges', (pattern) => {
  expect(byteRangesOf(pattern)).toBeNull();
});
