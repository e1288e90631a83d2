import { expect, test } from 'vitest';
import type { Tally } from '../../simulate/faults.ts';
import { addTally, missingIn, runSeeds, seedsForEverything } from '../../simulate/simulation-seeds.ts';

test('whatever fails at any step, the disk holds each effect once and nothing is lost', async () => {
  const counts: Tally = new Map();
  let seeds = 0;
  const failing = await runSeeds({ firstSeed: 1, count: seedsForEverything, step: 1 }, (result) => {
    seeds++;
    addTally(counts, result.counts);
  });
  expect(failing).toBeNull();
  expect(seeds).toBe(seedsForEverything);
  expect(missingIn(counts)).toEqual([]);
}, 180_000);
