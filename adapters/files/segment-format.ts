import { crc32 } from 'node:zlib';
import { WeirError } from '../../core/contract/failure.ts';
import type { LogRecord } from '../../core/engine/record.ts';

/** What a source hands to the log. */
export type LogEntry = {
  readonly topic: string;
  /** When the log takes the record, milliseconds UTC. */
  readonly ingestTimeMs: number;
  /** Where the source read it: bytes, lines or rows, the source says which; a restart resumes after the last one. */
  readonly sourcePosition: number;
  readonly bytes: Uint8Array;
};

/** A place in a block of record bytes: `position` is the next record, `end` the end of the valid bytes. */
export type Cursor = { block: Buffer; position: number; end: number };

/** The largest record that the log takes; a greater length on disk is damage. */
export const recordBytesMax = 16 * 1024 * 1024;

// | u32 length | u32 crc | u16 topic length | f64 ingest time | f64 source position | topic | event |
//                        '--------------------------- length bytes ----------------------------'
// The checksum starts from the length, so that it covers every byte of the record. Little endian.
export const prefixBytes = 8;
export const fixedBytes = 18;
export const headerBytes = prefixBytes + fixedBytes;

/** What is written again and again is put together in the same memory; what is rarely as long gets its own. */
const reusedBytesMax = 4 * 1024 * 1024;

/** Makes what gives a block of some bytes, valid until the next: a new one for each write would keep the collector busy. */
export function createBlockRoom(): (sizeBytes: number) => Buffer {
  let room = Buffer.alloc(0);
  return (sizeBytes) => {
    if (sizeBytes > reusedBytesMax) return Buffer.allocUnsafe(sizeBytes);
    if (room.length < sizeBytes) room = Buffer.allocUnsafeSlow(Math.max(sizeBytes, room.length * 2));
    return room.subarray(0, sizeBytes);
  };
}

/** Bytes of an entry on disk. Throws `RECORD_TOO_LARGE`. */
export function encodedBytes(entry: LogEntry, topicBytes: Uint8Array): number {
  const sizeBytes = headerBytes + topicBytes.length + entry.bytes.length;
  if (sizeBytes > recordBytesMax || topicBytes.length > 0xffff) {
    throw new WeirError({
      code: 'RECORD_TOO_LARGE',
      message: `a record of ${sizeBytes} bytes came, expected at most ${recordBytesMax}`,
      fix: 'Split the event, or leave it out of the source.',
      facts: { topic: entry.topic, sizeBytes, recordBytesMax },
    });
  }
  return sizeBytes;
}

/** Writes an entry at the cursor and moves the cursor behind it; the block must have the room. */
export function encodeRecord(cursor: Cursor, entry: LogEntry, topicBytes: Uint8Array): void {
  const { block, position } = cursor;
  const length = fixedBytes + topicBytes.length + entry.bytes.length;
  block.writeUInt32LE(length, position);
  block.writeUInt16LE(topicBytes.length, position + 8);
  block.writeDoubleLE(entry.ingestTimeMs, position + 10);
  block.writeDoubleLE(entry.sourcePosition, position + 18);
  block.set(topicBytes, position + headerBytes);
  block.set(entry.bytes, position + headerBytes + topicBytes.length);
  const end = position + prefixBytes + length;
  block.writeUInt32LE(crc32(block.subarray(position + prefixBytes, end), length), position + 4);
  cursor.position = end;
}

/** Bytes of the record at the cursor; 0 when the block ends before the record does, -1 when the bytes are no record. */
export function measureRecord({ block, position, end }: Cursor): number {
  const available = end - position;
  if (available < prefixBytes) return 0;
  const length = block.readUInt32LE(position);
  if (length < fixedBytes || length > recordBytesMax) return -1;
  if (available < prefixBytes + length) return 0;
  const body = block.subarray(position + prefixBytes, position + prefixBytes + length);
  return crc32(body, length) === block.readUInt32LE(position + 4) ? prefixBytes + length : -1;
}

/** The bytes that a block needs for the record at the cursor, judged by its length alone. */
export function neededBytes({ block, position, end }: Cursor): number {
  return end - position < prefixBytes ? prefixBytes : prefixBytes + block.readUInt32LE(position);
}

/** Where the source read the record at the cursor. */
export function sourcePositionAt({ block, position }: Cursor): number {
  return block.readDoubleLE(position + 18);
}

/**
 * The measured record at the cursor. Its bytes are a view of the block: whoever keeps them for long copies them, or
 * keeps the whole block alive.
 */
export function decodeRecord({
  cursor,
  sizeBytes,
  offset,
}: {
  cursor: Cursor;
  sizeBytes: number;
  offset: number;
}): LogRecord {
  const { block, position } = cursor;
  const topicStart = position + headerBytes;
  const bytesStart = topicStart + block.readUInt16LE(position + 8);
  return {
    topic: topicAt({ block, position: topicStart, end: bytesStart }),
    partition: 0,
    offset,
    ingestTimeMs: block.readDoubleLE(position + 10),
    bytes: new Uint8Array(block.buffer, block.byteOffset + bytesStart, position + sizeBytes - bytesStart),
  };
}

// A log has a handful of topics: comparing bytes with the known ones is cheaper than making a new string a record.
const knownTopicsMax = 64;
const knownTopics: { readonly text: string; readonly bytes: Uint8Array }[] = [];

function topicAt(name: Cursor): string {
  for (const topic of knownTopics) if (sameBytes(name, topic.bytes)) return topic.text;
  const bytes = Uint8Array.prototype.slice.call(name.block, name.position, name.end);
  const text = Buffer.from(bytes).toString('utf8');
  if (knownTopics.length < knownTopicsMax) knownTopics.push({ text, bytes });
  return text;
}

function sameBytes({ block, position, end }: Cursor, expected: Uint8Array): boolean {
  if (end - position !== expected.length) return false;
  for (let i = 0; i < expected.length; i++) if (block[position + i] !== expected[i]) return false;
  return true;
}
