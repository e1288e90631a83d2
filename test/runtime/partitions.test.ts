import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Assembled } from '../../runtime/assemble.ts';
import { Columnar } from '../../runtime/columnar.ts';
import { type HeldPartitions, holdPartitions, partitionDir, partitionOf } from '../../runtime/partitions.ts';
import type { Incoming } from '../../runtime/scoring.ts';
import { nestedOnly } from '../../simulate/hostile/definitions.ts';
import { smallWeir } from '../../simulate/hostile/small-weir.ts';
import { hostileItems, readTables } from './columnar-output.ts';

const root = mkdtempSync(join(tmpdir(), 'weir-partitions-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const partitions = 8;
const { weir, scoring, ruleSet } = smallWeir(nestedOnly);
const definition = { name: nestedOnly.plan.name, version: nestedOnly.plan.version, hash: nestedOnly.hash };
const identity = { definition, rules: { id: 'r', version: 1, hash: '' }, model: { id: 'm', version: '1', hash: '' } };
const assembled: Assembled = { weir, scoring, ruleSet, identity };

/** Windows and ledger go by account; what cannot be read goes anywhere. */
function partitionOfItem({ bytes }: Incoming): number {
  const text = Buffer.from(bytes).toString();
  const tenantId = /"tenantId":"([^"]*)"/.exec(text)?.[1] ?? '';
  const key = /"accountId":"([^"]*)"/.exec(text)?.[1] ?? '';
  return partitionOf({ tenantId, key }, partitions);
}

function streamsOf(): readonly (readonly Incoming[])[] {
  const streams: Incoming[][] = Array.from({ length: partitions }, () => []);
  for (const item of hostileItems({ seed: 9, payments: 150 }).slice(0, -1)) {
    const stream = streams[partitionOfItem(item)];
    stream?.push({ ...item, sourcePosition: stream.length + 1 });
  }
  return streams;
}

const streams = streamsOf();
const clockMs = (): number => Date.UTC(2027, 0, 1);
const open = (dir: string): Columnar => new Columnar({ dir, assembled, clockMs, batchRecordsMax: 16, cutRecords: 30 });

/** Each owner takes its partitions up to a share of their records, from where the owner before let them go. */
async function takeShare(dir: string, ownerOf: (partition: number) => number, share: number): Promise<void> {
  const numbers = streams.map((_, partition) => partition);
  for (const [, held] of Map.groupBy(numbers, ownerOf)) {
    const owner = await holdPartitions({ root: dir, partitions: held, open });
    for (const partition of owner.partitions) await takeUntil(owner, partition, share);
    await owner.close();
  }
}

async function takeUntil(owner: HeldPartitions, partition: number, share: number): Promise<void> {
  const stream = streams[partition] ?? [];
  const from = owner.lastSourcePosition(partition) ?? 0;
  await owner.take(partition, stream.slice(from, Math.floor(stream.length * share)));
}

async function outputOf(dir: string): Promise<string> {
  const tables: unknown[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    tables.push(await readTables(partitionDir(dir, partition)));
  }
  return JSON.stringify(tables, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
}

test('eight partitions put out the same rows for 1, 2, 3 and 8 owners, and through a hand-over', async () => {
  expect(streams.every((stream) => stream.length > 20)).toBe(true);
  const whole = join(root, 'whole');
  await takeShare(whole, () => 0, 1);
  const expected = await outputOf(whole);
  expect(expected.length).toBeGreaterThan(100_000);
  for (const owners of [2, 3, 8]) {
    const dir = join(root, `owners-${owners}`);
    await takeShare(dir, (partition) => (partition * 5) % owners, 0.4);
    await takeShare(dir, (partition) => (partition * 3 + 1) % owners, 1);
    expect((await outputOf(dir)) === expected).toBe(true);
  }
}, 60_000);

test('a partition that another owner holds cannot be opened, and one that is not held takes nothing', async () => {
  const dir = join(root, 'held');
  const owner = await holdPartitions({ root: dir, partitions: [1, 2], open });
  await expect(holdPartitions({ root: dir, partitions: [0, 2], open })).rejects.toMatchObject({
    code: 'OWNER_ACTIVE',
  });
  await expect(owner.take(3, [])).rejects.toThrow('got partition 3, expected one of 1, 2');
  await owner.close();
  const next = await holdPartitions({ root: dir, partitions: [0, 1, 2], open });
  await next.close();
});
