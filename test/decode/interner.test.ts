import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createInterner,
  internBytes,
  type Interner,
  internText,
  locateText,
  scopeOf,
  segmentBytes,
  sharedScope,
  sizeOf,
  textBytesMax,
  textOf,
  type TextPlace,
} from '../../core/decode/interner.ts';
import { exportFrom, importTexts } from '../../core/decode/interner-transfer.ts';

const utf8 = new TextEncoder();

/** Texts of which many are the same, in a few scopes. */
const anyTexts = fc.array(
  fc.tuple(fc.oneof(fc.string({ maxLength: 3 }), fc.string({ unit: 'grapheme', maxLength: 40 })), fc.nat({ max: 3 })),
  { maxLength: 200 },
);

function internAll(interner: Interner, texts: readonly (readonly [string, number])[]): number[] {
  return texts.map(([text, scope]) => internText(interner, text, scope - 1));
}

describe('an interner', () => {
  test('numbers texts by first appearance in their scope, as a map of both does', () => {
    fc.assert(
      fc.property(anyTexts, (texts) => {
        const known = new Map<string, number>();
        const expected = texts.map(([text, scope]) => {
          const key = `${scope} ${text}`;
          if (!known.has(key)) known.set(key, known.size);
          return known.get(key);
        });
        const interner = createInterner();
        expect(internAll(interner, texts)).toEqual(expected);
        expect(sizeOf(interner)).toBe(known.size);
        for (const [index, [text, scope]] of texts.entries()) {
          const id = expected[index]!;
          expect([textOf(interner, id), scopeOf(interner, id)]).toEqual([text, scope - 1]);
          const place: TextPlace = { bytes: new Uint8Array(0), start: 0, end: 0, scope: Number.NaN };
          locateText(interner, id, place);
          expect(place.bytes.slice(place.start, place.end)).toEqual(utf8.encode(text));
          expect(place.scope).toBe(scope - 1);
        }
      }),
    );
  });

  test('reads a span of bytes as the text that it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat({ max: 9 }), (text, before) => {
        const interner = createInterner();
        const span = utf8.encode(text);
        const bytes = new Uint8Array(before + span.length).fill(0x61);
        bytes.set(span, before);
        const id = internText(interner, text, 7);
        expect(internBytes(interner, bytes, before, bytes.length, 7)).toBe(id);
        expect(internBytes(interner, bytes, before, bytes.length, 8)).toBe(id + 1);
        expect(internText(interner, text, 8)).toBe(id + 1);
        expect(sizeOf(interner)).toBe(2);
      }),
    );
  });

  test('keeps the same text of two scopes apart', () => {
    const interner = createInterner();
    const ids = [sharedScope, 0, 1].map((scope) => internText(interner, 'acct-1', scope));
    expect(ids).toEqual([0, 1, 2]);
    expect(ids.map((id) => scopeOf(interner, id))).toEqual([-1, 0, 1]);
  });

  test('takes texts up to its limit and refuses longer ones', () => {
    const interner = createInterner();
    const longest = 'é'.repeat((textBytesMax - 1) / 2);
    expect(textOf(interner, internText(interner, `${longest}a`, 0))).toBe(`${longest}a`);
    expect(() => internText(interner, `${longest}ab`, 0)).toThrow('got a text of 65536 bytes');
    expect(sizeOf(interner)).toBe(1);
  });

  test('throws for an id that it never gave', () => {
    const interner = createInterner();
    internText(interner, 'a', 0);
    for (const id of [-1, 1, Number.NaN]) expect(() => textOf(interner, id)).toThrow('expected one below 1');
  });

  test('holds 200,000 texts over many segments and finds each again, here and after a transfer', () => {
    const interner = createInterner();
    const count = 200_000;
    const text = (index: number): string => `account-${'x'.repeat(index % 17)}${index}`;
    for (let index = 0; index < count; index += 1) expectId(internText(interner, text(index), index % 5), index);
    const copy = createInterner();
    importTexts(copy, exportFrom(interner, 0));
    for (const held of [interner, copy]) {
      for (let index = 0; index < count; index += 1) expectId(internText(held, text(index), index % 5), index);
      expect(sizeOf(held)).toBe(count);
      expect(held.end).toBeGreaterThan(4 * segmentBytes);
      expect(textOf(held, 131_071)).toBe(text(131_071));
      expect(textOf(held, 65_535)).toBe(text(65_535));
    }
  });
});

/** Without the cost of an assertion each. */
function expectId(found: number, expected: number): void {
  if (found !== expected) throw new Error(`got id ${found}, expected ${expected}`);
}

describe('a transfer', () => {
  test('in any pieces gives an interner with the same ids', () => {
    fc.assert(
      fc.property(anyTexts, fc.array(fc.nat({ max: 200 }), { maxLength: 4 }), (texts, cuts) => {
        const interner = createInterner();
        internAll(interner, texts);
        const size = sizeOf(interner);
        const bounds = [0, ...cuts.map((cut) => Math.min(cut, size)), size].toSorted((left, right) => left - right);
        const copy = createInterner();
        for (const [index, bound] of bounds.slice(0, -1).entries()) {
          importTexts(copy, exportFrom(interner, bound, bounds[index + 1]));
        }
        expect(exportFrom(copy, 0)).toEqual(exportFrom(interner, 0));
        expect(internAll(copy, texts)).toEqual(internAll(interner, texts));
        expect(sizeOf(copy)).toBe(size);
      }),
    );
  });

  test('leaves out the end of a segment where no text fitted', () => {
    const interner = createInterner();
    const text = 'x'.repeat(60_000);
    for (let index = 0; index < 40; index += 1) internText(interner, `${text}${index}`, 0);
    expect(interner.segments).toHaveLength(3);
    const copy = createInterner();
    importTexts(copy, exportFrom(interner, 0, 20));
    importTexts(copy, exportFrom(interner, 20));
    expect(Array.from({ length: 40 }, (_, id) => textOf(copy, id).slice(60_000))).toEqual(
      Array.from({ length: 40 }, (_, id) => String(id)),
    );
  });

  test('that does not go on where the interner ends, or is cut, is refused', () => {
    const interner = createInterner();
    for (const text of ['a', 'bc', 'def']) internText(interner, text, -1);
    expect(() => importTexts(createInterner(), exportFrom(interner, 1))).toThrow('got texts from id 1 on, expected 0');
    const packed = exportFrom(interner, 0);
    for (let length = 0; length < packed.length; length += 1) {
      expect(() => importTexts(createInterner(), packed.subarray(0, length))).toThrow(/^got /);
    }
    expect(() => importTexts(createInterner(), Uint8Array.of(...packed, 0))).toThrow('got 1 bytes after the last text');
    expect(() => exportFrom(interner, 4, 5)).toThrow('got text id 4');
    expect(() => exportFrom(interner, 2, 1)).toThrow('got text ids from 2 to 1');
  });
});
