import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type KeyEntry, openKeyIndex, writeKeyIndex } from '../../../adapters/files/key-index.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-keys-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function entriesOf(startOffset: number, endOffset: number): KeyEntry[] {
  return Array.from({ length: endOffset - startOffset }, (_, i) => {
    const offset = startOffset + i;
    return { idHash: hash(`id ${offset}`), bodyHash: hash(`body ${offset}`), offset };
  });
}

function write(startOffset: number, endOffset: number): void {
  writeKeyIndex({ dir, startOffset, endOffset, entries: entriesOf(startOffset, endOffset) });
}

test('every key of every cut is found with its cut, and no other', () => {
  write(0, 1000);
  write(1000, 1001);
  write(1001, 1001);
  const index = openKeyIndex(dir);
  for (let offset = 0; offset < 1001; offset++) {
    const [startOffset, endOffset] = offset < 1000 ? [0, 1000] : [1000, 1001];
    const bodyHashPrefix = hash(`body ${offset}`).slice(0, 16);
    expect(index.find(hash(`id ${offset}`))).toEqual({ bodyHashPrefix, offset, startOffset, endOffset });
  }
  for (let i = 0; i < 200; i++) expect(index.find(hash(`absent ${i}`))).toBeNull();
});

test('agrees with a plain search for any keys, the newest cut first and in it the lowest offset', () => {
  const key = fc.integer({ min: 0, max: 40 }).map((n) => hash(`k${n}`));
  const cut = fc.array(key, { maxLength: 300 });
  fc.assert(
    fc.property(cut, cut, key, (older, newer, wanted) => {
      const own = mkdtempSync(join(dir, 'run-'));
      const withOffsets = (keys: string[], start: number): KeyEntry[] =>
        keys.map((idHash, i) => ({ idHash, bodyHash: hash(String(start + i)), offset: start + i }));
      writeKeyIndex({ dir: own, startOffset: 0, endOffset: 1000, entries: withOffsets(older, 0).reverse() });
      writeKeyIndex({ dir: own, startOffset: 1000, endOffset: 2000, entries: withOffsets(newer, 1000) });
      const inNewer = newer.indexOf(wanted);
      const inOlder = older.indexOf(wanted);
      const older_ = inOlder < 0 ? null : inOlder;
      expect(openKeyIndex(own).find(wanted)?.offset ?? null).toBe(inNewer < 0 ? older_ : 1000 + inNewer);
      rmSync(own, { recursive: true });
    }),
    { numRuns: 60 },
  );
});

test('keys at both ends of the hash range are found', () => {
  const ends = [
    '0'.repeat(32),
    '0'.repeat(15) + '1' + '0'.repeat(16),
    'f'.repeat(32),
    '7f' + 'f'.repeat(30),
    '80' + '0'.repeat(30),
  ];
  const entries = [...ends.map((idHash, offset) => ({ idHash, bodyHash: idHash, offset })), ...entriesOf(100, 600)];
  writeKeyIndex({ dir, startOffset: 0, endOffset: 600, entries });
  expect(ends.map((idHash) => openKeyIndex(dir).find(idHash)?.offset)).toEqual([0, 1, 2, 3, 4]);
});

test('a cut that is written later is seen after a refresh, and removed ones are gone', () => {
  write(0, 10);
  const index = openKeyIndex(dir);
  write(10, 20);
  writeFileSync(join(dir, 'x.idx.tmp'), 'half');
  expect(index.find(hash('id 15'))).toBeNull();
  index.refresh();
  expect(index.find(hash('id 15'))?.startOffset).toBe(10);
  index.removeFrom(10);
  expect([index.find(hash('id 15')), index.find(hash('id 5'))?.offset]).toEqual([null, 5]);
  expect(readdirSync(dir)).toEqual(['0000000000000000-0000000000000010.idx']);
});

test('a flip of any byte, or any shorter length, is refused with the path', () => {
  write(0, 5);
  const path = join(dir, '0000000000000000-0000000000000005.idx');
  const whole = readFileSync(path);
  const refused = expect.objectContaining({ code: 'KEY_INDEX_CORRUPT', message: expect.stringContaining(path) });
  const checkedBytes = whole.length - 12;
  for (let at = 0; at < checkedBytes; at++) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    writeFileSync(path, damaged);
    expect(() => openKeyIndex(dir).find(hash('id 3'))).toThrow(refused);
    writeFileSync(path, whole);
    truncateSync(path, at);
    expect(() => openKeyIndex(dir).find(hash('id 3'))).toThrow(refused);
  }
  expect(checkedBytes).toBe(5 * 32 + 20);
});

test('a hash that is no hex is a bug and refused', () => {
  expect(() => openKeyIndex(dir).find('nope')).toThrow('got a hash of 4 characters');
});
