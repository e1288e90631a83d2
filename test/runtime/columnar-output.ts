import { join } from 'node:path';
import { openLake } from '../../adapters/files/lake.ts';
import { controlTopic } from '../../core/engine/record.ts';
import type { TableRow } from '../../core/sinks/table-schema.ts';
import { type Assembled, assemble, shippedFiles } from '../../runtime/assemble.ts';
import { Columnar } from '../../runtime/columnar.ts';
import { Embedded } from '../../runtime/embedded.ts';
import type { Incoming, Scoring } from '../../runtime/scoring.ts';
import { openSplit } from '../../runtime/split.ts';
import { disturb, type DisturbedItem, noDisturbance } from '../../simulate/disturb.ts';
import { simulatePayments } from '../../simulate/payments.ts';

/** How an output directory is opened. */
export type Engine = 'readable' | 'oneThread' | 'lakeThread' | 'split';

/** Batches and cuts so small that there are many of each; neither divides the other. */
export const limits = { batchRecordsMax: 48, cutRecords: 700 };

/** Later than every event, the same for every run. */
const clockMs = (): number => Date.UTC(2027, 0, 1);

const assembledOnce: { value: Promise<Assembled> | null } = { value: null };

/** Opens a directory with an engine. */
export async function openWith(engine: Engine, dir: string): Promise<Scoring> {
  assembledOnce.value ??= assemble(shippedFiles);
  const assembled = await assembledOnce.value;
  if (engine === 'readable') return new Embedded({ dir, weir: assembled.weir, clockMs, ...limits });
  if (engine === 'oneThread') return new Columnar({ dir, assembled, clockMs, ...limits });
  if (engine === 'lakeThread') return new Columnar({ dir, assembled, clockMs, ...limits, lakeThread: shippedFiles });
  return openSplit({ dir, assembled, files: shippedFiles, clockMs, ...limits });
}

/** A hostile stream: late, too late, doubled, in conflict and poisoned; at its end a burst. */
export function hostileItems({ seed, payments }: { readonly seed: number; readonly payments: number }): Incoming[] {
  const rates = { lateRate: 0.1, duplicateRate: 0.03, conflictRate: 0.02, poisonRate: 0.02, delayMsMax: 400_000 };
  // Many payments at few terminals in a day: late ones change rows that have settled.
  const world = { seed, customers: 1500, terminals: 9, terminalDistanceMax: 60, days: 5, authorizationsMax: payments };
  const disturbed = [...disturb(simulatePayments(world), { ...noDisturbance, seed, ...rates })];
  const items: Pick<DisturbedItem, 'topic' | 'bytes'>[] = [...disturbed, ...burstAfter(disturbed)];
  return [...items, { topic: controlTopic, bytes: new Uint8Array() }].map(({ topic, bytes }, index) => {
    return { topic, bytes, sourcePosition: index + 1 };
  });
}

/** Payments of which some come late, then more than all slots of a batch hold that settle at the end of the input. */
function burstAfter(items: readonly DisturbedItem[]): Pick<DisturbedItem, 'topic' | 'bytes'>[] {
  const topic = 'payments.authorization.v1';
  const sound = items.filter((item) => item.topic === topic && item.disturbance === 'none');
  return sound.slice(0, latePayments + burstPayments).map(({ bytes }, index) => {
    const event: unknown = JSON.parse(Buffer.from(bytes).toString());
    const one = index < latePayments ? { accountId: `busy-${index % 5}`, cardToken: `busy-${index % 5}` } : {};
    const changed = { ...Object(event), ...one, eventId: `burst-${index}`, eventTimeMs: burstTimeMs(index) };
    return { topic, bytes: Buffer.from(JSON.stringify(changed)) };
  });
}

const latePayments = 200;
/** More than the settled rows of all slots, each of twice a batch's rows. */
export const burstPayments = limits.batchRecordsMax * 2 * 5;

/** Twenty seconds in which every fourth payment is three seconds late, then half a second with all the others. */
function burstTimeMs(index: number): number {
  const startMs = Date.UTC(2026, 3, 1);
  if (index >= latePayments) return startMs + 30_000 + index;
  return startMs + index * 100 - (index % 4 === 0 ? 8000 : 0);
}

/** Appends what the log does not hold yet, some records at a time, up to a source position; takes most of it. */
export async function feed(
  scoring: Scoring,
  items: readonly Incoming[],
  { until, lagRecordsMax = 0 }: { readonly until: number; readonly lagRecordsMax?: number },
): Promise<void> {
  for (let from = scoring.lastSourcePosition ?? 0; from < until; from += appendRecords) {
    await scoring.append(items.slice(from, Math.min(until, from + appendRecords)));
    await scoring.process({ lagRecordsMax });
  }
}

const appendRecords = 130;

/** What a run put out: every row of every table, of a feature row its last revision, and its sums. */
export type Output = { readonly tables: Readonly<Record<string, readonly TableRow[]>>; readonly sums: unknown };

/** Takes what is left, commits and closes, then reads the directory. */
export async function finish(scoring: Scoring, items: readonly Incoming[], dir: string): Promise<Output> {
  await feed(scoring, items, { until: items.length });
  await scoring.process({ lagRecordsMax: 0 });
  await scoring.commit();
  const counts = Object.fromEntries(scoring.counts);
  const sums = { counts, totals: scoring.totals(), nextOffset: scoring.nextOffset };
  await scoring.close();
  return { tables: await readTables(dir), sums };
}

const tableNames = ['decisions', 'features', 'ledger', 'ledger_chain', 'late', 'dead_letters'];

/** Every table's rows in an order of their own. */
export async function readTables(dir: string): Promise<Record<string, TableRow[]>> {
  const tables: Record<string, TableRow[]> = {};
  for (const name of tableNames) {
    const rows: TableRow[] = [];
    for await (const batch of openLake({ dir: join(dir, 'lake') }).readRows(name)) rows.push(...batch);
    tables[name] = inOrder(name === 'features' ? lastRevisions(rows) : rows);
  }
  return tables;
}

function lastRevisions(rows: readonly TableRow[]): TableRow[] {
  return [...new Map(rows.map((row) => [row['offset'], row])).values()];
}

function inOrder(rows: readonly TableRow[]): TableRow[] {
  const keyed = rows.map((row) => ({ row, key: keyOf(row) }));
  return keyed.toSorted((left, right) => (left.key < right.key ? -1 : 1)).map(({ row }) => row);
}

function keyOf(row: TableRow): string {
  return JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}
