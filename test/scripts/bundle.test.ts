import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeDefinition } from '../../runtime/lambda-definition.ts';
import { bundleFunctions } from '../../scripts/bundle.ts';
import { writeAccountFiles } from '../../simulate/account-payments.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-bundles-'));
const out = join(dir, 'out');

beforeAll(async () => {
  await writeDefinition(writeAccountFiles(dir), join(dir, 'definition'));
  await bundleFunctions(out, join(dir, 'definition'), 'examples/changes/mapping.ts');
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('each function starts from its folder alone, away from the repository', () => {
  const names = readdirSync('functions').map((file) => file.slice(0, -'.ts'.length));
  expect(names.length).toBeGreaterThan(4);
  for (const name of names) {
    // It ends before what it opens is there: the tables of functions that score.
    const script = 'import("./index.mjs").then(({ handler }) => process.exit(typeof handler === "function" ? 0 : 1))';
    const { status, stderr } = spawnSync(process.execPath, ['-e', script], {
      cwd: join(out, name),
      encoding: 'utf8',
      env: { AWS_REGION: 'us-east-1' },
      timeout: 20_000,
    });
    expect({ name, status, said: stderr.slice(-300) }).toEqual({ name, status: 0, said: '' });
  }
});

test('a mapping is a module beside each function', () => {
  expect(existsSync(join(out, 'capture-dms', 'mapping.mjs'))).toBe(true);
});
