import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type LogEntry, openSegmentLog } from '../../../adapters/files/segment-log.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-log-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const topics = ['payments.authorization.v1', 'weir.control.v1', 'größe.v1'];

function entry(i: number, text = `event ${i}`): LogEntry {
  const topic = topics[i % topics.length] ?? '';
  return { topic, ingestTimeMs: 1_750_000_000_000 + i, sourcePosition: i * 10, bytes: Buffer.from(text) };
}

function entries(count: number): LogEntry[] {
  return Array.from({ length: count }, (_, i) => entry(i));
}

/** What reading gives back, as plain text. */
function readAll(log: ReturnType<typeof openSegmentLog>): string[] {
  const records = log.read({ fromOffset: 0, countMax: log.endOffset });
  return records.map(
    (record) => `${record.offset} ${record.topic} ${record.ingestTimeMs} ${Buffer.from(record.bytes).toString()}`,
  );
}

function expected(written: readonly LogEntry[]): string[] {
  return written.map((e, i) => `${i} ${e.topic} ${e.ingestTimeMs} ${Buffer.from(e.bytes).toString()}`);
}

function fileOf(firstOffset: number): string {
  return join(dir, `${String(firstOffset).padStart(16, '0')}.log`);
}

describe('a segment log', () => {
  test('gives back what was appended, in order, with its offsets', () => {
    const log = openSegmentLog({ dir });
    expect(log.append(entries(3))).toBe(0);
    expect(log.append([entry(3, '')])).toBe(3);
    expect(log.append([])).toBe(4);
    expect(readAll(log)).toEqual(expected([...entries(3), entry(3, '')]));
    log.close();
  });

  test('knows its end and the last source position after it is opened again', () => {
    const log = openSegmentLog({ dir, segmentBytesMax: 200 });
    expect([log.endOffset, log.lastSourcePosition]).toEqual([0, null]);
    log.append(entries(20));
    log.sync();
    log.close();
    expect(readdirSync(dir).length).toBeGreaterThan(3);
    const again = openSegmentLog({ dir, segmentBytesMax: 200 });
    expect([again.endOffset, again.lastSourcePosition, again.repairedBytes]).toEqual([20, 190, 0]);
    expect(readAll(again)).toEqual(expected(entries(20)));
    again.close();
  });

  test('reads records that are appended after the reader reached the end', () => {
    const log = openSegmentLog({ dir });
    for (let i = 0; i < 50; i++) {
      log.append([entry(i)]);
      expect(log.read({ fromOffset: i, countMax: 10 }).map(({ offset }) => offset)).toEqual([i]);
    }
    expect(log.read({ fromOffset: 50, countMax: 10 })).toEqual([]);
    log.close();
  });

  test('finds any offset again, over more than one step of its sparse index', () => {
    const log = openSegmentLog({ dir, segmentBytesMax: 400_000 });
    log.append(entries(20_000));
    log.close();
    const again = openSegmentLog({ dir });
    for (const offset of [19_999, 0, 12_345, 4096, 4095, 8191, 3]) {
      expect(again.read({ fromOffset: offset, countMax: 1 })[0]?.ingestTimeMs).toBe(1_750_000_000_000 + offset);
    }
    again.close();
  });

  test('takes a record that is larger than a segment and larger than a block', () => {
    const log = openSegmentLog({ dir, segmentBytesMax: 100 });
    const written = [entry(0), entry(1, 'x'.repeat(3_000_000)), entry(2)];
    log.append(written);
    expect(readAll(log)).toEqual(expected(written));
    log.close();
  });

  test('refuses an offset beyond its end, and a record that is too large', () => {
    const log = openSegmentLog({ dir });
    log.append(entries(2));
    expect(() => log.read({ fromOffset: 3, countMax: 1 })).toThrow(expect.objectContaining({ code: 'LOG_TOO_SHORT' }));
    const huge = { ...entry(3), bytes: new Uint8Array(17 * 1024 * 1024) };
    expect(() => log.append([entry(2), huge])).toThrow(expect.objectContaining({ code: 'RECORD_TOO_LARGE' }));
    expect([log.endOffset, log.lastSourcePosition]).toEqual([2, 10]);
    log.append([entry(2)]);
    expect(readAll(log)).toEqual(expected(entries(3)));
    log.close();
  });

  test('after it is cleared starts again at offset 0', () => {
    const log = openSegmentLog({ dir, segmentBytesMax: 100 });
    log.append(entries(9));
    log.clear();
    expect([log.endOffset, log.lastSourcePosition, readdirSync(dir).length]).toEqual([0, null, 1]);
    expect(log.append([entry(5)])).toBe(0);
    expect(readAll(log)).toEqual(expected([entry(5)]));
    log.close();
  });

  test('agrees with a plain array for any appends, truncations, reopenings and segment sizes', () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant('append' as const), sizes: fc.array(fc.nat(300), { maxLength: 12 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('truncate' as const),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('read' as const),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
          countMax: fc.integer({ min: 1, max: 20 }),
        }),
      },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.integer({ min: 1, max: 3000 }), (steps, segmentBytesMax) => {
        const own = mkdtempSync(join(dir, 'run-'));
        let log = openSegmentLog({ dir: own, segmentBytesMax });
        let twin: LogEntry[] = [];
        for (const action of steps) {
          if (action.kind === 'append') {
            const more = action.sizes.map((size, i) => entry(twin.length + i, 'y'.repeat(size)));
            expect(log.append(more)).toBe(twin.length);
            twin = [...twin, ...more];
          } else if (action.kind === 'truncate') {
            const offset = Math.floor(action.share * twin.length);
            log.truncateFrom(offset);
            twin = twin.slice(0, offset);
          } else if (action.kind === 'reopen') {
            log.close();
            log = openSegmentLog({ dir: own, segmentBytesMax });
          } else {
            const from = Math.floor(action.share * twin.length);
            const got = log.read({ fromOffset: from, countMax: action.countMax });
            expect(got.map(({ offset }) => offset)).toEqual(
              twin.slice(from, from + action.countMax).map((_, i) => from + i),
            );
          }
          expect([log.endOffset, log.lastSourcePosition]).toEqual([twin.length, twin.at(-1)?.sourcePosition ?? null]);
        }
        expect(readAll(log)).toEqual(expected(twin));
        log.close();
        rmSync(own, { recursive: true });
      }),
      { numRuns: 60 },
    );
  });
});

