import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WeirError } from '../../core/contract/failure.ts';
import { assemble, shippedFiles, type WeirFiles } from '../../runtime/assemble.ts';
import type { Scoring } from '../../runtime/scoring.ts';
import { openSplit } from '../../runtime/split.ts';
import { feed, finish, hostileItems, limits, openWith } from './columnar-output.ts';

const items = hostileItems({ seed: 5, payments: 700 });
let root = '';
let dir = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'weir-split-'));
  dir = join(root, 'out');
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

/** The shipped definition in a module that also runs a statement in every thread but the first. */
function definitionWith(statement: string): WeirFiles {
  const definition = join(root, 'definition.ts');
  const shipped = JSON.stringify(fileURLToPath(new URL(`file://${shippedFiles.definition}`)));
  writeFileSync(
    definition,
    `import { isMainThread } from 'node:worker_threads';
import { existsSync } from 'node:fs';
export { default } from ${shipped};
if (!isMainThread) { ${statement} }
`,
  );
  return { ...shippedFiles, definition };
}

async function open(files: WeirFiles): Promise<Scoring> {
  const assembled = await assemble(shippedFiles);
  return openSplit({ dir, assembled, files, ...limits });
}

/** What the run fails with, wherever in it. */
async function failureOf(run: Promise<unknown>): Promise<unknown> {
  return run.then(
    () => null,
    (error: unknown) => error,
  );
}

/** Every way to wait fails with the same; then the directory is whole again for another run. */
async function expectFailed(scoring: Scoring, failure: unknown): Promise<void> {
  expect(await failureOf(scoring.append(items.slice(0, 1)))).toBe(failure);
  expect(await failureOf(scoring.process({ lagRecordsMax: 0 }))).toBe(failure);
  expect(await failureOf(scoring.commit())).toBe(failure);
  await scoring.close();
}

async function expectGoesOn(): Promise<void> {
  const { tables, sums } = await finish(await openWith('split', dir), items, dir);
  expect(sums).toMatchObject({ nextOffset: items.length, counts: { records: items.length } });
  const offsets = tables['decisions']?.map((row) => row['offset']) ?? [];
  expect(new Set(offsets).size).toBe(offsets.length);
  expect(offsets.length).toBeGreaterThan(700);
}

test('a definition that fails in the threads fails the opening, which lets the directory go', async () => {
  const failure = await failureOf(open(definitionWith("throw new Error('not in a thread');")));
  expect(failure).toBeInstanceOf(WeirError);
  expect(failure).toMatchObject({ code: 'DEFINITION_INVALID', message: expect.stringContaining('not in a thread') });
  await expectGoesOn();
});

test('a thread that ends while it starts fails the opening', async () => {
  const failure = await failureOf(open(definitionWith('process.exit(7);')));
  expect(failure).toMatchObject({ code: 'THREAD_DIED', facts: { exitCode: 7 } });
  await expectGoesOn();
});

test('a thread that dies fails whatever waits for it, and what comes after', async () => {
  const sign = join(root, 'die');
  const scoring = await open(
    definitionWith(`setInterval(() => { if (existsSync(${JSON.stringify(sign)})) process.exit(9); }, 1).unref();`),
  );
  await feed(scoring, items, { until: 500 });
  writeFileSync(sign, '');
  const waiting = [scoring.process({ lagRecordsMax: -1 }), scoring.process({ lagRecordsMax: -1 })];
  const [failure, other] = await Promise.all(waiting.map(failureOf));
  expect(failure).toMatchObject({ code: 'THREAD_DIED', facts: { exitCode: 9 } });
  expect(other).toBe(failure);
  await expectFailed(scoring, failure);
  await expectGoesOn();
});

test('a lake that cannot be written fails the run with what the thread threw', async () => {
  const scoring = await open(shippedFiles);
  await feed(scoring, items, { until: 100 });
  const lake = join(dir, 'lake');
  rmSync(lake, { recursive: true });
  writeFileSync(lake, 'no folder');
  const failure = await failureOf(finish(scoring, items, dir));
  expect(failure).toBeInstanceOf(WeirError);
  expect(failure).toMatchObject({ code: 'FILE_NOT_A_DIRECTORY' });
  await expectFailed(scoring, failure);
  rmSync(lake);
  await expectGoesOn();
});
