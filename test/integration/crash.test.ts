import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runWeir, runWithKills } from './crash.ts';
import { digestOf, type Digest } from './digest.ts';

const seed = 20260101;
let dir = '';
let source = '';
let expected: Digest = {};
let durationMs = 0;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'weir-crash-'));
  source = join(dir, 'payments.jsonl');
  const generate = ['bin/weir.ts', 'generate', '--events', '20000', '--seed', '7', '--disturb', '--out', source];
  execFileSync(process.execPath, generate, { stdio: 'ignore' });
  const startMs = performance.now();
  const undisturbed = await runWeir({ source, out: join(dir, 'expected') }, null);
  durationMs = performance.now() - startMs;
  if (undisturbed.code !== 0) throw new Error(undisturbed.stderr);
  expected = await digestOf(join(dir, 'expected'));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('a run killed with SIGKILL at random moments and resumed puts out what an uninterrupted one does', async () => {
  const plan = { source, out: join(dir, 'killed'), kills: 8, seed, durationMs };
  const { killed } = await runWithKills(plan);
  expect(killed, `seed ${seed}`).toBeGreaterThanOrEqual(4);
  expect(await digestOf(plan.out), `seed ${seed}`).toEqual(expected);
});

test('the uninterrupted run has rows in every table, so that the comparison compares something', () => {
  for (const table of ['decisions', 'features', 'ledger', 'late', 'dead_letters']) {
    expect(expected[table], table).toMatch(/^[1-9]\d* rows/);
  }
});

test('a complete run that is started again changes nothing', async () => {
  const again = await runWeir({ source, out: join(dir, 'expected') }, null);
  expect(again.code, again.stderr).toBe(0);
  expect(await digestOf(join(dir, 'expected'))).toEqual(expected);
});
