import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Disk, realDisk } from '../../../adapters/files/disk.ts';
import { openReadingIndex } from '../../../adapters/files/reading-index.ts';
import { holdsTime, lastEndMs, rangesOf } from '../../../adapters/files/time-ranges.ts';
import type { SortedReadings } from '../../../core/telemetry/columnar-identity.ts';
import { createReadingColumns } from '../../../runtime/telemetry.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-reading-index-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

type Reading = { readonly sensor: number; readonly timeMs: number; readonly id: number };

const rowsMax = 64;

describe('the identities of readings', () => {
  test('what is found of a sensor at a time is what a scan of all cuts finds, newest cut first', () => {
    let found = 0;
    const reading = fc.record({ sensor: fc.nat(2), timeMs: fc.nat(12), id: fc.nat(1000) });
    const cuts = fc.array(fc.array(reading, { minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 12 });
    const property = fc.property(cuts, fc.array(reading, { minLength: 1, maxLength: rowsMax }), (written, asked) => {
      const index = openReadingIndex({ dir: mkdtempSync(join(dir, 'run-')), rowsMax, disk: realDisk });
      const late = written.map((cut) => cut.map((one) => ({ ...one, timeMs: one.timeMs * 700 })));
      for (const [cut, readings] of late.entries()) index.write(cutOf(cut), sorted(readings));
      const wanted = asked.map((one) => ({ ...one, timeMs: one.timeMs * 700 }));
      const { first, end, idHash } = index.find([...wanted.keys()], columnsOf(wanted));
      for (const [row, { sensor, timeMs }] of wanted.entries()) {
        const expected = late.toReversed().flatMap((cut) => sorted(cut).idHashOf(sensor, timeMs));
        expect(idHash.slice(first[row], end[row])).toEqual(expected);
        found += expected.length;
      }
    });
    fc.assert(property, { numRuns: 100 });
    expect(found).toBeGreaterThan(200);
  });

  test('a look-up among forty cuts of the same times reads a chunk of each, not the files', () => {
    const { disk, bytesRead } = countingDisk();
    const index = openReadingIndex({ dir, rowsMax, disk });
    const perCut = 40_000;
    for (let cut = 0; cut < 40; cut++) {
      const readings = Array.from({ length: perCut }, (_, at) => ({
        sensor: Math.floor(at / 5),
        timeMs: 60_000 + (at % 5) * 250,
        id: cut * perCut + at,
      }));
      index.write(cutOf(cut), sorted(readings));
    }
    const before = bytesRead();
    // The readings of this sensor lie in two chunks.
    const wanted = [{ sensor: 819, timeMs: 60_250, id: 0 }];
    const { first, end } = index.find([0], columnsOf(wanted));
    expect(end[0]! - first[0]!).toBe(40);
    expect(bytesRead() - before).toBeLessThanOrEqual(40 * 2 * 4096 * 20);
    const once = bytesRead();
    index.find([0], columnsOf(wanted));
    expect(bytesRead(), 'read lately').toBe(once);
    index.find([0], columnsOf([{ sensor: 819, timeMs: 3_600_000, id: 0 }]));
    expect(bytesRead(), 'a time that no cut has').toBe(once);
  });

  test('after opening again, readings are found, and a damaged chunk is named', () => {
    openReadingIndex({ dir, rowsMax, disk: realDisk }).write(cutOf(0), sorted([{ sensor: 3, timeMs: 5, id: 77 }]));
    const columns = columnsOf([{ sensor: 3, timeMs: 5, id: 0 }]);
    expect(openReadingIndex({ dir, rowsMax, disk: realDisk }).find([0], columns).idHash).toEqual([77]);
    const [name = ''] = readdirSync(join(dir, 'identities'));
    const path = join(dir, 'identities', name);
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    const damaged = openReadingIndex({ dir, rowsMax, disk: realDisk });
    expect(() => damaged.find([0], columns)).toThrow(expect.objectContaining({ code: 'CUT_FILE_CORRUPT' }));
    bytes[bytes.length - 1]! ^= 1;
    bytes[30]! ^= 1;
    writeFileSync(path, bytes);
    expect(() => openReadingIndex({ dir, rowsMax, disk: realDisk })).toThrow(
      expect.objectContaining({ code: 'CUT_FILE_CORRUPT' }),
    );
  });

  test('files go when all their readings are older', () => {
    const index = openReadingIndex({ dir, rowsMax, disk: realDisk });
    index.write(cutOf(0), sorted([{ sensor: 1, timeMs: 999, id: 1 }]));
    index.write(cutOf(1), sorted([{ sensor: 1, timeMs: 1000, id: 2 }]));
    index.forgetBefore(1000);
    expect(readdirSync(join(dir, 'identities'))).toHaveLength(1);
    expect(index.find([0], columnsOf([{ sensor: 1, timeMs: 1000, id: 0 }])).idHash).toEqual([2]);
  });
});

describe('ranges of time', () => {
  test('they hold every time that they were made of, are at most as many as allowed, and cover no step in vain below that', () => {
    let crowded = 0;
    const times = fc.array(fc.integer({ min: -5000, max: 5000 }), { maxLength: 60 });
    const property = fc.property(times, fc.integer({ min: 1, max: 9 }), (timesMs, rangesMax) => {
      const ranges = rangesOf(timesMs, { stepMs: 100, rangesMax });
      const place = { head: Float64Array.of(ranges.length, ...ranges), at: 0 };
      expect(ranges.length / 2).toBeLessThanOrEqual(rangesMax);
      for (const timeMs of timesMs) expect(holdsTime(place, timeMs)).toBe(true);
      expect(lastEndMs(place)).toBe(Math.max(...timesMs.map((timeMs) => (Math.floor(timeMs / 100) + 1) * 100)));
      const steps = new Set(timesMs.map((timeMs) => Math.floor(timeMs / 100)));
      const runs = [...steps].filter((step) => !steps.has(step - 1)).length;
      if (runs > rangesMax) crowded++;
      else for (let step = -51; step < 52; step++) expect(holdsTime(place, step * 100)).toBe(steps.has(step));
    });
    fc.assert(property, { numRuns: 300 });
    expect(crowded).toBeGreaterThan(20);
  });
});

function cutOf(cut: number) {
  return { startOffset: cut * 100_000, endOffset: (cut + 1) * 100_000 };
}

function sorted(
  readings: readonly Reading[],
): SortedReadings & { idHashOf: (sensor: number, timeMs: number) => number[] } {
  const all = readings.toSorted((left, right) => left.sensor - right.sensor);
  return {
    count: all.length,
    sensor: Int32Array.from(all, ({ sensor }) => sensor),
    eventTimeMs: Float64Array.from(all, ({ timeMs }) => timeMs),
    idHash: Uint32Array.from(all, ({ id }) => id),
    bodyHash: Uint32Array.from(all, ({ id }) => id),
    idHashOf: (sensor, timeMs) =>
      all.filter((one) => one.sensor === sensor && one.timeMs === timeMs).map(({ id }) => id),
  };
}

function columnsOf(readings: readonly Reading[]) {
  const columns = createReadingColumns(rowsMax);
  for (const [row, { sensor, timeMs }] of readings.entries()) {
    columns.sensor[row] = sensor;
    columns.eventTimeMs[row] = timeMs;
  }
  return columns;
}

function countingDisk(): { readonly disk: Disk; readonly bytesRead: () => number } {
  let sum = 0;
  const read: Disk['read'] = (...asked) => {
    const count = realDisk.read(...asked);
    sum += count;
    return count;
  };
  return { disk: { ...realDisk, read }, bytesRead: () => sum };
}
