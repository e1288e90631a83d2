import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../../adapters/files/checkpoint-store.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-checkpoint-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

function fileOf(offset: number): string {
  return join(dir, `checkpoint-${String(offset).padStart(16, '0')}.bin`);
}

test('a checkpoint comes back as it was saved, maps and typed arrays too', () => {
  const value = { cards: new Map([['c1', { sums: new Float64Array([1.5, -2]), seen: 3 }]]), watermarkMs: null };
  saveCheckpoint({ dir, offset: 42, epoch: 3, value });
  expect(loadCheckpoint({ dir })).toEqual({ checkpoint: { offset: 42, epoch: 3, value }, skipped: [] });
});

test('a directory without checkpoints, or none at all, loads none', () => {
  expect(loadCheckpoint({ dir })).toEqual({ checkpoint: null, skipped: [] });
  expect(loadCheckpoint({ dir: join(dir, 'absent') })).toEqual({ checkpoint: null, skipped: [] });
});

test('the newest two are kept and a leftover of a crash goes', () => {
  writeFileSync(`${fileOf(99)}.tmp`, 'half');
  for (const offset of [10, 20, 30]) saveCheckpoint({ dir, offset, epoch: 1, value: offset });
  expect(readdirSync(dir).sort()).toEqual([fileOf(20), fileOf(30)].map((path) => path.slice(dir.length + 1)));
});

test('a checkpoint before the others replaces the future that was undone', () => {
  for (const offset of [10, 20, 30]) saveCheckpoint({ dir, offset, epoch: 1, value: offset });
  saveCheckpoint({ dir, offset: 25, epoch: 2, value: 'again' });
  expect(readdirSync(dir).length).toBe(2);
  expect(loadCheckpoint({ dir }).checkpoint).toEqual({ offset: 25, epoch: 2, value: 'again' });
});

test('a flip of any byte, or any shorter length, falls back to the checkpoint before and says so', () => {
  saveCheckpoint({ dir, offset: 1, epoch: 1, value: 'older' });
  saveCheckpoint({ dir, offset: 2, epoch: 1, value: 'newer' });
  const whole = readFileSync(fileOf(2));
  let looked = 0;
  for (let at = 0; at < whole.length; at++, looked++) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    writeFileSync(fileOf(2), damaged);
    const flipped = loadCheckpoint({ dir });
    expect([flipped.checkpoint?.value, flipped.skipped.length, flipped.skipped[0]?.file]).toEqual([
      'older',
      1,
      fileOf(2),
    ]);
    writeFileSync(fileOf(2), whole);
    truncateSync(fileOf(2), at);
    expect(loadCheckpoint({ dir }).checkpoint?.value).toBe('older');
  }
  expect(looked).toBeGreaterThan(72);
});

test('when no file verifies the load is none, with every reason', () => {
  saveCheckpoint({ dir, offset: 1, epoch: 1, value: 'x' });
  saveCheckpoint({ dir, offset: 2, epoch: 1, value: 'y' });
  truncateSync(fileOf(1), 0);
  truncateSync(fileOf(2), 80);
  const { checkpoint, skipped } = loadCheckpoint({ dir });
  expect(checkpoint).toBeNull();
  expect(skipped.map(({ why }) => why)).toEqual([
    expect.stringMatching(/payload/),
    'got 0 bytes, expected at least 72',
  ]);
});

test('a payload of 100 MB is saved and loaded', () => {
  const value = new Uint8Array(100_000_000).fill(7);
  saveCheckpoint({ dir, offset: 5, epoch: 1, value });
  const loaded = loadCheckpoint({ dir }).checkpoint?.value;
  expect(loaded instanceof Uint8Array && loaded.length === value.length && loaded[99_999_999] === 7).toBe(true);
});
