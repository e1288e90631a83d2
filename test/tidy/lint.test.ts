import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';

const sample = `export async function load(): Promise<number> {
  return 1;
}
export function start(): void {
  load();
  [1].forEach(async () => {
    await load();
  });
  const parsed: { lines: number } = JSON.parse('{}');
  if (parsed.lines == 1) throw 'one';
}
`;
const lintReport = z.object({
  number_of_files: z.int(),
  diagnostics: z.array(z.object({ code: z.string(), filename: z.string() })),
});

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-lint-'));
  copyFileSync('.oxlintrc.json', join(folder, '.oxlintrc.json'));
  writeFileSync(join(folder, 'tsconfig.json'), '{ "compilerOptions": { "strict": true, "types": [] } }');
  writeFileSync(join(folder, 'sample.ts'), sample);
  mkdirSync(join(folder, 'node_modules', 'other'), { recursive: true });
  writeFileSync(join(folder, 'node_modules', 'other', 'sample.ts'), sample);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the linter knows types, fires on what it forbids, and reads no installed package', () => {
  const run = spawnSync(resolve('node_modules/.bin/oxlint'), ['--format', 'json'], { cwd: folder, encoding: 'utf8' });
  const report = lintReport.parse(JSON.parse(run.stdout));
  expect(run.status).toBe(1);
  expect(report.number_of_files).toBe(1);
  expect(new Set(report.diagnostics.map((finding) => finding.filename))).toEqual(new Set(['sample.ts']));
  expect(report.diagnostics.map((finding) => finding.code).sort()).toEqual([
    'eslint(eqeqeq)',
    'typescript(no-floating-promises)',
    'typescript(no-misused-promises)',
    'typescript(no-unsafe-assignment)',
    'typescript(only-throw-error)',
  ]);
});
