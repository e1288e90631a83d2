import type { FieldShape } from '../contract/shape.ts';
import type { CompiledLeaf, CompiledValue } from './compiled-fields.ts';
import type { ByteRange } from './compiled-pattern.ts';

/**
 * Code that reads one value at `p`, leaves `p` behind it and its span in `starts` and `ends`, or returns 0 when it is not
 * certainly what the contract asks for. It uses `view`, `end` and the scratch variables `s`, `w`, `t`, `c` and `v`.
 */
export function readValue({ leaf, value }: CompiledLeaf): string {
  switch (value.kind) {
    case 'text':
      return readText(leaf, value);
    case 'pattern':
      return readPattern(leaf, value.characters);
    case 'choice':
      return readChoice(leaf, value.choices);
    case 'integer':
      return readInteger(leaf, value.bounds);
    case 'number':
      return readNumber(leaf, value.bounds);
    case 'boolean':
      return readBoolean(leaf);
  }
}

/** Bytes as the words to compare at each place; at least four of them, the last word overlapping the one before. */
export function littleEndianWords(bytes: Uint8Array): readonly { readonly at: number; readonly word: number }[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places: number[] = [];
  for (let at = 0; at < bytes.length - 4; at += 4) places.push(at);
  places.push(bytes.length - 4);
  return places.map((at) => ({ at, word: view.getInt32(at, true) }));
}

/**
 * Four bytes at a time: a byte's high bit is set in `t` where the byte is below 0x20, a quotation mark, a backslash, 0x7f
 * or beyond ASCII. A borrow can spoil the bytes after the first one found, never those before.
 */
function readText(leaf: number, { lengthMin, lengthMax, isToken }: Extract<CompiledValue, { kind: 'text' }>): string {
  return `
    if (view.getUint8(p) !== 34) return 0;
    p += 1;
    s = p;
    for (;;) {
      w = view.getInt32(p, true);
      t = (w | (w - 0x20202020) | ((w ^ 0x22222222) - 0x01010101) | ((w ^ 0x5c5c5c5c) - 0x01010101)
        | (w + 0x01010101)) & 0x80808080;
      if (t !== 0) break;
      p += 4;
      if (p >= end) return 0;
    }
    p += (31 - Math.clz32(t & -t)) >> 3;
    if (view.getUint8(p) !== 34) return 0;
    t = p - s;
    if (t < ${lengthMin} || t > ${lengthMax}) return 0;
    ${isToken ? 'if (t >= 13 && t <= 23 && view.getUint8(s) <= 57 && mayBeCardNumber(view, s, p)) return 0;' : ''}
    starts[${leaf}] = s;
    ends[${leaf}] = p;
    p += 1;`;
}

function readPattern(leaf: number, characters: readonly (readonly ByteRange[])[]): string {
  const checks = characters.map((ranges, index) => {
    const fits = ranges.map(([first, last]) => `(c >= ${first} && c <= ${last})`).join(' || ');
    return `c = view.getUint8(p + ${index + 1}); if (!(${fits})) return 0;`;
  });
  return `
    if (view.getUint8(p) !== 34 || view.getUint8(p + ${characters.length + 1}) !== 34) return 0;
    ${checks.join('\n')}
    starts[${leaf}] = p + 1;
    p += ${characters.length + 1};
    ends[${leaf}] = p;
    p += 1;`;
}

function readChoice(leaf: number, choices: readonly string[]): string {
  const branches = choices.map((choice, index) => {
    const [first, ...others] = littleEndianWords(new TextEncoder().encode(`${choice}"`));
    const rest = others.map(({ at, word }) => ` && view.getInt32(p + ${at + 1}, true) === ${word}`).join('');
    return `if (w === ${first?.word}${rest}) { choices[${leaf}] = ${index}; t = ${choice.length}; }`;
  });
  return `
    if (view.getUint8(p) !== 34) return 0;
    w = view.getInt32(p + 1, true);
    ${branches.join(' else ')} else return 0;
    starts[${leaf}] = p + 1;
    p += t + 1;
    ends[${leaf}] = p;
    p += 1;`;
}

