import { describe, expect, test } from 'vitest';
import {
  allocateBlock,
  copyEntries,
  createSlab,
  freeBlock,
  localOf,
  restOfSlab,
  segmentAt,
  sizeClassOf,
} from '../../core/engine/slab.ts';
import { copyOfBook } from './kept-pages.ts';
import { openStream, wholeBelow } from '../../simulate/random.ts';

describe('a slab', () => {
  test('gives blocks that never overlap and stay inside their segment, however they come and go', () => {
    const slab = createSlab(3, 96);
    const random = openStream({ seed: 1, name: 'slab' });
    const held: { readonly position: number; readonly sizeClass: number }[] = [];
    const owners = new Map<number, number>();
    for (let step = 0; step < 4000; step++) {
      const sizeClass = wholeBelow(random, slab.capacities.length);
      const capacity = slab.capacities[sizeClass] ?? 0;
      const position = allocateBlock(slab, sizeClass);
      for (let entry = 0; entry < capacity; entry++) {
        expect(owners.has(position + entry)).toBe(false);
        owners.set(position + entry, step);
      }
      expect(segmentAt(slab, position)).toBe(segmentAt(slab, position + capacity - 1));
      held.push({ position, sizeClass });
      if (wholeBelow(random, 3) === 0) continue;
      const [freed] = held.splice(wholeBelow(random, held.length), 1);
      if (freed === undefined) continue;
      for (let entry = 0; entry < (slab.capacities[freed.sizeClass] ?? 0); entry++)
        owners.delete(freed.position + entry);
      freeBlock(slab, freed.position, freed.sizeClass);
    }
    expect(slab.segments.length).toBeGreaterThan(1);
  });

  test.each([1, 5, 40])('moves %d entries within a block, forwards and backwards', (count) => {
    const slab = createSlab(2, 64);
    const block = allocateBlock(slab, sizeClassOf(64, 64));
    const { f64 } = segmentAt(slab, block);
    for (let word = 0; word < 128; word++) f64[localOf(block) * 2 + word] = word;
    copyEntries(slab, { from: block, to: block + 3, count });
    expect([...f64.subarray(6, 6 + count * 2)]).toEqual(Array.from({ length: count * 2 }, (_, word) => word));
    copyEntries(slab, { from: block + 3, to: block, count });
    expect([...f64.subarray(0, count * 2)]).toEqual(Array.from({ length: count * 2 }, (_, word) => word));
  });

  test('is the same after a checkpoint, free blocks included', () => {
    const slab = createSlab(2, 8);
    const first = allocateBlock(slab, 2);
    allocateBlock(slab, 2);
    freeBlock(slab, first, 2);
    const again = createSlab(2, 8, { book: copyOfBook(slab.pages.book), rest: restOfSlab(slab) });
    expect(allocateBlock(again, 2)).toBe(first);
    expect(segmentAt(again, first).i32.buffer).toBe(segmentAt(again, first).f64.buffer);
  });
});
