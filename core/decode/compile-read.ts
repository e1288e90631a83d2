import { compileFunction } from './compile-function.ts';
import { mayBeCardNumber } from './compiled-card-number.ts';
import type { CompiledField, CompiledFields, CompiledObject } from './compiled-fields.ts';
import { littleEndianWords, readValue } from './compile-value.ts';

/** What the last event left behind: where its values lie in the bytes that were read, and its numbers. */
export type EventSpans = {
  /** By number of the leaf; -1 where a field is missing. Of text without the quotation marks. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** By number of the leaf; of truth values 0 and 1. */
  readonly numbers: Float64Array;
  /** By number of the leaf: which of the choices a text is. */
  readonly choices: Int32Array;
};

/**
 * Reads the event in the bytes `[start, end)` of a view, of which at least `paddingBytes` more must be readable.
 * Returns one of `readings`.
 */
export type ReadEvent = (view: DataView, start: number, end: number) => number;

/** `unsure` asks for the readable decoder; a `canonical` event's bytes are its canonical text. */
export const readings = { unsure: 0, canonical: 1, rearranged: 2 } as const;

/**
 * Generates the function that reads a contract's events and checks all that the contract asks for. It accepts what is
 * plain and certain and is unsure of all else: escapes, bytes beyond ASCII, a key twice, an unknown key, numbers that
 * JavaScript would print differently, and every violation. Keys may come in any order; the one that followed the last
 * time is tried first.
 */
export function compileRead(fields: CompiledFields, spans: EventSpans): ReadEvent {
  const draft: Draft = { lines: [], objects: [] };
  addObject(draft, fields.root);
  // By object, and by 1 plus the number of the last field (0 at the beginning): the field that followed last time.
  const orders = draft.objects.map(({ fields: { length } }) => Uint8Array.from({ length: length + 1 }, firstGuess));
  const keys = draft.objects.map((object) => object.fields.map(({ name }) => keyBytesOf(name)));
  const body = `
    return function readEvent(view, start, end) {
      const { starts, ends, numbers, choices } = spans;
      ${fields.leaves.map(({ leaf }) => `starts[${leaf}] = -1;`).join(' ')}
      let p = start, s = 0, w = 0, t = 0, c = 0, v = 0, reading = ${readings.canonical};
      if (end - start > ${eventBytesMax}) return 0;
      if (view.getUint8(p) !== 123) {
        p = skipSpace(view, p, end);
        if (p >= end || view.getUint8(p) !== 123) return 0;
        reading = ${readings.rearranged};
      }
      ${draft.lines.join('\n')}
      if (p !== end) {
        if (skipSpace(view, p, end) !== end) return 0;
        reading = ${readings.rearranged};
      }
      return reading;
    };`;
  const tools = { spans, orders, keys, skipSpace, findKey, mayBeCardNumber, powersOfTen };
  return compileFunction(body, tools, isReadEvent);
}

/** How many bytes behind an event the generated code may read. */
export const paddingBytes = 256;

/** As much as the readable decoder takes; what it refuses for its size is left to it. */
export const eventBytesMax = 65_536;

type Draft = { readonly lines: string[]; readonly objects: CompiledObject[] };

function isReadEvent(read: unknown): read is ReadEvent {
  return typeof read === 'function' && read.length === 3;
}

/** In the order of the canonical text at first. */
function firstGuess(_: unknown, index: number): number {
  return index;
}

/** Code that reads an object whose opening bracket is at `p` and leaves `p` behind its closing one. */
function addObject(draft: Draft, object: CompiledObject): void {
  const id = draft.objects.push(object) - 1;
  const { lines } = draft;
  lines.push(`
    const order${id} = orders[${id}];
    let seen${id} = 0, last${id} = -1;
    p += 1;
    object${id}: for (;;) {
      if (p >= end) return 0;
      let field = order${id}[last${id} + 1];
      key${id}: for (;;) {
        switch (field) {`);
  for (const [index, field] of object.fields.entries()) {
    lines.push(`case ${index}: if (${mismatch(field.name)}) break; p += ${keyBytesOf(field.name).length};`);
    addField(draft, field);
    lines.push(`break key${id};`);
  }
  lines.push(`
        }
        t = skipSpace(view, p, end);
        if (t !== p) { p = t; reading = ${readings.rearranged}; if (p >= end) return 0; continue; }
        field = findKey(view, p, keys[${id}]);
        if (field < 0) return 0;
        order${id}[last${id} + 1] = field;
      }
      t = 1 << field;
      if ((seen${id} & t) !== 0) return 0;
      seen${id} |= t;
      if (field < last${id}) reading = ${readings.rearranged};
      last${id} = field;
      c = view.getUint8(p);
      if (c === 44) { p += 1; continue; }
      if (c === 125) { p += 1; break; }
      p = skipSpace(view, p, end);
      reading = ${readings.rearranged};
      if (p >= end) return 0;
      c = view.getUint8(p);
      p += 1;
      if (c === 125) break;
      if (c !== 44) return 0;
    }
    if ((seen${id} & ${object.requiredBits}) !== ${object.requiredBits}) return 0;`);
}

function addField(draft: Draft, field: CompiledField): void {
  const { lines } = draft;
  if (field.kind === 'unread') {
    lines.push('return 0;');
    return;
  }
  lines.push(`
    if (view.getUint8(p) <= 32) {
      p = skipSpace(view, p, end);
      if (p >= end) return 0;
      reading = ${readings.rearranged};
    }`);
  if (field.kind === 'leaf') {
    lines.push(readValue(field));
    return;
  }
  lines.push('if (view.getUint8(p) !== 123) return 0;');
  addObject(draft, field.object);
}

/** True when the bytes at `p` are not the key with its quotation marks and colon. */
function mismatch(name: string): string {
  return littleEndianWords(keyBytesOf(name))
    .map(({ at, word }) => `view.getInt32(p + ${at}, true) !== ${word}`)
    .join(' || ');
}

/** A name as it stands before its value, `"name":`. */
export function keyBytesOf(name: string): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(name)}:`);
}

/** Where the white space of JSON that begins at a place ends, at most at `end`. */
function skipSpace(view: DataView, start: number, end: number): number {
  let place = start;
  while (place < end) {
    const byte = view.getUint8(place);
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    place += 1;
  }
  return place;
}

/** The number of the key that stands at a place, or -1. */
function findKey(view: DataView, place: number, keys: readonly Uint8Array[]): number {
  for (let index = 0; index < keys.length; index += 1) {
    if (isKeyAt(view, place, keys[index]!)) return index;
  }
  return -1;
}

function isKeyAt(view: DataView, place: number, key: Uint8Array): boolean {
  for (let index = 0; index < key.length; index += 1) {
    if (view.getUint8(place + index) !== key[index]) return false;
  }
  return true;
}

/** Powers that a double holds exactly, and the quotient by one of a whole number below 2^53 is rounded once, so right. */
const powersOfTen = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
