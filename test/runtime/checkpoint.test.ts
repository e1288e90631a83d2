import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keptCheckpoints } from '../../adapters/files/checkpoint-store.ts';
import { realDisk } from '../../adapters/files/disk.ts';
import { partsOf } from '../../runtime/cut-keeper.ts';
import { feed, finish, hostileItems, openWith, type Output } from './columnar-output.ts';

const root = mkdtempSync(join(tmpdir(), 'weir-checkpoint-'));
const items = hostileItems({ seed: 5, payments: 1200 });
const begun = join(root, 'begun');
let expected: Output;

beforeAll(async () => {
  const dir = join(root, 'whole');
  expected = await finish(await openWith('oneThread', dir), items, dir);
  const scoring = await openWith('oneThread', begun);
  await feed(scoring, items, { until: 700 });
  await scoring.commit();
  await feed(scoring, items, { until: 1000 });
  await scoring.commit();
  await feed(scoring, items, { until: 1030 });
  await scoring.commit();
  await feed(scoring, items, { until: 1100 });
  await scoring.close();
}, 60_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Files of the checkpoints, oldest first. */
function filesOf(dir: string, kind: 'checkpoint' | 'front' | 'back'): string[] {
  const folder = join(dir, 'checkpoints');
  const names = readdirSync(folder).filter((name) => name.startsWith(`${kind}-`));
  return names.sort().map((name) => join(folder, name));
}

function flip(path: string): void {
  const bytes = readFileSync(path);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

test('a cut writes what was written since the one before, and the whole now and then', () => {
  const sizes = filesOf(begun, 'back').map((path) => statSync(path).size);
  expect(sizes.length).toBeGreaterThan(1);
  expect(Math.min(...sizes) * 2).toBeLessThan(Math.max(...sizes));
});

test.each([
  ['checkpoint', 'flip'],
  ['front', 'flip'],
  ['back', 'flip'],
  ['back', 'truncate'],
  ['front', 'remove'],
] as const)('of a damaged file of the newest cut (%s, %s) the checkpoint before is used', async (kind, how) => {
  const dir = join(root, `${kind}-${how}`);
  cpSync(begun, dir, { recursive: true });
  const checkpoints = filesOf(dir, 'checkpoint');
  expect(checkpoints).toHaveLength(2);
  const [newest] = filesOf(dir, kind).reverse();
  if (newest === undefined) throw new Error(`got no file of ${kind}`);
  if (how === 'flip') flip(newest);
  else if (how === 'truncate') truncateSync(newest, statSync(newest).size - 5);
  else rmSync(newest);
  const scoring = await openWith('oneThread', dir);
  expect(scoring.recovery.damagedCheckpoints.map(({ file }) => file)).toEqual([newest]);
  expect(scoring.recovery.checkpointOffset).toBe(Number(/checkpoint-(\d{16})/.exec(checkpoints[0] ?? '')?.[1]));
  expect(await finish(scoring, items, dir)).toEqual(expected);
});

test('no part stays that no checkpoint names', async () => {
  const dir = join(root, 'parts');
  cpSync(begun, dir, { recursive: true });
  await finish(await openWith('oneThread', dir), items, dir);
  const checkpoints = keptCheckpoints(join(dir, 'checkpoints'), realDisk);
  expect(checkpoints).toHaveLength(2);
  const named = new Set(checkpoints.flatMap(({ value }) => partsOf(value).map(({ name }) => name)));
  expect(named.size).toBeGreaterThan(2);
  const stored = [...filesOf(dir, 'front'), ...filesOf(dir, 'back')].map((path) => basename(path));
  expect(stored.toSorted()).toEqual([...named].toSorted());
});
