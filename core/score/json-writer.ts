import { type Interner, locateText, type TextPlace } from '../decode/interner.ts';
import type { WordTarget } from '../decode/hash-words.ts';

/**
 * Writes JSON as UTF-8, one value behind the other, in memory that is used again: no text and no object is made of what is
 * written. What it writes is, byte for byte, what `JSON.stringify` gives.
 */
export class JsonWriter {
  bytes = new Uint8Array(2 ** 16);
  /** Where the next byte goes. */
  at = 0;

  /** Bytes as they are, such as of a part that never changes. */
  raw(part: Uint8Array): void {
    this.#reserve(part.length);
    this.bytes.set(part, this.at);
    this.at += part.length;
  }

  /** Characters below 128, as they are. */
  ascii(text: string): void {
    this.#reserve(text.length);
    const { bytes } = this;
    let { at } = this;
    for (let index = 0; index < text.length; index++) bytes[at++] = text.charCodeAt(index);
    this.at = at;
  }

  /** A number; one that is not finite is null. */
  number(value: number): void {
    if (value === (value | 0)) this.#small(value);
    else if (Number.isSafeInteger(value) && value >= 0) this.#large(value);
    else this.ascii(Number.isFinite(value) ? `${value}` : 'null');
  }

  boolean(value: boolean): void {
    this.raw(value ? trueBytes : falseBytes);
  }

  /** A text of an interner, in quotes. */
  text(interner: Interner, id: number): void {
    locateText(interner, id, place);
    this.quoted(place.bytes, place.start, place.end);
  }

  /** UTF-8 in `bytes[start, end)`, in quotes. Positional: it runs several times a decision. */
  quoted(from: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start + 2);
    const { bytes } = this;
    const first = this.at;
    let { at } = this;
    bytes[at++] = quote;
    for (let index = start; index < end; index++) {
      const byte = from[index]!;
      if (byte < 0x20 || byte === quote || byte === backslash) {
        this.at = first;
        // A decoder does not read shared memory, so the bytes are copied out of it.
        return this.raw(encoder.encode(JSON.stringify(decoder.decode(Uint8Array.from(from.subarray(start, end))))));
      }
      bytes[at++] = byte;
    }
    bytes[at++] = quote;
    this.at = at;
  }

  /** The hexadecimal characters of `words[at, at + count)`, in quotes. */
  hex({ words, at: from, count }: WordTarget): void {
    this.#reserve(count * 8 + 2);
    const { bytes } = this;
    let { at } = this;
    bytes[at++] = quote;
    for (let index = from; index < from + count; index++) {
      const word = words[index]!;
      for (let shift = 28; shift >= 0; shift -= 4) bytes[at++] = hexDigits[(word >>> shift) & 15]!;
    }
    bytes[at++] = quote;
    this.at = at;
  }

  #small(value: number): void {
    this.#reserve(11);
    if (value < 0) this.bytes[this.at++] = minus;
    // The least number of 32 bits has no positive one among them.
    this.#digits(Math.abs(value), 1);
  }

  #large(value: number): void {
    const high = Math.floor(value / 1e9);
    this.#reserve(20);
    if (high > 0) this.#digits(high, 1);
    this.#digits(value - high * 1e9, high > 0 ? 9 : 1);
  }

  /** A whole number below 2^53, with zeros in front up to `least` digits. */
  #digits(value: number, least: number): void {
    let count = least;
    while (value >= powersOfTen[count]!) count++;
    let rest = value;
    for (let at = this.at + count - 1; at >= this.at; at--) {
      const tenth = Math.floor(rest / 10);
      this.bytes[at] = zero + rest - tenth * 10;
      rest = tenth;
    }
    this.at += count;
  }

  #reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.at + count));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
  }
}

/** The UTF-8 of a part that is written often. */
export function partOf(text: string): Uint8Array {
  return encoder.encode(text);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const place: TextPlace = { bytes: new Uint8Array(0), start: 0, end: 0, scope: 0 };
const trueBytes = partOf('true');
const falseBytes = partOf('false');
const hexDigits = partOf('0123456789abcdef');
const powersOfTen = Array.from({ length: 17 }, (_, power) => 10 ** power);
const quote = 0x22;
const backslash = 0x5c;
const minus = 0x2d;
const zero = 0x30;
