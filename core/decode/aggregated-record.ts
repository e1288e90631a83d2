import { createHash } from 'node:crypto';

/** One record of several that share a Kinesis record. */
export type UserRecord = { readonly partitionKey: string; readonly data: Uint8Array };

// https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
// magic | protobuf AggregatedRecord | MD5 of the protobuf
//   AggregatedRecord { repeated string partition_key_table = 1; repeated string explicit_hash_key_table = 2;
//                      repeated Record records = 3; }
//   Record { required uint64 partition_key_index = 1; optional uint64 explicit_hash_key_index = 2;
//            required bytes data = 3; repeated Tag tags = 4; }
const magic = [0xf3, 0x89, 0x9a, 0xc2] as const;
const digestBytes = 16;
const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * Takes an aggregated Kinesis record apart, in order. Null where it is not one: another magic, another digest, or what
 * the format does not allow; it is then a record of its own, as the consumer libraries take it.
 */
export function disaggregate(data: Uint8Array): readonly UserRecord[] | null {
  if (data.length < magic.length + digestBytes || magic.some((byte, index) => data[index] !== byte)) return null;
  const end = data.length - digestBytes;
  const message = data.subarray(magic.length, end);
  if (createHash('md5').update(message).digest().compare(data.subarray(end)) !== 0) return null;
  try {
    return recordsOf(message);
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return null;
    throw error;
  }
}

/** Puts records into one Kinesis record, for its limit of 1 MiB see the caller. */
export function aggregate(records: readonly UserRecord[]): Uint8Array {
  const indexes = new Map<string, number>();
  for (const { partitionKey } of records) {
    if (!indexes.has(partitionKey)) indexes.set(partitionKey, indexes.size);
  }
  const parts = [...indexes.keys()].map((key) => bytesField(1, Buffer.from(key)));
  for (const { partitionKey, data } of records) {
    const index = varint(indexes.get(partitionKey) ?? 0);
    parts.push(bytesField(3, Buffer.concat([Buffer.of(1 << 3), index, bytesField(3, data)])));
  }
  const message = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(magic), message, createHash('md5').update(message).digest()]);
}

function recordsOf(message: Uint8Array): UserRecord[] {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const keys: string[] = [];
  const found: { readonly keyIndex: number; readonly data: Uint8Array }[] = [];
  for (const { field, bytes } of fieldsOf(message)) {
    if (bytes === null) continue;
    if (field === 1) keys.push(decoder.decode(bytes));
    if (field === 3) found.push(recordOf(bytes));
  }
  return found.map(({ keyIndex, data }) => {
    const partitionKey = keys[keyIndex];
    if (partitionKey === undefined) throw new RangeError(`got key ${keyIndex}, expected one of ${keys.length}`);
    return { partitionKey, data };
  });
}

function recordOf(message: Uint8Array): { readonly keyIndex: number; readonly data: Uint8Array } {
  let keyIndex = -1;
  let data: Uint8Array | null = null;
  for (const { field, value, bytes } of fieldsOf(message)) {
    if (field === 1) keyIndex = value;
    if (field === 3) data = bytes;
  }
  if (data === null) throw new RangeError('got a record without data');
  return { keyIndex, data };
}

type Field = { readonly field: number; readonly value: number; readonly bytes: Uint8Array | null };

/** The fields of a protobuf message in their order (https://protobuf.dev/programming-guides/encoding/). */
function* fieldsOf(message: Uint8Array): Generator<Field> {
  const cursor = { at: 0 };
  while (cursor.at < message.length) {
    const tag = readVarint(message, cursor);
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case wire.varint:
        yield { field, value: readVarint(message, cursor), bytes: null };
        break;
      case wire.bytes:
        yield { field, value: 0, bytes: readBytes(message, cursor, readVarint(message, cursor)) };
        break;
      case wire.fixed64:
        yield { field, value: 0, bytes: readBytes(message, cursor, 8) };
        break;
      case wire.fixed32:
        yield { field, value: 0, bytes: readBytes(message, cursor, 4) };
        break;
      default:
        throw new RangeError(`got wire type ${tag % 8}`);
    }
  }
}

function readBytes(message: Uint8Array, cursor: { at: number }, length: number): Uint8Array {
  const end = cursor.at + length;
  if (end > message.length) throw new RangeError(`got ${message.length - cursor.at} bytes, expected ${length}`);
  const bytes = message.subarray(cursor.at, end);
  cursor.at = end;
  return bytes;
}

/** Numbers beyond 2^53 are no key's index and no length: they are refused where they are used. */
function readVarint(message: Uint8Array, cursor: { at: number }): number {
  let value = 0;
  for (let scale = 1; scale < 2 ** 70; scale *= 128) {
    const byte = message[cursor.at];
    if (byte === undefined) throw new RangeError('got the end of the message within a number');
    cursor.at += 1;
    value += (byte & 127) * scale;
    if (byte < 128) return value;
  }
  throw new RangeError('got a number of more than 10 bytes');
}

function bytesField(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of((field << 3) | wire.bytes), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}
