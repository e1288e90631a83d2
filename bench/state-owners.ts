import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openLake } from '../adapters/files/lake.ts';
import type { Assembled } from '../runtime/assemble.ts';
import { Columnar } from '../runtime/columnar.ts';
import { holdPartitions, partitionDir, partitionOf } from '../runtime/partitions.ts';
import type { Incoming } from '../runtime/scoring.ts';
import { nestedOnly } from '../simulate/hostile/definitions.ts';
import { smallWeir } from '../simulate/hostile/small-weir.ts';
import { simulatePayments } from '../simulate/payments.ts';

const partitions = 8;
const payments = 4000;
const tableNames = ['decisions', 'features', 'ledger', 'ledger_chain', 'late'];

/**
 * Runs eight partitions by so many owners, handed over to others in the middle; gives the SHA-256 of all rows that the
 * lakes of the partitions then hold.
 */
export async function digestOfOwners(root: string, owners: number): Promise<string> {
  const { weir, scoring, ruleSet } = smallWeir(nestedOnly);
  const { plan, hash } = nestedOnly;
  const definition = { name: plan.name, version: plan.version, hash };
  const identity = { definition, rules: scoring.ruleSet.reference, model: scoring.model.model.reference };
  const assembled: Assembled = { weir, scoring, ruleSet, identity };
  const limits = { batchRecordsMax: 256, cutRecords: 200, clockMs: () => Date.UTC(2030, 0, 1) };
  const open = (dir: string): Columnar => new Columnar({ dir, assembled, ...limits });
  for (const [share, step] of [
    [0.4, 5],
    [1, 3],
  ] as const) {
    const numbers = streams().map((_, partition) => partition);
    for (const held of Map.groupBy(numbers, (partition) => (partition * step) % owners).values()) {
      const owner = await holdPartitions({ root, partitions: held, open });
      for (const partition of held) {
        const stream = streams()[partition] ?? [];
        const from = owner.lastSourcePosition(partition) ?? 0;
        await owner.take(partition, stream.slice(from, Math.floor(stream.length * share)));
      }
      await owner.close();
    }
  }
  return digestOf(root);
}

let written: Incoming[][] | null = null;

/** Payments by the partition of their account. */
function streams(): Incoming[][] {
  if (written !== null) return written;
  written = Array.from({ length: partitions }, () => []);
  const world = { seed: 1, customers: 400, terminals: 50, terminalDistanceMax: 30, authorizationsMax: payments };
  for (const { topic, event } of simulatePayments(world)) {
    const { tenantId, accountId } = event;
    const stream = written[partitionOf({ tenantId, key: accountId }, partitions)];
    const bytes = Buffer.from(JSON.stringify(event));
    stream?.push({ topic, bytes, sourcePosition: stream.length + 1 });
  }
  return written;
}

async function digestOf(root: string): Promise<string> {
  const digest = createHash('sha256');
  for (let partition = 0; partition < partitions; partition++) {
    const lake = openLake({ dir: join(partitionDir(root, partition), 'lake') });
    for (const name of tableNames) {
      const rows: string[] = [];
      for await (const batch of lake.readRows(name)) rows.push(...batch.map(textOf));
      if (rows.length === 0 && name === 'decisions') throw new Error(`got no decisions of partition ${partition}`);
      for (const row of rows.toSorted()) digest.update(row);
    }
  }
  return digest.digest('hex');
}

function textOf(row: unknown): string {
  return JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
}
