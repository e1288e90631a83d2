import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createIdTable, deleteId, getId, idValueMax, setId } from '../../core/engine/id-table.ts';

/** Few words, so that ids share shards and homes, and differ in any one word. */
const word = fc.constantFrom(0, 8, 0xffffffff);
const id = fc.tuple(word, word, word, word).map((words) => Uint32Array.from(words));
const step = fc.record({ kind: fc.constantFrom('set', 'set', 'delete'), id, value: fc.nat() });

test('an id table is a map of ids, across deletions', () => {
  let deleted = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      const table = createIdTable();
      const map = new Map<string, number>();
      for (const { kind, id: words, value } of steps) {
        if (kind === 'set') {
          setId(table, words, 0, value);
          map.set(words.join(), value);
        } else {
          const was = map.delete(words.join());
          expect(deleteId(table, words, 0)).toBe(was);
          if (was) deleted += 1;
        }
        expect(table.size).toBe(map.size);
        expect(getId(table, words, 0)).toBe(map.get(words.join()) ?? -1);
      }
      for (const [text, value] of map)
        expect(getId(table, Uint32Array.from(text.split(',').map(Number)), 0)).toBe(value);
    }),
    { numRuns: 300 },
  );
  expect(deleted).toBeGreaterThan(100);
});

test('a hundred thousand ids are all found, and none that was not added', () => {
  const table = createIdTable();
  const words = new Uint32Array(100_001 * 4);
  for (let index = 0; index < words.length; index += 1) words[index] = Math.imul(index + 1, 0x9e3779b1) ^ (index << 7);
  for (let row = 0; row < 100_000; row += 1) setId(table, words, row * 4, row === 0 ? idValueMax : row);
  let found = 0;
  for (let row = 0; row < 100_000; row += 1)
    if (getId(table, words, row * 4) === (row === 0 ? idValueMax : row)) found += 1;
  expect(found).toBe(100_000);
  expect(getId(table, words, 100_000 * 4)).toBe(-1);
});
