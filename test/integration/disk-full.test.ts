import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runWeir } from './crash.ts';
import { digestOf } from './digest.ts';
import { mountSmall } from './small-disk.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-full-'));
const small = join(dir, 'small');
const isMounted = mountSmall(small, 2);
if (!isMounted) process.stderr.write('disk-full.test.ts is skipped: this user may not mount a tmpfs\n');

afterAll(() => {
  if (isMounted) execFileSync('umount', [small]);
  rmSync(dir, { recursive: true, force: true });
});

// Skipped where the user may not mount a tmpfs, with the reason printed above.
test.skipIf(!isMounted)('a run stops on a full disk, says what to do, and ends right once there is room', async () => {
  const source = 'examples/small/payments.csv';
  const full = await runWeir({ source, out: join(small, 'out') }, null);
  expect(full.code).toBe(1);
  expect(JSON.parse(full.stderr)).toMatchObject({ code: 'DISK_FULL', fix: expect.stringContaining('Free some space') });
  execFileSync('mount', ['-o', 'remount,size=64m', small]);
  const resumed = await runWeir({ source, out: join(small, 'out') }, null);
  expect(resumed.code, resumed.stderr).toBe(0);
  const roomy = await runWeir({ source, out: join(dir, 'roomy') }, null);
  expect(roomy.code, roomy.stderr).toBe(0);
  expect(await digestOf(join(small, 'out'))).toEqual(await digestOf(join(dir, 'roomy')));
});
