import { hash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { openLake } from '../adapters/files/lake.ts';
import type { TableRow } from '../core/sinks/table-schema.ts';
import { type Generation, isOfGeneration, readGenerationRows, readGenerations } from './generations.ts';

const entrySchema = z.object({
  entry_id: z.string(),
  kind: z.string(),
  tenant_id: z.string(),
  authorization_id: z.string(),
  account_id: z.string(),
  event_time: z.number(),
  debit_account: z.string(),
  credit_account: z.string(),
  amount_minor: z.number(),
  currency: z.string(),
  outcome: z.string().nullish(),
  unmatched: z.boolean(),
  offset: z.number(),
});

type Entry = z.infer<typeof entrySchema>;
type Range = Pick<Generation, 'fromMs' | 'toMs' | 'untilOffset'>;

/**
 * What the ledger owes once a replay counts in the place of what was answered. Only where a payment was declined and is
 * not, or the other way round, other money moves: each entry that was posted and would not be is reversed, each that would
 * be is posted, by new entries that cite the old; corrections of earlier generations count as posted. Both ledgers must
 * end at the same offset.
 */
export async function correctionsOf(asked: {
  readonly out: string;
  readonly shadow: string;
  readonly replayId: string;
  readonly range: Range;
}): Promise<TableRow[]> {
  const { out, shadow, replayId, range } = asked;
  const earlier = await earlierCorrections(out);
  const wanted = await changedAuthorizations({ out, shadow, range, earlier });
  if (wanted.size === 0) return [];
  const posted = await entriesOf(out, wanted);
  const cited = new Map(
    [...posted.values()].filter(({ kind }) => kind === 'authorization').map((one) => [keyOf(one), one.entry_id]),
  );
  for (const { kind, entry } of earlier) {
    if (!wanted.has(keyOf(entry))) continue;
    if (kind === 'reverse') posted.delete(entry.entry_id);
    else posted.set(entry.entry_id, entry);
  }
  const due = await entriesOf(shadow, wanted);
  const reversed = [...posted.values()].filter((entry) => !isSameMoney(entry, due.get(entry.entry_id)));
  const added = [...due.values()].filter((entry) => !isSameMoney(entry, posted.get(entry.entry_id)));
  return [...reversed.map((entry) => ({ kind: 'reverse', entry })), ...added.map((entry) => ({ kind: 'post', entry }))]
    .filter(({ entry }) => entry.amount_minor !== 0)
    .toSorted((left, right) => left.entry.offset - right.entry.offset)
    .map(({ kind, entry }, sequence) => {
      const cites = posted.has(entry.entry_id) ? entry.entry_id : (cited.get(keyOf(entry)) ?? entry.entry_id);
      return correctionRow({ kind, entry, cites, replayId, sequence });
    });
}

/** A reversal takes the amount back the way it came. */
function correctionRow(of: {
  readonly kind: string;
  readonly entry: Entry;
  readonly cites: string;
  readonly replayId: string;
  readonly sequence: number;
}): TableRow {
  const { kind, entry, cites, replayId, sequence } = of;
  const { debit_account: debit, credit_account: credit } = entry;
  const isReversal = kind === 'reverse';
  return {
    ...entry,
    correction_id: hash('sha256', `${replayId}/${kind}/${entry.entry_id}`, 'hex').slice(0, 32),
    kind,
    entry_kind: entry.kind,
    cites_entry_id: cites,
    debit_account: isReversal ? credit : debit,
    credit_account: isReversal ? debit : credit,
    outcome: entry.outcome ?? null,
    sequence,
  };
}

function isSameMoney(entry: Entry, other: Entry | undefined): boolean {
  if (other === undefined) return false;
  const names = ['debit_account', 'credit_account', 'amount_minor', 'currency'] as const;
  return names.every((name) => entry[name] === other[name]);
}

type Correction = { readonly kind: string; readonly entry: Entry };

/** What earlier generations corrected, in order; the entry as it was or would have been posted. */
async function earlierCorrections(out: string): Promise<Correction[]> {
  const found: Correction[] = [];
  for (const { generation } of readGenerations(out)) {
    for await (const rows of readGenerationRows(out, { generation, table: 'ledger_corrections' })) {
      for (const row of rows) found.push(correctionOf(row));
    }
  }
  return found;
}

function correctionOf(row: TableRow): Correction {
  const { kind, ...entry } = entrySchema.parse(row);
  const { debit_account: debit, credit_account: credit } = entry;
  const accounts = kind === 'reverse' ? { debit_account: credit, credit_account: debit } : {};
  return { kind, entry: { ...entry, ...accounts, kind: String(row['entry_kind']) } };
}

const decisionSchema = z.object({
  offset: z.number(),
  event_time: z.number(),
  tenant_id: z.string(),
  account_id: z.string(),
  event_id: z.string(),
  outcome: z.string(),
});

/** Authorizations of the range that are declined in one of the two runs alone, or were corrected before. */
async function changedAuthorizations(asked: {
  readonly out: string;
  readonly shadow: string;
  readonly range: Range;
  readonly earlier: readonly Correction[];
}): Promise<ReadonlySet<string>> {
  const { out, shadow, range, earlier } = asked;
  const corrected = new Set(earlier.map(({ entry }) => keyOf(entry)));
  const declined = new Set<number>();
  for await (const { offset, outcome } of decisionsOf(out, range)) if (outcome === 'decline') declined.add(offset);
  const wanted = new Set<string>();
  for await (const decision of decisionsOf(shadow, range)) {
    const { event_id: authorizationId, tenant_id, account_id, outcome, offset } = decision;
    const key = keyOf({ tenant_id, account_id, authorization_id: authorizationId });
    if ((outcome === 'decline') !== declined.has(offset) || corrected.has(key)) wanted.add(key);
  }
  return wanted;
}

async function* decisionsOf(dir: string, range: Range): AsyncGenerator<z.infer<typeof decisionSchema>> {
  const columns = Object.keys(decisionSchema.shape);
  for await (const rows of openLake({ dir: join(dir, 'lake') }).readRows('decisions', { columns })) {
    for (const row of rows) {
      const decision = decisionSchema.parse(row);
      if (isOfGeneration(range, { offset: decision.offset, eventTimeMs: decision.event_time })) yield decision;
    }
  }
}

async function entriesOf(dir: string, wanted: ReadonlySet<string>): Promise<Map<string, Entry>> {
  const found = new Map<string, Entry>();
  const columns = Object.keys(entrySchema.shape);
  for await (const rows of openLake({ dir: join(dir, 'lake') }).readRows('ledger', { columns })) {
    for (const row of rows) {
      const entry = entrySchema.parse(row);
      if (wanted.has(keyOf(entry))) found.set(entry.entry_id, entry);
    }
  }
  return found;
}

function keyOf(of: Pick<Entry, 'tenant_id' | 'account_id' | 'authorization_id'>): string {
  return JSON.stringify([of.tenant_id, of.account_id, of.authorization_id]);
}
