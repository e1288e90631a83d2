import { join } from 'node:path';
import type { LogRecord } from '../../core/engine/record.ts';
import { type Disk, realDisk } from './disk.ts';
import { makeDirectory, offsetName, syncDirectory } from './durable-file.ts';
import { withPath, wrapFsError } from './failure.ts';
import { createBlockRoom, type Cursor, encodedBytes, encodeRecord, type LogEntry } from './segment-format.ts';
import { noteIndex, type Segment, SegmentReader } from './segment-reader.ts';
import { corrupt, listSegments, scanSegment, tooShort } from './segment-scan.ts';

export type { LogEntry } from './segment-format.ts';

const segmentBytesMaxDefault = 128 * 1024 * 1024;

/**
 * Opens the log of one process in a directory, which is made if need be. The last segment is read through: a record that
 * a crash cut off at its end is removed (`repairedBytes`), and what is left is made durable: a process that was killed may
 * not have come to that. Throws `LOG_CORRUPT` when good records follow a bad one.
 */
export function openSegmentLog(options: SegmentLogOptions): SegmentLog {
  return new SegmentLog(options);
}

export type SegmentLogOptions = { readonly dir: string; readonly segmentBytesMax?: number; readonly disk?: Disk };

type State = {
  readonly active: Segment;
  readonly sizeBytes: number;
  readonly endOffset: number;
  readonly lastSourcePosition: number | null;
};

/**
 * An ordered, append-only log of records in one partition: offsets from 0 without gaps, in files of about
 * `segmentBytesMax` bytes that are named after their first offset.
 */
export class SegmentLog {
  /** Bytes of a torn record that opening removed. */
  readonly repairedBytes: number;
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #segmentBytesMax: number;
  readonly #topicBytes = new Map<string, Uint8Array>();
  readonly #blockOf = createBlockRoom();
  #segments: Segment[];
  #active: Segment;
  #fd: number;
  #endOffset: number;
  #lastSourcePosition: number | null;
  #reader: SegmentReader | null = null;
  /** Set while an append is under way, or has failed and could not be taken back yet. */
  #undoTo: State | null = null;

