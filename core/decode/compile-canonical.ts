import { compileFunction } from './compile-function.ts';
import type { CompiledField, CompiledFields, CompiledLeaf, CompiledObject } from './compiled-fields.ts';
import { type EventSpans, keyBytesOf } from './compile-read.ts';
import { littleEndianWords } from './compile-value.ts';

/**
 * Writes the canonical text of the event that was read last: its bytes come from `source`, the text goes to the beginning
 * of `target`, which needs room for it and some bytes more. Returns the text's length.
 */
export type WriteCanonical = (source: DataView, target: DataView) => number;

/** Generates the function that puts the values of an event in the order of the canonical text. */
export function compileCanonical(fields: CompiledFields, spans: EventSpans): WriteCanonical {
  const body = `
    return function writeCanonical(source, target) {
      const { starts, ends } = spans;
      let at = 0, s = 0, e = 0;
      ${writeObject(fields.root)}
      return at;
    };`;
  return compileFunction(body, { spans }, isWriteCanonical);
}

function isWriteCanonical(made: unknown): made is WriteCanonical {
  return typeof made === 'function' && made.length === 2;
}

/** Every member is written with a comma before it; the first comma then becomes the bracket. */
function writeObject(object: CompiledObject, depth = 0): string {
  return `{
    const open${depth} = at;
    ${object.fields.map((field) => writeField(field, depth)).join('\n')}
    target.setUint8(open${depth}, 123);
    target.setUint8(at, 125);
    at += 1;
  }`;
}

function writeField(field: CompiledField, depth: number): string {
  switch (field.kind) {
    case 'leaf':
      return writeLeaf(field);
    case 'object':
      return `if (${isPresent(field.object)}) {
        ${writeHead(field.name)}
        ${writeObject(field.object, depth + 1)}
      }`;
    case 'unread':
      return '';
  }
}

/** An object that was read has at least one field. */
function isPresent(object: CompiledObject): string {
  const leaves = object.fields.map((field) => {
    if (field.kind === 'leaf') return `starts[${field.leaf}] >= 0`;
    return field.kind === 'object' ? isPresent(field.object) : 'false';
  });
  return `(${leaves.join(' || ')})`;
}

/** Four bytes at a time; those copied too many are overwritten by what follows. */
function writeLeaf({ name, leaf, value }: CompiledLeaf): string {
  const marks = value.kind === 'text' || value.kind === 'pattern' || value.kind === 'choice' ? 1 : 0;
  return `if (starts[${leaf}] >= 0) {
    ${writeHead(name)}
    s = starts[${leaf}] - ${marks};
    e = ends[${leaf}] + ${marks};
    for (; s < e; s += 4, at += 4) target.setInt32(at, source.getInt32(s, true), true);
    at -= s - e;
  }`;
}

function writeHead(name: string): string {
  const key = keyBytesOf(name);
  const head = new Uint8Array(key.length + 1).fill(0x2c);
  head.set(key, 1);
  const words = littleEndianWords(head).map(({ at, word }) => `target.setInt32(at + ${at}, ${word}, true);`);
  return `${words.join(' ')} at += ${head.length};`;
}
