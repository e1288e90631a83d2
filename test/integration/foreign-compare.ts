import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { decisionContract } from '../../core/contract/decision.ts';
import type { ForeignKey } from '../../core/features/foreign-plan.ts';
import type { Plan } from '../../core/features/plan.ts';
import { baselineOf, createBaselines, updateBaseline } from '../../core/score/baseline.ts';
import type { Decision } from '../../core/score/decision.ts';
import { createDecider } from '../../core/score/decide.ts';
import type { Assembled } from '../../runtime/assemble.ts';
import { featuresAt, momentOf, type Routed } from '../steps/foreign-twin.ts';
import { lakeTable, openSql, type SqlRow } from './sql.ts';

type Values = readonly (number | null)[];

/** The published decisions of a run, by event, in the order of their partitions and offsets. */
export function parseDecisions(byPartition: Readonly<Record<string, readonly string[]>>): Map<string, Decision> {
  const decisions = Object.values(byPartition)
    .flat()
    .map((text) => decisionContract.schema.parse(JSON.parse(text)) as Decision);
  return new Map(decisions.map((decision) => [decision.eventId, decision]));
}

/** Makes every decision again from what it recorded; gives how many, and how many had read a view. */
export function expectRecomputed(
  decisions: ReadonlyMap<string, Decision>,
  { payments }: Routed,
  { scoring, weir }: Assembled,
): { readonly decisions: number; readonly read: number } {
  const events = new Map(payments.map(({ event }) => [event.eventId, event]));
  const { decide } = createDecider(scoring);
  const { allowedLatenessMs, plan } = weir.features;
  const baselines = createBaselines({ featureCount: plan.features.length, allowedLatenessMs });
  let read = 0;
  for (const decision of decisions.values()) {
    const { tenantId, accountId, eventId, eventTimeMs, features, foreignReads, watermarkMs } = decision;
    const event = events.get(eventId);
    if (event === undefined) throw new Error(`got no event ${eventId} in the repartition topic`);
    const accountKey = `${tenantId}\u0000${accountId}`;
    const baseline = baselineOf(baselines, { accountKey, eventTimeMs, watermarkMs });
    const again = decide({ ...decision, event, baseline, foreignReads });
    expect(again).toEqual(decision);
    updateBaseline(baselines, { accountKey, eventTimeMs, features });
    if (foreignReads.length > 0) read++;
  }
  return { decisions: decisions.size, read };
}

/** How fresh what decisions read was. */
export type Freshness = {
  readonly reads: number;
  readonly exact: number;
  readonly missing: number;
  readonly agesMs: readonly number[];
};

/**
 * The features of a foreign key in every decision are what the key's windows said at the offset that it recorded, as of the
 * moment that its age names; and the owner was told the same values.
 */
export function expectAsRecorded(decisions: ReadonlyMap<string, Decision>, routed: Routed, key: ForeignKey): Freshness {
  const agesMs: number[] = [];
  let exact = 0;
  let missing = 0;
  for (const { key: name, event, decided } of routed.payments) {
    const decision = decisions.get(event.eventId);
    if (decision === undefined) throw new Error(`got no decision on ${event.eventId}`);
    const values = key.features.map((feature) => decision.features[feature]!);
    expect(decided).toEqual(values);
    const [read] = decision.foreignReads;
    const timeMs = event.eventTimeMs;
    if (read === undefined) missing++;
    else agesMs.push(read.ageMs);
    const madeMs = timeMs - (read?.ageMs ?? 0);
    const untilOffset = read?.offset ?? -1;
    const payments = routed.byKey.get(name) ?? [];
    const times = payments.filter(({ offset }) => offset <= untilOffset).map((one) => one.event.eventTimeMs);
    const momentMs = momentOf(key, { madeMs, timeMs, times });
    if (read !== undefined && momentMs === Math.max(madeMs, timeMs)) exact++;
    expect(featuresAt(key, { payments, event, timeMs, untilOffset, momentMs, mode: 'decision' })).toEqual(values);
  }
  return { reads: agesMs.length, exact, missing, agesMs };
}

/** By event the last revision of the features that settled in a folder of partitions. */
export async function settledOf(
  root: string,
  features: readonly { readonly name: string }[],
): Promise<ReadonlyMap<string, Values>> {
  const rows = await queryLakes(root, 'features', (table) => {
    const columns = features.map(({ name }) => `"${name}_settled"`).join(', ');
    return `SELECT transaction_id, ${columns} FROM ${table} WHERE revision IS NOT NULL
      QUALIFY row_number() OVER (PARTITION BY "offset" ORDER BY revision DESC) = 1`;
  });
  return new Map(
    rows.map((row) => [
      String(row['transaction_id']),
      features.map(({ name }) => row[`${name}_settled`] as number | null),
    ]),
  );
}

/** What one process over all partitions computes: every accepted event in its windows, each label by its own time. */
export function expectSettled(
  settled: ReadonlyMap<string, Values>,
  { payments, byKey }: Routed,
  { key, untilMs }: { readonly key: ForeignKey; readonly untilMs: number },
): number {
  let compared = 0;
  for (const { key: name, event } of payments) {
    const { eventTimeMs: timeMs } = event;
    const values = settled.get(event.eventId);
    expect(values !== undefined, `${event.eventId} has settled`).toBe(timeMs <= untilMs);
    if (values === undefined) continue;
    const asked = { payments: byKey.get(name) ?? [], event, timeMs, untilOffset: Infinity, momentMs: timeMs };
    expect(values).toEqual(featuresAt(key, { ...asked, mode: 'settled' }));
    compared++;
  }
  return compared;
}

/** Each decision has the entry that follows from it, and no other. */
export async function expectLedger(root: string, decisions: ReadonlyMap<string, Decision>): Promise<number> {
  const rows = await queryLakes(
    root,
    'ledger',
    (table) => `SELECT authorization_id, outcome, amount_minor FROM ${table} WHERE kind = 'authorization'`,
  );
  const entries = rows.map((row): readonly [string, unknown] => [String(row['authorization_id']), row['outcome']]);
  expect(entries.length).toBe(decisions.size);
  expect(new Map(entries)).toEqual(new Map([...decisions].map(([id, { outcome }]) => [id, outcome])));
  return entries.length;
}

/** What must be the same in any two runs: who was decided about, and the values of features by nested keys. */
export function nestedOf(
  decisions: ReadonlyMap<string, Decision>,
  plan: Plan,
  { features }: ForeignKey,
): Map<string, unknown> {
  const own = plan.features.map((_, index) => index).filter((index) => !features.includes(index));
  return new Map(
    [...decisions].map(([id, { partition, offset, late, bodyHash, features: values }]) => [
      id,
      { partition, late, bodyHash, hasOffset: offset >= 0, values: own.map((index) => values[index]) },
    ]),
  );
}

async function queryLakes(root: string, table: string, query: (table: string) => string): Promise<SqlRow[]> {
  const sql = await openSql();
  try {
    const rows: SqlRow[] = [];
    for (const partition of readdirSync(root).filter((name) => name.startsWith('partition-'))) {
      const latest = readdirSync(join(root, partition)).toSorted().at(-1) ?? '';
      rows.push(...(await sql.query(query(lakeTable(join(root, partition, latest), table)))));
    }
    return rows;
  } finally {
    sql.close();
  }
}