type Bounds = NonNullable<FieldShape['bounds']>;

/**
 * Up to 15 digits, which a double holds exactly; four at a time while there are four. The digits of a word become a
 * number by two multiplications: (d0 d1 d2 d3) to (10 d0 + d1, 10 d2 + d3) to their sum.
 */
function readInteger(leaf: number, bounds: Bounds): string {
  return `
    starts[${leaf}] = p;
    ${minus('isNegative', leaf)}
    s = p;
    v = 0;
    if (view.getUint8(p) === 48) {
      if (isNegative${leaf}) return 0;
      p += 1;
    } else {
      while (p < end) {
        w = view.getInt32(p, true);
        t = w - 0x30303030;
        if (((w | t | (w + 0x46464646)) & 0x80808080) !== 0) break;
        t = (Math.imul(t, 10) + (t >> 8)) & 0x00ff00ff;
        v = v * 10000 + (Math.imul(t & 0xff, 100) + (t >> 16));
        p += 4;
        if (p - s > 15) return 0;
      }
      while (p < end && (c = view.getUint8(p) - 48) >= 0 && c <= 9) {
        v = v * 10 + c;
        p += 1;
      }
      if (p === s || p - s > 15) return 0;
    }
    ${finishNumber(leaf, bounds)}`;
}

/** A decimal of at most 15 digits as JavaScript prints it: no exponent, no zero at the end, no small fraction. */
function readNumber(leaf: number, bounds: Bounds): string {
  return `
    starts[${leaf}] = p;
    ${minus('isNegative', leaf)}
    s = p;
    v = 0;
    while (p < end && (c = view.getUint8(p) - 48) >= 0 && c <= 9) {
      v = v * 10 + c;
      p += 1;
      if (p - s > 15) return 0;
    }
    if (p === s || (p - s > 1 && view.getUint8(s) === 48)) return 0;
    if (c === -2) {
      p += 1;
      t = p;
      while (p < end && (c = view.getUint8(p) - 48) >= 0 && c <= 9) {
        v = v * 10 + c;
        p += 1;
        if (p - s > 16) return 0;
      }
      if (p === t || view.getUint8(p - 1) === 48) return 0;
      v /= powersOfTen[p - t];
      if (v < 1e-6) return 0;
    }
    if (isNegative${leaf} && v === 0) return 0;
    ${finishNumber(leaf, bounds)}`;
}

function minus(name: string, leaf: number): string {
  return `
    const ${name}${leaf} = view.getUint8(p) === 45;
    if (${name}${leaf}) p += 1;`;
}

/** Takes the sign in, holds the value against its bounds and keeps it. */
function finishNumber(leaf: number, bounds: Bounds): string {
  const outside = [
    bounds.minimum === undefined ? '' : `v < ${bounds.minimum}`,
    bounds.exclusiveMinimum === undefined ? '' : `v <= ${bounds.exclusiveMinimum}`,
    bounds.maximum === undefined ? '' : `v > ${bounds.maximum}`,
    bounds.exclusiveMaximum === undefined ? '' : `v >= ${bounds.exclusiveMaximum}`,
  ].filter((condition) => condition !== '');
  return `
    if (isNegative${leaf}) v = -v;
    ${outside.length === 0 ? '' : `if (${outside.join(' || ')}) return 0;`}
    numbers[${leaf}] = v;
    ends[${leaf}] = p;`;
}

function readBoolean(leaf: number): string {
  return `
    starts[${leaf}] = p;
    w = view.getInt32(p, true);
    if (w === 0x65757274) { numbers[${leaf}] = 1; p += 4; }
    else if (w === 0x736c6166 && view.getUint8(p + 4) === 101) { numbers[${leaf}] = 0; p += 5; }
    else return 0;
    ends[${leaf}] = p;`;
}