  constructor({ dir, segmentBytesMax = segmentBytesMaxDefault, disk = realDisk }: SegmentLogOptions) {
    this.#disk = disk;
    this.#dir = dir;
    this.#segmentBytesMax = segmentBytesMax;
    makeDirectory(disk, dir);
    this.#segments = listSegments(disk, dir);
    this.#active = this.#segments.at(-1) ?? this.#createSegment(0);
    this.#fd = withPath(this.#active.path, () => disk.open(this.#active.path, 'r+'));
    const scan = scanSegment(disk, this.#active);
    this.#endOffset = scan.endOffset;
    this.repairedBytes = this.#active.sizeBytes - scan.sizeBytes;
    if (this.repairedBytes > 0) this.#cutActive(scan.sizeBytes);
    if (scan.endOffset > this.#active.firstOffset) this.sync();
    syncDirectory(disk, dir);
    this.#lastSourcePosition = scan.lastSourcePosition ?? this.#sourcePositionBefore(this.#active.firstOffset);
  }

  /** One more than the offset of the last record: what the next append returns. */
  get endOffset(): number {
    return this.#endOffset;
  }

  /** Where the source read the last record; null while the log is empty. */
  get lastSourcePosition(): number | null {
    return this.#lastSourcePosition;
  }

  /**
   * Adds the records in one write and returns the offset of the first. They are durable after `sync`. A failure
   * (`DISK_FULL`) leaves the log as it was before the call.
   */
  append(entries: readonly LogEntry[]): number {
    if (this.#undoTo !== null) this.#undo(this.#undoTo);
    const firstOffset = this.#endOffset;
    const before: State = {
      active: this.#active,
      sizeBytes: this.#active.sizeBytes,
      endOffset: firstOffset,
      lastSourcePosition: this.#lastSourcePosition,
    };
    this.#undoTo = before;
    try {
      for (let from = 0; from < entries.length;) from = this.#appendSome(entries, from);
      this.#undoTo = null;
    } catch (error) {
      this.#undoIfPossible(before);
      throw error;
    }
    return firstOffset;
  }

  /** Makes every appended record durable. */
  sync(): void {
    withPath(this.#active.path, () => this.#disk.syncData(this.#fd));
  }

  /** As `sync`, without waiting for the disk. A segment that was closed meanwhile was synced before. */
  async syncSoon(): Promise<void> {
    const { path } = this.#active;
    const fd = this.#fd;
    await this.#disk.syncDataLater(fd).catch((error: unknown) => {
      if (fd === this.#fd) throw wrapFsError(error, path);
    });
  }

  /**
   * At most `countMax` records from an offset on, none at the end of the log; cheapest where the last read stopped. The
   * bytes are views of the blocks that were read. Throws `LOG_CORRUPT`, and `LOG_TOO_SHORT` beyond the end.
   */
  read({ fromOffset, countMax }: { fromOffset: number; countMax: number }): LogRecord[] {
    if (fromOffset > this.#endOffset) throw tooShort(this.#dir, { fromOffset, endOffset: this.#endOffset });
    const records: LogRecord[] = [];
    const untilOffset = Math.min(this.#endOffset, fromOffset + countMax);
    for (let offset = fromOffset; offset < untilOffset; offset++) {
      const reader = this.#readerAt(offset);
      const record = reader.take();
      if (record === null) throw corrupt(reader.segment, offset);
      records.push(record);
    }
    return records;
  }

  /** Removes the records from an offset on, for good. */
  truncateFrom(offset: number): void {
    if (offset >= this.#endOffset) return;
    this.#closeReader();
    while (this.#active.firstOffset > offset) this.#dropActive();
    const reader = this.#readerAt(offset);
    this.#cutActive(reader.position);
    this.#endOffset = offset;
    this.#lastSourcePosition = this.#sourcePositionBefore(offset);
    this.#closeReader();
  }

  /** Removes every record, damaged ones too; the next offset is 0. */
  clear(): void {
    this.#closeReader();
    while (this.#segments.length > 1) this.#dropActive();
    this.#cutActive(0);
    this.#endOffset = 0;
    this.#lastSourcePosition = null;
  }

  close(): void {
    this.#closeReader();
    this.#disk.close(this.#fd);
  }

  /** Appends the entries that fit into the active segment (a new one if none does); the index of the next entry. */
  #appendSome(entries: readonly LogEntry[], from: number): number {
    const { until, sizeBytes } = this.#fitting(entries, from);
    if (until === from) {
      this.#roll();
      return from;
    }
    const cursor: Cursor = { block: this.#blockOf(sizeBytes), position: 0, end: sizeBytes };
    for (const entry of entries.slice(from, until)) {
      noteIndex({
        segment: this.#active,
        offset: this.#endOffset++,
        position: this.#active.sizeBytes + cursor.position,
      });
      encodeRecord(cursor, entry, this.#bytesOf(entry.topic));
      this.#lastSourcePosition = entry.sourcePosition;
    }
    this.#write(cursor.block);
    return until;
  }

  #fitting(entries: readonly LogEntry[], from: number): { until: number; sizeBytes: number } {
    let [sizeBytes, until] = [0, from];
    for (let entry = entries[until]; entry !== undefined; entry = entries[++until]) {
      const more = encodedBytes(entry, this.#bytesOf(entry.topic));
      const filledBytes = this.#active.sizeBytes + sizeBytes;
      // A record that is larger than a segment gets one of its own.
      if (filledBytes > 0 && filledBytes + more > this.#segmentBytesMax) break;
      sizeBytes += more;
    }
    return { until, sizeBytes };
  }

  #write(bytes: Buffer): void {
    const { path, sizeBytes } = this.#active;
    withPath(path, () => {
      for (let done = 0; done < bytes.length;) done += this.#disk.write(this.#fd, bytes, done, sizeBytes + done);
    });
    this.#active.sizeBytes += bytes.length;
  }

  /** Closes the active segment, durable, and starts the next: so only the last segment can have a torn end. */
  #roll(): void {
    this.sync();
    const next = this.#createSegment(this.#endOffset);
    const fd = withPath(next.path, () => this.#disk.open(next.path, 'r+'));
    this.#disk.close(this.#fd);
    this.#fd = fd;
    this.#active = next;
  }

  #createSegment(firstOffset: number): Segment {
    const path = join(this.#dir, `${offsetName(firstOffset)}.log`);
    withPath(path, () => this.#disk.close(this.#disk.open(path, 'w')));
    syncDirectory(this.#disk, this.#dir);
    const segment = { path, firstOffset, sizeBytes: 0, index: [] };
    this.#segments.push(segment);
    return segment;
  }

  /** The append's own failure is the one to tell: if the disk refuses this too, the next append tries again first. */
  #undoIfPossible(before: State): void {
    this.#endOffset = before.endOffset;
    this.#lastSourcePosition = before.lastSourcePosition;
    try {
      this.#undo(before);
    } catch {
      this.#closeReader();
    }
  }

  /** Takes back what a failed append has written. */
  #undo(before: State): void {
    this.#closeReader();
    while (this.#active !== before.active) this.#dropActive();
    this.#cutActive(before.sizeBytes);
    this.#undoTo = null;
  }

  #cutActive(sizeBytes: number): void {
    const segment = this.#active;
    withPath(segment.path, () => {
      this.#disk.truncate(this.#fd, sizeBytes);
      this.#disk.syncData(this.#fd);
    });
    segment.sizeBytes = sizeBytes;
    while ((segment.index.at(-1) ?? -1) >= sizeBytes) segment.index.pop();
  }

  /** Removes the last segment; never the only one. */
  #dropActive(): void {
    const previous = this.#segments.at(-2);
    if (previous === undefined) throw new Error('expected a segment before the active one');
    const fd = withPath(previous.path, () => this.#disk.open(previous.path, 'r+'));
    withPath(this.#active.path, () => this.#disk.remove(this.#active.path));
    syncDirectory(this.#disk, this.#dir);
    this.#disk.close(this.#fd);
    this.#segments.pop();
    this.#fd = fd;
    this.#active = previous;
  }

  #readerAt(offset: number): SegmentReader {
    const last = this.#reader;
    if (last !== null && last.offset === offset && offset < this.#endOf(last.segment)) return last;
    this.#closeReader();
    const segment = this.#segments.findLast(({ firstOffset }) => firstOffset <= offset);
    if (segment === undefined) throw corrupt({ path: this.#dir }, offset);
    const reader = new SegmentReader(this.#disk, segment, offset);
    this.#reader = reader;
    if (reader.offset !== offset) throw corrupt(segment, reader.offset);
    return reader;
  }

  #endOf(segment: Segment): number {
    if (segment === this.#active) return this.#endOffset;
    return this.#segments[this.#segments.indexOf(segment) + 1]?.firstOffset ?? this.#endOffset;
  }

  #sourcePositionBefore(offset: number): number | null {
    if (offset === 0) return null;
    const reader = this.#readerAt(offset - 1);
    const sourcePosition = reader.skipAll(offset);
    if (sourcePosition === null) throw corrupt(reader.segment, offset - 1);
    return sourcePosition;
  }

  #closeReader(): void {
    this.#reader?.close();
    this.#reader = null;
  }

  #bytesOf(topic: string): Uint8Array {
    const known = this.#topicBytes.get(topic);
    if (known !== undefined) return known;
    const bytes = new TextEncoder().encode(topic);
    this.#topicBytes.set(topic, bytes);
    return bytes;
  }
}
