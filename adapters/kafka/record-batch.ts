import { compressionsAlgorithms, crc32c } from '@platformatic/kafka';
import { startOf } from './packed-records.ts';
import type { PackedRecords } from './port.ts';

/** Who writes a batch, and as which of its records of a partition: in a transaction, or as nobody that the broker knows. */
export type BatchOrigin = {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** How many records of this epoch are in the partition already, modulo 2^31. */
  readonly firstSequence: number;
  readonly timestampMs: number;
  readonly kind: 'transactional' | 'plain';
};

/** Of a batch that the broker does not look for among those that it has. */
export const plainOrigin = { producerId: -1n, producerEpoch: -1, firstSequence: -1, kind: 'plain' } as const;

const headBytes = 61;
const lz4 = 3;
const isTransactional = 1 << 4;

/**
 * Writes packed records as one batch in Kafka's format (https://kafka.apache.org/documentation/#recordbatch,
 * magic 2), compressed by lz4. What one call returns does not change with the next.
 */
export function createBatchEncoder(): (packed: PackedRecords, origin: BatchOrigin) => Buffer {
  let space = Buffer.alloc(2 ** 16);
  return (packed, origin) => {
    const most = sizeMax(packed);
    if (space.length < most) space = Buffer.alloc(2 * most);
    const used = writeRecords(packed, space);
    const records = compressionsAlgorithms.lz4.compressSync(space.subarray(0, used));
    const batch = Buffer.alloc(headBytes + records.length);
    batch.set(records, headBytes);
    batch.writeInt32BE(batch.length - 12, 8);
    batch.writeInt32BE(-1, 12);
    batch.writeInt8(2, 16);
    batch.writeInt16BE(origin.kind === 'transactional' ? lz4 | isTransactional : lz4, 21);
    batch.writeInt32BE(packed.count - 1, 23);
    batch.writeBigInt64BE(BigInt(origin.timestampMs), 27);
    batch.writeBigInt64BE(BigInt(origin.timestampMs), 35);
    batch.writeBigInt64BE(origin.producerId, 43);
    batch.writeInt16BE(origin.producerEpoch, 51);
    batch.writeInt32BE(origin.firstSequence, 53);
    batch.writeInt32BE(packed.count, 57);
    batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
    return batch;
  };
}

/** What a record takes beside its key, its value and its headers: six numbers of at most five bytes. */
const aroundBytes = 30;

function sizeMax({ count, keyEnds, valueEnds, valuePrefix, headers = [] }: PackedRecords): number {
  const around = aroundBytes + valuePrefix.length + encodeHeaders(headers).length;
  return startOf(keyEnds, count) + startOf(valueEnds, count) + count * around;
}

/** Writes the records one behind the other, and gives where they end. */
function writeRecords(packed: PackedRecords, space: Buffer): number {
  const { count, keys, keyEnds, values, valueEnds, valuePrefix, headers = [] } = packed;
  const headerBytes = encodeHeaders(headers);
  let at = 0;
  for (let index = 0; index < count; index++) {
    const keyFrom = startOf(keyEnds, index);
    const keyLength = keyEnds[index]! - keyFrom;
    const valueFrom = startOf(valueEnds, index);
    const valueLength = valueEnds[index]! - valueFrom + valuePrefix.length;
    const length =
      // Attributes, and the time after the first one's.
      2 +
      varintBytes(index) +
      varintBytes(keyLength) +
      keyLength +
      varintBytes(valueLength) +
      valueLength +
      headerBytes.length;
    at = writeVarint(space, at, length);
    space[at++] = 0;
    space[at++] = 0;
    at = writeVarint(space, at, index);
    at = writeVarint(space, at, keyLength);
    at = copyInto(space, at, keys, keyFrom, keyLength);
    at = writeVarint(space, at, valueLength);
    at = copyInto(space, at, valuePrefix, 0, valuePrefix.length);
    at = copyInto(space, at, values, valueFrom, valueLength - valuePrefix.length);
    at = copyInto(space, at, headerBytes, 0, headerBytes.length);
  }
  return at;
}

function encodeHeaders(headers: NonNullable<PackedRecords['headers']>): Uint8Array {
  if (headers.length === 0) return noHeaders;
  const names = headers.map(([name]) => Buffer.from(name));
  const most = headers.reduce((sum, [, value], index) => sum + names[index]!.length + value.length + 10, 5);
  const space = Buffer.alloc(most);
  let at = writeVarint(space, 0, headers.length);
  for (const [index, [, value]] of headers.entries()) {
    for (const bytes of [names[index]!, value]) {
      at = writeVarint(space, at, bytes.length);
      at = copyInto(space, at, bytes, 0, bytes.length);
    }
  }
  return space.subarray(0, at);
}

const noHeaders = Uint8Array.of(0);

/** Copies `from[start, start + length)` and gives where the copy ends. Positional, as it runs several times a record. */
function copyInto(space: Uint8Array, at: number, from: Uint8Array, start: number, length: number): number {
  if (length < shortBytes) for (let index = 0; index < length; index++) space[at + index] = from[start + index]!;
  else space.set(from.subarray(start, start + length), at);
  return at + length;
}

/** Fewer bytes than this are copied faster one by one than by making a view of them. */
const shortBytes = 48;

/** Writes a number from 0 in zigzag and 7 bits a byte, lowest first, and gives where it ends. */
function writeVarint(space: Uint8Array, at: number, value: number): number {
  let rest = value * 2;
  let place = at;
  while (rest >= 128) {
    space[place++] = (rest % 128) + 128;
    rest = Math.floor(rest / 128);
  }
  space[place++] = rest;
  return place;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value * 2; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
