import type { Value } from './aggregate.ts';
import { valueTags } from './byte-writer.ts';

/** Reads what `byte-writer.ts` wrote, in the same order. Throws a `RangeError` where the bytes end first. */
export type ByteReader = {
  readonly natural: () => number;
  readonly integer: () => number;
  readonly double: () => number;
  readonly text: () => string;
  readonly next: () => string;
  /** As many hexadecimal characters. */
  readonly hex: (characters: number) => string;
  readonly value: () => Value;
};

/** Begins to read. */
export function createByteReader(bytes: Uint8Array): ByteReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts: string[] = [];
  let at = 0;
  let before = '';
  const natural = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = view.getUint8(at++);
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  const slice = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new RangeError(`got ${bytes.length} bytes, expected ${at + length}`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  const raw = (): string => decoder.decode(slice(natural()));
  const double = (): number => {
    at += 8;
    return view.getFloat64(at - 8);
  };
  const text = (): string => {
    const number = natural();
    if (number === texts.length) texts.push(raw());
    const value = texts[number];
    if (value === undefined) throw new RangeError(`got text ${number}, expected at most ${texts.length}`);
    return value;
  };
  const toInteger = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);
  return {
    natural,
    integer: () => toInteger(natural()),
    double,
    text,
    next: () => (before = before.slice(0, natural()) + raw()),
    hex: (characters) => {
      let hex = '';
      for (const byte of slice(characters / 2)) hex += byte.toString(16).padStart(2, '0');
      return hex;
    },
    value: () => {
      const tag = natural();
      if (tag === valueTags.null) return null;
      if (tag === valueTags.text) return text();
      return tag === valueTags.double ? double() : toInteger(tag - valueTags.integer);
    },
  };
}

const decoder = new TextDecoder();
