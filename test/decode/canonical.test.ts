import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../../core/decode/canonical.ts';

/** The slow obvious twin: sorts the printed entries of every object. */
function canonicalTwin(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalTwin).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalTwin(inner)}`).join(',')}}`;
}

/**
 * Without a backslash: once V8 of Node 24.21 has parsed an object with the key `\`, `JSON.parse` reads the key `\"` of a
 * like object as `\`. No contract has such a field, and strict contracts refuse either.
 */
const nameOfLetters = fc.stringMatching(/^[a-zA-Z_é"]{0,4}$/);

const { value: anyJson } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false, -0, 1e21, 0.1),
    fc.integer(),
    fc.string(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(nameOfLetters, tie('value'), { maxKeys: 5 }),
  ),
}));

test('canonical text has its keys in order and no white space', () => {
  expect(canonicalJson({ b: [{ d: 1, c: 'x y' }], a: null })).toBe('{"a":null,"b":[{"c":"x y","d":1}]}');
});

test('canonical text equals that of the twin which sorts every object', () => {
  fc.assert(
    fc.property(anyJson, (value) => {
      expect(canonicalJson(value)).toBe(canonicalTwin(value));
    }),
  );
});

test('canonical text reads back as the same value', () => {
  fc.assert(
    fc.property(anyJson, (value) => {
      const plain: unknown = JSON.parse(JSON.stringify(value));
      expect(JSON.parse(canonicalJson(value))).toEqual(plain);
    }),
  );
});

test('keys that are whole numbers come out the same whatever their order was', () => {
  const left = canonicalJson(JSON.parse('{"b":1,"10":2,"9":3}'));
  expect(left).toBe(canonicalJson(JSON.parse('{"9":3,"10":2,"b":1}')));
});