describe('a crash', () => {
  test('that cuts the last record at any byte loses that record alone', () => {
    const log = openSegmentLog({ dir });
    log.append(entries(4));
    const keptBytes = statSync(fileOf(0)).size;
    log.append([entry(4)]);
    log.close();
    const whole = readFileSync(fileOf(0));
    for (let sizeBytes = keptBytes; sizeBytes < whole.length; sizeBytes++) {
      writeFileSync(fileOf(0), whole.subarray(0, sizeBytes));
      const again = openSegmentLog({ dir });
      expect([again.repairedBytes, again.endOffset, again.lastSourcePosition]).toEqual([sizeBytes - keptBytes, 4, 30]);
      again.append([entry(4)]);
      expect(readAll(again)).toEqual(expected(entries(5)));
      again.close();
    }
  });

  test('that leaves zeros behind the last record loses nothing', () => {
    const log = openSegmentLog({ dir });
    log.append(entries(4));
    log.close();
    appendFileSync(fileOf(0), Buffer.alloc(5000));
    const again = openSegmentLog({ dir });
    expect([again.repairedBytes, again.endOffset]).toEqual([5000, 4]);
    again.close();
  });

  test('right after a new segment was made leaves a log that goes on', () => {
    const log = openSegmentLog({ dir });
    log.append(entries(4));
    log.close();
    writeFileSync(fileOf(4), '');
    const again = openSegmentLog({ dir });
    expect([again.endOffset, again.lastSourcePosition]).toEqual([4, 30]);
    again.append([entry(4)]);
    expect(readAll(again)).toEqual(expected(entries(5)));
    again.close();
  });

  test('in the very first write leaves an empty log', () => {
    writeFileSync(fileOf(0), Buffer.from([7, 0]));
    const log = openSegmentLog({ dir });
    expect([log.repairedBytes, log.endOffset, log.lastSourcePosition]).toEqual([2, 0, null]);
    log.close();
  });
});

describe('a damaged byte', () => {
  test('anywhere before the last record is refused with the file and the offset', () => {
    const log = openSegmentLog({ dir });
    const starts = entries(4).map((e) => {
      log.append([e]);
      return statSync(fileOf(0)).size - 26 - Buffer.byteLength(e.topic) - e.bytes.length;
    });
    log.close();
    const lastStart = starts[3] ?? 0;
    expect(lastStart).toBeGreaterThan(100);
    const whole = readFileSync(fileOf(0));
    for (let at = 0; at < lastStart; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x20;
      writeFileSync(fileOf(0), damaged);
      const facts = { path: fileOf(0), offset: starts.findLastIndex((start) => start <= at) };
      expect(() => openSegmentLog({ dir })).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT', facts }));
    }
  });

  test('in an earlier segment is refused when it is read, and the rest can still be cleared', () => {
    const log = openSegmentLog({ dir, segmentBytesMax: 150 });
    log.append(entries(10));
    log.close();
    const damaged = readFileSync(fileOf(0));
    damaged[40] = (damaged[40] ?? 0) ^ 1;
    writeFileSync(fileOf(0), damaged);
    const again = openSegmentLog({ dir });
    expect(() => readAll(again)).toThrow(
      expect.objectContaining({ code: 'LOG_CORRUPT', facts: { path: fileOf(0), offset: 0 } }),
    );
    expect(again.read({ fromOffset: 8, countMax: 5 }).length).toBe(2);
    again.clear();
    expect(again.endOffset).toBe(0);
    again.close();
  });

  test('that shortens an earlier segment is refused when it is read', () => {
    const log = openSegmentLog({ dir, segmentBytesMax: 150 });
    log.append(entries(10));
    log.close();
    truncateSync(fileOf(0), statSync(fileOf(0)).size - 1);
    const again = openSegmentLog({ dir });
    expect(() => readAll(again)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }));
    again.close();
  });
});
