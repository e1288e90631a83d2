import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadBenches, measureBench, spreadOf } from '../../bench/run.ts';

describe('a bench', () => {
  test('is warmed before it is measured, and each measured run has its events', async () => {
    let runs = 0;
    const measured = await measureBench({ name: 'count', run: () => ++runs }, { warmups: 2, repeats: 3 });
    expect(measured.map(({ name }) => name)).toEqual(['count']);
    const samples = measured.flatMap((variant) => variant.samples);
    expect(samples.map((sample) => sample.events)).toEqual([3, 4, 5]);
    expect(samples.every((sample) => sample.wallMs >= 0 && sample.cpuMs >= 0)).toBe(true);
  });

  test('of several variants measures them in turn', async () => {
    const order: string[] = [];
    const variants = ['a', 'b'].map((name) => ({ name, run: () => order.push(name) }));
    const measured = await measureBench({ name: 'pair', variants }, { warmups: 1, repeats: 2 });
    expect(order.join('')).toBe('ababab');
    expect(measured.map(({ name, samples }) => [name, samples.map(({ events }) => events)])).toEqual([
      ['a', [3, 5]],
      ['b', [4, 6]],
    ]);
  });

  test('that handles no event is an error', async () => {
    const empty = { name: 'empty', run: () => 0 };
    await expect(measureBench(empty, { warmups: 0, repeats: 1 })).rejects.toThrow('bench empty handled 0 events');
  });

  test('is found by its file name, and a file without one is an error', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weir-bench-'));
    try {
      await writeFile(join(folder, 'a.bench.ts'), "export const name = 'a';\nexport const run = () => 7;\n");
      await writeFile(join(folder, 'other.ts'), 'throw new Error();\n');
      const benches = await loadBenches(folder);
      expect([...benches.keys()]).toEqual(['a']);
      expect(benches.get('a')).toMatchObject({ name: 'a' });
      await writeFile(join(folder, 'b.bench.ts'), "export const name = 'b';\n");
      await expect(loadBenches(folder)).rejects.toThrow('got b.bench.ts without name and run');
      await writeFile(join(folder, 'b.bench.ts'), "export const name = 'b';\nexport const variants = [];\n");
      await writeFile(join(folder, 'c.bench.ts'), "export const name = 'c';\n");
      await expect(loadBenches(join(folder))).rejects.toThrow('got b.bench.ts without name and run');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

test('a spread is the minimum, the mean and the sample standard deviation', () => {
  expect(spreadOf([2, 4, 6])).toEqual({ min: 2, mean: 4, sd: 2 });
  expect(spreadOf([5])).toEqual({ min: 5, mean: 5, sd: 0 });
  expect(() => spreadOf([])).toThrow('got no values');
});
