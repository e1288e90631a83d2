import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const module = new URL('../../bin/end-within.ts', import.meta.url).pathname;

/** Runs a program to its end, and says how it ended and how long that took. */
function run(code: string): { readonly status: number | null; readonly ms: number } {
  const startMs = performance.now();
  const args = ['--input-type=module', '--eval', `const { endWithin } = await import('${module}');\n${code}`];
  const { status } = spawnSync(process.execPath, args, { timeout: 15_000, stdio: 'ignore' });
  return { status, ms: performance.now() - startMs };
}

test('a process that something keeps alive ends with its code all the same', () => {
  const server = `(await import('node:net')).createServer().listen(0, '127.0.0.1');`;
  expect(run(`${server} endWithin(3, 200);`).status).toBe(3);
});

test('a process that nothing keeps alive ends at once', () => {
  const { status, ms } = run('endWithin(0, 60_000);');
  expect(status).toBe(0);
  expect(ms).toBeLessThan(14_000);
});
