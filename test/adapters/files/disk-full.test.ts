import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../../adapters/files/checkpoint-store.ts';
import { withPath } from '../../../adapters/files/failure.ts';
import { openKeyIndex, writeKeyIndex } from '../../../adapters/files/key-index.ts';
import { openLake } from '../../../adapters/files/lake.ts';
import { openSegmentLog } from '../../../adapters/files/segment-log.ts';
import type { TableSchema } from '../../../core/sinks/table-schema.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-full-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const diskFull = expect.objectContaining({ code: 'DISK_FULL', fix: expect.stringContaining('Free some space') });
const table: TableSchema = { name: 'decisions', columns: [{ name: 'n', type: 'int64', nullable: false }] };

/** A device that refuses every write with ENOSPC stands for the file: https://man7.org/linux/man-pages/man4/full.4.html */
const fullDevice = '/dev/full';

// Skipped where the system has no device that is always full.
describe.skipIf(!existsSync(fullDevice))('on a full disk (skipped where there is no /dev/full)', () => {
  test('a checkpoint is not written, and the one before stays', () => {
    saveCheckpoint({ dir, offset: 1, epoch: 1, value: 'kept' });
    symlinkSync(fullDevice, join(dir, 'checkpoint-0000000000000002.bin.tmp'));
    expect(() => saveCheckpoint({ dir, offset: 2, epoch: 1, value: 'lost' })).toThrow(diskFull);
    expect(loadCheckpoint({ dir })).toMatchObject({ checkpoint: { value: 'kept' }, skipped: [] });
    expect(readdirSync(dir)).toEqual(['checkpoint-0000000000000001.bin']);
  });

  test('a key index is not written', () => {
    symlinkSync(fullDevice, join(dir, '0000000000000000-0000000000000009.idx.tmp'));
    const entries = [{ idHash: 'a'.repeat(32), bodyHash: 'b'.repeat(32), offset: 1 }];
    expect(() => writeKeyIndex({ dir, startOffset: 0, endOffset: 9, entries })).toThrow(diskFull);
    expect(openKeyIndex(dir).find('a'.repeat(32))).toBeNull();
  });

  test('a lake file is not written', () => {
    mkdirSync(join(dir, 'decisions'));
    symlinkSync(fullDevice, join(dir, 'decisions/0000000000000000-e0.parquet.tmp'));
    const lake = openLake({ dir });
    const cut = lake.openCut(0);
    cut.table(table).appendRows([{ n: 1 }]);
    expect(() => cut.finishSync(9)).toThrow(diskFull);
    expect(readdirSync(join(dir, 'decisions'))).toEqual([]);
  });

  test('the log takes nothing and says so every time', () => {
    symlinkSync(fullDevice, join(dir, '0000000000000000.log'));
    const log = openSegmentLog({ dir });
    const entry = { topic: 't', ingestTimeMs: 1, sourcePosition: 1, bytes: Buffer.from('x') };
    expect(() => log.append([entry])).toThrow(diskFull);
    expect([log.endOffset, log.lastSourcePosition]).toEqual([0, null]);
    log.close();
  });
});

/** Mounts a file system of one megabyte; false where this user may not. */
function mountSmall(at: string): boolean {
  try {
    mkdirSync(at);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('a log that fills the disk stays whole, and goes on once there is space', ({ skip }) => {
  const small = join(dir, 'small');
  if (!mountSmall(small)) skip('this user may not mount a tmpfs');
  try {
    writeFileSync(join(small, 'ballast'), Buffer.alloc(300_000));
    const logDir = join(small, 'log');
    const log = openSegmentLog({ dir: logDir, segmentBytesMax: 100_000 });
    const batch = (from: number): Parameters<typeof log.append>[0] =>
      Array.from({ length: 70 }, (_, i) => ({
        topic: 't',
        ingestTimeMs: 1,
        sourcePosition: from + i,
        bytes: Buffer.from(`${from + i} `.padEnd(1000, 'x')),
      }));
    expect(() => {
      for (;;) log.append(batch(log.endOffset));
    }).toThrow(diskFull);
    const fullAt = log.endOffset;
    expect(fullAt).toBeGreaterThan(300);
    expect(fullAt % 70).toBe(0);
    expect(() => log.append(batch(fullAt))).toThrow(diskFull);
    unlinkSync(join(small, 'ballast'));
    // One record, shorter than what the failed appends left behind.
    expect(log.append(batch(fullAt).slice(0, 1))).toBe(fullAt);
    log.close();
    const again = openSegmentLog({ dir: logDir });
    expect([again.repairedBytes, again.endOffset, again.lastSourcePosition]).toEqual([0, fullAt + 1, fullAt]);
    const texts = again
      .read({ fromOffset: 0, countMax: 5000 })
      .map(({ bytes }) => Number.parseInt(Buffer.from(bytes).toString(), 10));
    expect(texts).toEqual(Array.from({ length: fullAt + 1 }, (_, i) => i));
    again.close();
  } finally {
    execFileSync('umount', [small]);
  }
});

test('a failure of a system call becomes one with a code and the path; a bug passes unchanged', () => {
  const bug = new TypeError('a bug');
  const thrown = (run: () => void): unknown => {
    try {
      withPath('/some/path', run);
    } catch (error) {
      return error;
    }
    return null;
  };
  expect(thrown(() => readdirSync('/absent'))).toMatchObject({
    code: 'FILE_NOT_FOUND',
    facts: { path: '/some/path', errno: 'ENOENT' },
  });
  expect(thrown(() => writeFileSync('/', ''))).toMatchObject({ code: 'FILE_IS_A_DIRECTORY' });
  expect(
    thrown(() => {
      throw bug;
    }),
  ).toBe(bug);
});
