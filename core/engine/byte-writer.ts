import type { Value } from './aggregate.ts';

/**
 * Writes numbers and texts compactly. Integers take 7 bits a byte, lowest first (`natural` from 0, `integer` of either
 * sign, alternating); a text that was written before is its number. `byte-reader.ts` reads them back.
 */
export type ByteWriter = {
  /** A whole number from 0 to 2^53 - 1. */
  readonly natural: (value: number) => void;
  /** A whole number from -2^52 to 2^52 - 1. */
  readonly integer: (value: number) => void;
  readonly double: (value: number) => void;
  /** A text that may come again. */
  readonly text: (value: string) => void;
  /** A text that begins as the one before it did, such as the next id. */
  readonly next: (value: string) => void;
  /** Hexadecimal characters, an even number of them that the reader knows. */
  readonly hex: (value: string) => void;
  /** A whole number is an integer; null, doubles and texts are told apart. */
  readonly value: (value: Value) => void;
  /** What was written. */
  readonly bytes: () => Uint8Array;
};

/** Begins to write. */
export function createByteWriter(): ByteWriter {
  const output = createOutput();
  const { natural, raw, double } = output;
  const texts = new Map<string, number>();
  let before = '';
  const text = (value: string): void => {
    const known = texts.get(value);
    natural(known ?? texts.size);
    if (known !== undefined) return;
    texts.set(value, texts.size);
    raw(encoder.encode(value));
  };
  const value = (written: Value): void => {
    if (written === null) return natural(valueTags.null);
    if (typeof written === 'string') {
      natural(valueTags.text);
      return text(written);
    }
    const isInteger = Number.isInteger(written) && Math.abs(written) < 2 ** 51 && !Object.is(written, -0);
    if (isInteger) return natural(alternating(written) + valueTags.integer);
    natural(valueTags.double);
    return double(written);
  };
  return {
    natural,
    integer: (written) => natural(alternating(written)),
    double,
    text,
    next: (written) => {
      let shared = 0;
      while (shared < written.length && shared < before.length && written[shared] === before[shared]) shared++;
      natural(shared);
      raw(encoder.encode(written.slice(shared)));
      before = written;
    },
    hex: output.hex,
    value,
    bytes: output.bytes,
  };
}

/** Bytes that grow. */
function createOutput() {
  let buffer = new Uint8Array(512);
  let used = 0;
  const reserve = (count: number): void => {
    if (used + count <= buffer.length) return;
    const grown = new Uint8Array(Math.max(buffer.length * 2, used + count));
    grown.set(buffer.subarray(0, used));
    buffer = grown;
  };
  const natural = (value: number): void => {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`got ${value}, expected a whole number from 0`);
    reserve(8);
    let rest = value;
    while (rest >= 128) {
      buffer[used++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    buffer[used++] = rest;
  };
  return {
    natural,
    raw: (bytes: Uint8Array): void => {
      natural(bytes.length);
      reserve(bytes.length);
      buffer.set(bytes, used);
      used += bytes.length;
    },
    double: (value: number): void => {
      reserve(8);
      new DataView(buffer.buffer, used, 8).setFloat64(0, value);
      used += 8;
    },
    hex: (characters: string): void => {
      reserve(characters.length / 2);
      for (let at = 0; at < characters.length; at += 2) {
        buffer[used++] = Number.parseInt(characters.slice(at, at + 2), 16);
      }
    },
    bytes: (): Uint8Array => buffer.slice(0, used),
  };
}

function alternating(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

/** What a value begins with; an integer is added to its own. */
export const valueTags = { null: 0, text: 1, double: 2, integer: 3 } as const;

const encoder = new TextEncoder();
