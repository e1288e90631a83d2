import { appendBytes, appendVarint, appendZigzag, type ByteList, reserveBytes } from './parquet-bytes.ts';

/** A value of Thrift's compact protocol, as far as Parquet's metadata needs it. */
export type ThriftValue =
  | { readonly kind: 'i16' | 'i32' | 'i64'; readonly value: number }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'binary'; readonly bytes: Uint8Array }
  | { readonly kind: 'list'; readonly items: readonly ThriftValue[] }
  | { readonly kind: 'struct'; readonly fields: readonly ThriftField[] };

/** A field of a struct; null leaves it out. Ids rise. */
export type ThriftField = readonly [id: number, value: ThriftValue | null];

/** A struct of fields in the order of their ids. */
export function struct(...fields: readonly ThriftField[]): ThriftValue {
  return { kind: 'struct', fields };
}

/** A number of 32 bits. */
export function i32(value: number): ThriftValue {
  return { kind: 'i32', value };
}

/** A number of 64 bits, here a safe integer. */
export function i64(value: number): ThriftValue {
  return { kind: 'i64', value };
}

/** A text as its UTF-8 bytes. */
export function thriftText(text: string): ThriftValue {
  return { kind: 'binary', bytes: Buffer.from(text) };
}

/** A list whose items are of one kind. */
export function thriftList(items: readonly ThriftValue[]): ThriftValue {
  return { kind: 'list', items };
}

/**
 * Appends a value in the compact protocol, see
 * https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
export function appendThrift(list: ByteList, value: ThriftValue): void {
  switch (value.kind) {
    case 'i16':
    case 'i32':
    case 'i64':
      return appendZigzag(list, value.value);
    case 'boolean':
      return appendByte(list, value.value ? 1 : 2);
    case 'binary':
      appendVarint(list, value.bytes.length);
      return appendBytes(list, value.bytes);
    case 'list':
      return appendList(list, value.items);
    case 'struct':
      return appendStruct(list, value.fields);
  }
}

function appendList(list: ByteList, items: readonly ThriftValue[]): void {
  const type = typeOf(items[0] ?? { kind: 'i32', value: 0 });
  if (items.length < 15) appendByte(list, items.length * 16 + type);
  else {
    appendByte(list, 240 + type);
    appendVarint(list, items.length);
  }
  for (const item of items) appendThrift(list, item);
}

/** Each field says how far its id is from the one before it; a boolean is in the type of its field. */
function appendStruct(list: ByteList, fields: readonly ThriftField[]): void {
  let lastId = 0;
  for (const [id, value] of fields) {
    if (value === null) continue;
    appendByte(list, (id - lastId) * 16 + typeOf(value));
    if (value.kind !== 'boolean') appendThrift(list, value);
    lastId = id;
  }
  appendByte(list, 0);
}

const types = { i16: 4, i32: 5, i64: 6, binary: 8, list: 9, struct: 12 } as const;

function typeOf(value: ThriftValue): number {
  if (value.kind === 'boolean') return value.value ? 1 : 2;
  return types[value.kind];
}

function appendByte(list: ByteList, value: number): void {
  reserveBytes(list, 1);
  list.bytes[list.length++] = value;
}
