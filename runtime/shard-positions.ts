import { appendFileSync, closeSync, fdatasyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { realDisk } from '../adapters/files/disk.ts';
import { readTextIfAny, writeDurably, writeFully } from '../adapters/files/durable-file.ts';
import type { ShardPosition, ShardRecord } from '../adapters/kinesis/port.ts';
import { WeirError } from '../core/contract/failure.ts';

/**
 * Where the records of a log lie in the shard they came from. A Kinesis record holds several records, and its sequence
 * number is no offset; so before the log takes records it is noted durably which ones these will be. The log's end then
 * tells where reading goes on, to the record, whatever a crash left.
 */
export type ShardPositions = {
  /** The position after the record before a log offset; null before the first. */
  readonly before: (logOffset: number) => ShardPosition | null;
  /** The first log offset that lies behind a position; the log's end where all of it is before. */
  readonly offsetAfter: (position: ShardPosition, logEndOffset: number) => number;
  /** Notes what the log takes next. */
  readonly note: (logEndOffset: number, records: readonly ShardRecord[]) => void;
  /** Forgets what lies before an offset but for where that one is. */
  readonly forgetBefore: (logOffset: number) => void;
  readonly close: () => void;
};

/** Records [offset, offset + count) of the log: those of a Kinesis record after the first `taken` ones. */
const entrySchema = z.strictObject({
  offset: z.int().min(0),
  sequence: z.string().regex(/^\d+$/),
  taken: z.int().min(0),
  count: z.int().min(0),
});
type Entry = z.infer<typeof entrySchema>;

/** Opens the positions of an output directory whose log ends at an offset. Throws `SOURCES_CORRUPT`. */
export function openShardPositions(dir: string, logEndOffset: number): ShardPositions {
  const path = join(dir, 'shard.jsonl');
  let entries = readEntries(path, logEndOffset);
  rewrite(path, entries);
  let fd = openSync(path, 'a');
  return {
    before: (logOffset) => {
      const entry = entries[lastAt(entries, logOffset)];
      if (entry === undefined) return null;
      return { sequence: entry.sequence, taken: entry.taken + Math.min(entry.count, logOffset - entry.offset) };
    },
    offsetAfter: (position, endOffset) => {
      for (const entry of entries) {
        const order = compareSequences(entry.sequence, position.sequence);
        if (order > 0) return entry.offset;
        if (order === 0 && position.taken < entry.taken + entry.count)
          return entry.offset + Math.max(0, position.taken - entry.taken);
      }
      return endOffset;
    },
    note: (endOffset, records) => {
      let offset = endOffset;
      const added = records.map(({ sequence, takenBefore, records: { length } }) => {
        const entry = { offset, sequence, taken: takenBefore, count: length };
        offset += length;
        return entry;
      });
      appendFileSync(fd, linesOf(added));
      fdatasyncSync(fd);
      entries.push(...added);
    },
    forgetBefore: (logOffset) => {
      entries = entries.slice(Math.max(0, lastAt(entries, logOffset)));
      closeSync(fd);
      rewrite(path, entries);
      fd = openSync(path, 'a');
    },
    close: () => closeSync(fd),
  };
}

/** Which entry holds the record before an offset, -1 for none. */
function lastAt(entries: readonly Entry[], logOffset: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.offset < logOffset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Numbers of up to 56 digits, without leading zeros. */
function compareSequences(left: string, right: string): number {
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : Number(left > right);
}

/** What was noted and not appended is read again. A line that a crash cut off was noted for nothing yet. */
function readEntries(path: string, logEndOffset: number): Entry[] {
  const lines = (readTextIfAny(realDisk, path) ?? '').split('\n').slice(0, -1);
  const entries = lines
    .map((line) => parseEntry(path, line))
    .filter(({ offset, count }) => offset < logEndOffset || (offset === logEndOffset && count === 0))
    .map((entry) => ({ ...entry, count: Math.min(entry.count, logEndOffset - entry.offset) }));
  const last = entries.at(-1);
  const reached = last === undefined ? 0 : last.offset + last.count;
  if (reached === logEndOffset) return entries;
  throw corrupt(path, `its end at ${reached}, expected the log's, ${logEndOffset}`);
}

function parseEntry(path: string, line: string): Entry {
  try {
    return entrySchema.parse(JSON.parse(line));
  } catch (error) {
    throw corrupt(path, `${line}, expected a position of a shard`, error);
  }
}

function corrupt(path: string, got: string, cause?: unknown): WeirError {
  return new WeirError({
    code: 'SOURCES_CORRUPT',
    message: `${path}: got ${got}`,
    fix: 'Begin again with a new --state: the shard is read from its oldest record, and nothing is published twice.',
    facts: { path },
    cause,
  });
}

function rewrite(path: string, entries: readonly Entry[]): void {
  writeDurably(realDisk, path, (fd) => writeFully(realDisk, fd, Buffer.from(linesOf(entries))));
}

function linesOf(entries: readonly Entry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}
