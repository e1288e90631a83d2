import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LogTail, type LogTailOptions } from '../../../adapters/files/log-tail.ts';
import { type LogEntry, openSegmentLog } from '../../../adapters/files/segment-log.ts';
import { createLogBlock } from '../../../core/decode/log-block.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-log-tail-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

type Told = { readonly topic: string; readonly offset: number; readonly ingestTimeMs: number; readonly text: string };

function entry(text: string, topic = 'payments.authorization.v1'): LogEntry {
  return { topic, ingestTimeMs: text.length + 0.5, sourcePosition: text.length, bytes: Buffer.from(text) };
}

function fill(entries: readonly LogEntry[], segmentBytesMax = 1_000_000): void {
  const log = openSegmentLog({ dir, segmentBytesMax });
  log.append(entries);
  log.close();
}

function openTail(options: Partial<LogTailOptions> = {}): LogTail {
  return new LogTail({ dir, fromOffset: 0, verifyBelowOffset: Infinity, ...options });
}

/** Reads to an offset, block by block. Offsets have no gaps, and a block never holds more than it has room for. */
function readAll(tail: LogTail, untilOffset: number, block = createLogBlock({ recordsMax: 4, partition: 0 })): Told[] {
  const told: Told[] = [];
  while (tail.nextOffset < untilOffset) {
    tail.read(block, untilOffset);
    expect(block.count).toBeGreaterThan(0);
    expect(block.count).toBeLessThanOrEqual(block.recordsMax);
    for (let row = 0; row < block.count; row += 1) {
      told.push({
        topic: block.topics[block.topic[row]!]!,
        offset: block.firstOffset + row,
        ingestTimeMs: block.ingestTimeMs[row]!,
        text: Buffer.from(block.bytes.subarray(block.start[row], block.end[row])).toString('latin1'),
      });
    }
  }
  return told;
}

function readByLog(fromOffset: number): Told[] {
  const log = openSegmentLog({ dir });
  const records = log.read({ fromOffset, countMax: Infinity });
  log.close();
  return records.map(({ topic, offset, ingestTimeMs, bytes }) => {
    return { topic, offset, ingestTimeMs, text: Buffer.from(bytes).toString('latin1') };
  });
}

const entryArbitrary: fc.Arbitrary<LogEntry> = fc.record({
  topic: fc.constantFrom('payments.authorization.v1', 'payments.authorization.v2', 'weir.control', 'ünder'),
  ingestTimeMs: fc.double({ noNaN: true }),
  sourcePosition: fc.nat(),
  bytes: fc.uint8Array({ maxLength: 200 }),
});

test('any records in any segments and blocks are those that the log gives, from any offset on', () => {
  let records = 0;
  let segments = 0;
  fc.assert(
    fc.property(
      fc.array(entryArbitrary, { maxLength: 60, size: 'max' }),
      fc.record({
        segmentBytesMax: fc.integer({ min: 1, max: 2000 }),
        bytesMax: fc.integer({ min: 8, max: 1000 }),
        recordsMax: fc.integer({ min: 1, max: 20 }),
        from: fc.nat(60),
      }),
      (entries, { segmentBytesMax, bytesMax, recordsMax, from }) => {
        rmSync(dir, { recursive: true });
        fill(entries, segmentBytesMax);
        const fromOffset = Math.min(from, entries.length);
        const tail = openTail({ fromOffset, bytesMax });
        const read = readAll(tail, entries.length, createLogBlock({ recordsMax, partition: 0 }));
        tail.close();
        expect(read).toEqual(readByLog(fromOffset));
        records += read.length;
        segments += readdirSync(dir).length;
      },
    ),
    { numRuns: 60 },
  );
  expect(records).toBeGreaterThan(200);
  expect(segments).toBeGreaterThan(120);
});

test('a record larger than the buffer is read, and small ones behind it', () => {
  const large = 'x'.repeat(5000);
  fill([entry('a'), entry(large), entry('b'), entry('c')]);
  const tail = openTail({ bytesMax: 64 });
  expect(readAll(tail, 4).map(({ text }) => text)).toEqual(['a', large, 'b', 'c']);
  tail.close();
});

test('what another handle appends meanwhile is read, over the ends of segments, and never further than asked', () => {
  const log = openSegmentLog({ dir, segmentBytesMax: 150 });
  const tail = openTail();
  const read: string[] = [];
  const written: string[] = [];
  for (let round = 0; round < 20; round += 1) {
    const texts = Array.from({ length: round % 4 }, (_, index) => `record ${round}.${index}`);
    log.append(texts.map((text) => entry(text)));
    written.push(...texts);
    const untilOffset = Math.max(tail.nextOffset, log.endOffset - (round % 2));
    read.push(...readAll(tail, untilOffset).map(({ text }) => text));
    expect(tail.nextOffset).toBe(untilOffset);
  }
  read.push(...readAll(tail, log.endOffset).map(({ text }) => text));
  expect(read).toEqual(written);
  expect(readdirSync(dir).length).toBeGreaterThan(5);
  tail.close();
  log.close();
});

test('a block is empty when no more is asked for than was read', () => {
  fill([entry('a'), entry('b')]);
  const tail = openTail();
  readAll(tail, 2);
  const block = createLogBlock({ recordsMax: 4, partition: 0 });
  block.count = 3;
  tail.read(block, 2);
  expect(block).toMatchObject({ count: 0, firstOffset: 2 });
  tail.close();
});

/** The path of the segment that holds a text, and where in it. */
function findText(text: string): { readonly path: string; readonly at: number } {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    const at = readFileSync(path).indexOf(text);
    if (at >= 0) return { path, at };
  }
  throw new Error(`got no ${text} in ${dir}, expected one`);
}

function flip(text: string): string {
  const { path, at } = findText(text);
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
  return path;
}

test('a flipped byte of a record below the verified offset is LOG_CORRUPT at that record', () => {
  fill([entry('first'), entry('second'), entry('third')]);
  // Opened before the damage: opening passes the records before its offset, which are verified by that.
  const tail = openTail({ verifyBelowOffset: 2 });
  const path = flip('second');
  expect(() => readAll(tail, 3)).toThrow(
    expect.objectContaining({ code: 'LOG_CORRUPT', facts: expect.objectContaining({ path, offset: 1 }) }),
  );
  tail.close();
});

test('checksums of records that this process wrote are not verified again', () => {
  fill([entry('first'), entry('second')]);
  const tail = openTail({ verifyBelowOffset: 1 });
  flip('second');
  expect(readAll(tail, 2).map(({ text }) => text)).toEqual(['first', 'recond']);
  tail.close();
});

test.each([
  ['ends before the offset that was asked for', 0],
  ['ends within a record', 3],
])('a log that %s is LOG_CORRUPT', (_, cutBytes) => {
  fill([entry('first'), entry('second')]);
  const tail = openTail();
  const { path } = findText('first');
  truncateSync(path, statSync(path).size - cutBytes);
  expect(() => readAll(tail, 3)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }));
  tail.close();
});

test('an offset that the log does not reach cannot be opened', () => {
  fill([entry('first')]);
  expect(() => openTail({ fromOffset: 2 })).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }));
});
