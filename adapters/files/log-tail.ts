import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { LogBlock } from '../../core/decode/log-block.ts';
import { type Disk, realDisk } from './disk.ts';
import { existsOn, offsetName } from './durable-file.ts';
import { withPath } from './failure.ts';
import { fixedBytes, headerBytes, prefixBytes, recordBytesMax } from './segment-format.ts';
import { corrupt, listSegments } from './segment-scan.ts';
import { SegmentReader } from './segment-reader.ts';

export type LogTailOptions = {
  readonly dir: string;
  readonly fromOffset: number;
  /** Checksums are verified below this offset; those above were written by this process and never left its memory. */
  readonly verifyBelowOffset: number;
  readonly bytesMax?: number;
  readonly disk?: Disk;
};

type File = { readonly path: string; readonly fd: number };

/** Reads a segment log that this or another thread appends to, block by block. */
export class LogTail {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #verifyBelowOffset: number;
  readonly #topicBytes: Buffer[] = [];
  #buffer: Buffer;
  #file: File;
  #position: number;
  #offset: number;

  constructor(options: LogTailOptions) {
    const { dir, fromOffset, verifyBelowOffset, bytesMax = 2 * 1024 * 1024, disk = realDisk } = options;
    this.#disk = disk;
    this.#dir = dir;
    this.#verifyBelowOffset = verifyBelowOffset;
    this.#buffer = Buffer.allocUnsafeSlow(bytesMax);
    this.#offset = fromOffset;
    const { file, position } = openAt(disk, dir, fromOffset);
    this.#file = file;
    this.#position = position;
  }

  /** The offset of the next record. */
  get nextOffset(): number {
    return this.#offset;
  }

  /**
   * Fills the block with records up to `untilOffset`, which must be in the log already; fewer where the block is full or
   * `bytesMax` of them are read. The bytes are valid until the next call. Throws `LOG_CORRUPT`.
   */
  read(block: LogBlock, untilOffset: number): void {
    block.count = 0;
    block.firstOffset = this.#offset;
    if (this.#offset >= untilOffset) return;
    let end = this.#fill();
    if (end < prefixBytes) {
      this.#moveToNextSegment();
      end = this.#fill();
    }
    const needed = end < prefixBytes ? 0 : prefixBytes + this.#buffer.readUInt32LE(0);
    if (needed > recordBytesMax + prefixBytes) throw corrupt(this.#file, this.#offset);
    if (needed > this.#buffer.length) {
      this.#buffer = Buffer.allocUnsafeSlow(needed);
      end = this.#fill();
    }
    block.bytes = this.#buffer;
    const used = this.#takeRecords(block, { end, untilOffset });
    if (block.count === 0) throw corrupt(this.#file, this.#offset);
    this.#position += used;
    this.#offset += block.count;
  }

  close(): void {
    this.#disk.close(this.#file.fd);
  }

  #fill(): number {
    const { path, fd } = this.#file;
    const buffer = this.#buffer;
    return withPath(path, () => {
      let end = 0;
      while (end < buffer.length) {
        const count = this.#disk.read(fd, buffer, end, this.#position + end);
        if (count === 0) break;
        end += count;
      }
      return end;
    });
  }

  #moveToNextSegment(): void {
    const path = join(this.#dir, `${offsetName(this.#offset)}.log`);
    if (path === this.#file.path || !existsOn(this.#disk, path)) throw corrupt(this.#file, this.#offset);
    const fd = withPath(path, () => this.#disk.open(path, 'r'));
    this.#disk.close(this.#file.fd);
    this.#file = { path, fd };
    this.#position = 0;
  }

  /** Takes whole records from the buffer; gives the bytes that they fill. */
  #takeRecords(block: LogBlock, { end, untilOffset }: { end: number; untilOffset: number }): number {
    const buffer = this.#buffer;
    const countMax = Math.min(block.recordsMax, untilOffset - this.#offset);
    let at = 0;
    while (block.count < countMax && end - at >= prefixBytes) {
      const length = buffer.readUInt32LE(at);
      const offset = this.#offset + block.count;
      if (length < fixedBytes || length > recordBytesMax) throw corrupt(this.#file, offset);
      const next = at + prefixBytes + length;
      if (next > end) break;
      if (offset < this.#verifyBelowOffset && !verifies(buffer, at, length)) throw corrupt(this.#file, offset);
      const row = block.count++;
      const topicLength = buffer.readUInt16LE(at + prefixBytes);
      block.topic[row] = this.#topicOf(block, at + headerBytes, topicLength);
      block.ingestTimeMs[row] = buffer.readDoubleLE(at + prefixBytes + 2);
      block.start[row] = at + headerBytes + topicLength;
      block.end[row] = next;
      at = next;
    }
    return at;
  }

  /** The number of a topic; there are few, so they are compared one by one. */
  #topicOf(block: LogBlock, start: number, length: number): number {
    for (let number = 0; number < this.#topicBytes.length; number++) {
      const known = this.#topicBytes[number]!;
      if (known.length === length && isAt(this.#buffer, start, known)) return number;
    }
    this.#topicBytes.push(Buffer.from(this.#buffer.subarray(start, start + length)));
    block.topics.push(this.#buffer.toString('utf8', start, start + length));
    return this.#topicBytes.length - 1;
  }
}

/** Compares from the end: topics of one product begin alike. */
function isAt(buffer: Buffer, start: number, known: Buffer): boolean {
  for (let i = known.length - 1; i >= 0; i--) if (known[i] !== buffer[start + i]) return false;
  return true;
}

function verifies(buffer: Buffer, at: number, length: number): boolean {
  const body = buffer.subarray(at + prefixBytes, at + prefixBytes + length);
  return crc32(body, length) === buffer.readUInt32LE(at + 4);
}

/** The file and byte position of an offset; the end of the log is the position behind its last record. */
function openAt(disk: Disk, dir: string, fromOffset: number): { file: File; position: number } {
  const segment = listSegments(disk, dir).findLast(({ firstOffset }) => firstOffset <= fromOffset);
  if (segment === undefined) throw corrupt({ path: dir }, fromOffset);
  const reader = new SegmentReader(disk, segment, fromOffset);
  try {
    if (reader.offset !== fromOffset) throw corrupt(segment, reader.offset);
    const fd = withPath(segment.path, () => disk.open(segment.path, 'r'));
    return { file: { path: segment.path, fd }, position: reader.position };
  } finally {
    reader.close();
  }
}
