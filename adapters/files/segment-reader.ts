import type { LogRecord } from '../../core/engine/record.ts';
import type { Disk } from './disk.ts';
import { readAt } from './durable-file.ts';
import { withPath } from './failure.ts';
import { type Cursor, decodeRecord, measureRecord, neededBytes, sourcePositionAt } from './segment-format.ts';

/** One file of the log: records `[firstOffset, next segment's firstOffset)`. */
export type Segment = {
  readonly path: string;
  readonly firstOffset: number;
  sizeBytes: number;
  /** Byte positions of every `indexStride`-th record from the first, as far as anyone has passed. */
  readonly index: number[];
};

/** Records between two entries of the sparse index. */
const indexStride = 4096;

const blockBytes = 1024 * 1024;

/** Reads one segment forward from a position, in big blocks. */
export class SegmentReader {
  readonly segment: Segment;
  /** The offset of the record at the position. */
  offset: number;
  readonly #disk: Disk;
  readonly #fd: number;
  readonly #cursor: Cursor = { block: Buffer.alloc(0), position: 0, end: 0 };
  #blockStart: number;

  /** Opens at the indexed record nearest before `offset` and passes the records in between. Throws `FILE_NOT_FOUND`. */
  constructor(disk: Disk, segment: Segment, offset: number) {
    this.#disk = disk;
    this.segment = segment;
    const slot = Math.min(Math.floor((offset - segment.firstOffset) / indexStride), segment.index.length - 1);
    this.offset = slot < 0 ? segment.firstOffset : segment.firstOffset + slot * indexStride;
    this.#blockStart = slot < 0 ? 0 : (segment.index[slot] ?? 0);
    this.#fd = withPath(segment.path, () => disk.open(segment.path, 'r'));
    while (this.offset < offset && this.skip()) continue;
  }

  /** The byte position in the file of the next record. */
  get position(): number {
    return this.#blockStart + this.#cursor.position;
  }

  /** Bytes of the next record; 0 at the end of the segment or before a cut record, -1 when the bytes are no record. */
  measure(): number {
    for (;;) {
      const sizeBytes = measureRecord(this.#cursor);
      if (sizeBytes !== 0 || !this.#fill()) return sizeBytes;
    }
  }

  /** Where the source had the next record, which `measure` has found. */
  get sourcePosition(): number {
    return sourcePositionAt(this.#cursor);
  }

  /** The next record; null where `measure` finds none. */
  take(): LogRecord | null {
    const sizeBytes = this.measure();
    if (sizeBytes <= 0) return null;
    const record = decodeRecord({ cursor: this.#cursor, sizeBytes, offset: this.offset });
    this.#pass(sizeBytes);
    return record;
  }

  /** Passes the next record; false where `measure` finds none. */
  skip(): boolean {
    const sizeBytes = this.measure();
    if (sizeBytes <= 0) return false;
    this.#pass(sizeBytes);
    return true;
  }

  /** Passes every record up to `untilOffset` or the end of the good ones; the source position of the last, null if none. */
  skipAll(untilOffset = Infinity): number | null {
    let sourcePosition: number | null = null;
    while (this.offset < untilOffset) {
      const sizeBytes = this.measure();
      if (sizeBytes <= 0) break;
      sourcePosition = sourcePositionAt(this.#cursor);
      this.#pass(sizeBytes);
    }
    return sourcePosition;
  }

  close(): void {
    this.#disk.close(this.#fd);
  }

  #pass(sizeBytes: number): void {
    noteIndex({ segment: this.segment, offset: this.offset, position: this.position });
    this.#cursor.position += sizeBytes;
    this.offset++;
  }

  /** Replaces the block by one that starts at the next record: handed out records are views of the old one. */
  #fill(): boolean {
    const cursor = this.#cursor;
    const start = this.position;
    const kept = cursor.end - cursor.position;
    const left = this.segment.sizeBytes - start;
    const wanted = Math.min(left, Math.max(blockBytes, neededBytes(cursor)));
    if (wanted <= kept) return false;
    const block = Buffer.allocUnsafeSlow(wanted);
    cursor.block.copy(block, 0, cursor.position, cursor.end);
    let end = kept;
    while (end < wanted) {
      const count = withPath(this.segment.path, () => this.#disk.read(this.#fd, block, end, start + end));
      if (count === 0) break;
      end += count;
    }
    this.#blockStart = start;
    cursor.block = block;
    cursor.position = 0;
    cursor.end = end;
    return end > kept;
  }
}

/** Remembers a record's byte position if the sparse index wants it next. */
export function noteIndex({ segment, offset, position }: { segment: Segment; offset: number; position: number }): void {
  if (offset - segment.firstOffset === segment.index.length * indexStride) segment.index.push(position);
}

/** Whether a good record starts anywhere in the segment behind a position: then the bytes there are damage, not a torn end. */
export function hasRecordAfter(disk: Disk, segment: Segment, position: number): boolean {
  const sizeBytes = segment.sizeBytes - position;
  const fd = withPath(segment.path, () => disk.open(segment.path, 'r'));
  try {
    const block = withPath(segment.path, () => readAt(disk, fd, { position, sizeBytes }));
    const end = block.length;
    for (let at = 1; at < end; at++) if (measureRecord({ block, position: at, end }) > 0) return true;
    return false;
  } finally {
    disk.close(fd);
  }
}
