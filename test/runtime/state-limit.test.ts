import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { assemble, shippedFiles } from '../../runtime/assemble.ts';
import { Columnar } from '../../runtime/columnar.ts';
import { openSplit } from '../../runtime/split.ts';
import type { Scoring } from '../../runtime/scoring.ts';
import { feed, finish, hostileItems, limits } from './columnar-output.ts';

const root = mkdtempSync(join(tmpdir(), 'weir-state-limit-'));
afterAll(() => {
  rmSync(root, { recursive: true });
});

const items = hostileItems({ seed: 5, payments: 400 });
const clockMs = (): number => Date.UTC(2027, 0, 1);

async function open(threads: number, dir: string, stateBytesMax?: number): Promise<Scoring> {
  const assembled = await assemble(shippedFiles);
  const options = { dir, assembled, clockMs, ...limits, ...(stateBytesMax === undefined ? {} : { stateBytesMax }) };
  return threads === 1 ? new Columnar(options) : openSplit({ ...options, files: shippedFiles });
}

test.each([1, 2])(
  'state beyond its limit stops a run of %i threads, which goes on under a higher one',
  async (threads) => {
    const dir = join(root, `limited-${threads}`);
    const scoring = await open(threads, dir, 2 ** 20);
    await expect(feed(scoring, items, { until: items.length })).rejects.toMatchObject({ code: 'STATE_FULL' });
    await scoring.close();
    const straight = join(root, `straight-${threads}`);
    const expected = await finish(await open(1, straight), items, straight);
    expect((await finish(await open(threads, dir), items, dir)).tables).toEqual(expected.tables);
    expect(expected.tables['decisions']?.length).toBeGreaterThan(300);
  },
  60_000,
);
