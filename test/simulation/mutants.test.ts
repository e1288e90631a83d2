import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutants } from '../../simulate/mutants/mutants.ts';

test('what every planted bug replaces is in the tree once', () => {
  const wrong = mutants.flatMap(({ name, patches }) =>
    patches
      .filter(
        ({ file, find }) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').split(find).length !== 2,
      )
      .map(({ file }) => `${name}: ${file}`),
  );
  expect(wrong).toEqual([]);
  expect(mutants.length).toBeGreaterThanOrEqual(10);
});
