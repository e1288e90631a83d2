import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { canonicalHash } from '../../core/score/canonical-hash.ts';

test('it is the SHA-256 of the text with sorted keys', () => {
  const value = { b: [1, { d: null, c: 'x"y' }], a: true };
  const text = '{"a":true,"b":[1,{"c":"x\\"y","d":null}]}';
  expect(canonicalHash(value)).toBe(createHash('sha256').update(text).digest('hex'));
});

test('the order of keys, and keys without a value, do not change it', () => {
  expect(canonicalHash({ a: 1, b: 2, c: undefined })).toBe(canonicalHash({ b: 2, a: 1 }));
});

test('the order of a list changes it', () => {
  expect(canonicalHash([1, 2])).not.toBe(canonicalHash([2, 1]));
});
