import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ShardRecord } from '../../adapters/kinesis/port.ts';
import { openShardPositions } from '../../runtime/shard-positions.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-shard-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A Kinesis record of so many records. */
function record(sequence: number, count: number, takenBefore = 0): ShardRecord {
  const records = Array.from({ length: count }, () => ({ partitionKey: 'k', data: new Uint8Array() }));
  return { sequence: String(sequence), arrivalMs: 0, takenBefore, records };
}

/** Every record of a shard as [sequence, place], which is what the positions abbreviate. */
const placesOf = (records: readonly ShardRecord[]): readonly (readonly [string, number])[] =>
  records.flatMap(({ sequence, takenBefore, records: users }) =>
    users.map((_, index) => [sequence, takenBefore + index] as const),
  );

test('whatever a crash left of the log, reading goes on after its last record', () => {
  const shard = fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(shard, fc.nat(), fc.nat(), (counts, cut, forgotten) => {
      rmSync(join(dir, 'shard.jsonl'), { force: true });
      const records = counts.map((count, index) => record(900 + index * 70, count));
      const places = placesOf(records);
      const first = openShardPositions(dir, 0);
      first.note(0, records);
      const kept = cut % (places.length + 1);
      first.forgetBefore(forgotten % (kept + 1));
      first.close();
      const again = openShardPositions(dir, kept);
      const last = kept === 0 ? null : places[kept - 1]!;
      expect(again.before(kept)).toEqual(last === null ? null : { sequence: last[0], taken: last[1] + 1 });
      again.close();
    }),
  );
});

test('what lies behind a position begins where its place in the log says', () => {
  const counts = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(counts, fc.nat(), fc.nat({ max: 5 }), (sizes, at, taken) => {
      rmSync(join(dir, 'shard.jsonl'), { force: true });
      const records = sizes.map((count, index) => record(98 + index, count));
      const positions = openShardPositions(dir, 0);
      positions.note(0, records);
      const { sequence } = records[at % records.length]!;
      const places = placesOf(records);
      const found = places.findIndex(([other, place]) =>
        BigInt(other) === BigInt(sequence) ? place >= taken : BigInt(other) > BigInt(sequence),
      );
      const expected = found === -1 ? places.length : found;
      expect(positions.offsetAfter({ sequence, taken }, places.length)).toBe(expected);
      positions.close();
    }),
  );
});

test('a record whose first part was taken before goes on within itself', () => {
  const positions = openShardPositions(dir, 0);
  positions.note(0, [record(5, 3)]);
  positions.close();
  const again = openShardPositions(dir, 2);
  again.note(2, [record(5, 1, 2), record(6, 2)]);
  expect(again.before(3)).toEqual({ sequence: '5', taken: 3 });
  expect(again.before(5)).toEqual({ sequence: '6', taken: 2 });
  expect(again.offsetAfter({ sequence: '5', taken: 2 }, 5)).toBe(2);
  again.close();
});

test('a line that a crash cut off is dropped, and one that is no position is refused', () => {
  const positions = openShardPositions(dir, 0);
  positions.note(0, [record(5, 3)]);
  positions.close();
  const path = join(dir, 'shard.jsonl');
  appendFileSync(path, '{"offset":3,"seq');
  openShardPositions(dir, 3).close();
  expect(readFileSync(path, 'utf8')).toBe('{"offset":0,"sequence":"5","taken":0,"count":3}\n');
  writeFileSync(path, '{"offset":0}\n');
  expect(() => openShardPositions(dir, 3)).toThrow(expect.objectContaining({ code: 'SOURCES_CORRUPT' }));
  rmSync(path);
  expect(() => openShardPositions(dir, 3)).toThrow(expect.objectContaining({ code: 'SOURCES_CORRUPT' }));
});
