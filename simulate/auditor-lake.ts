import { join } from 'node:path';
import type { Disk } from '../adapters/files/disk.ts';
import { openLake } from '../adapters/files/lake.ts';
import { openSegmentLog } from '../adapters/files/segment-log.ts';
import type { LogRecord } from '../core/engine/record.ts';
import type { ChainBlock } from '../core/sinks/chain-block.ts';
import type { LedgerEntry } from '../core/sinks/ledger-entry.ts';
import type { TableRow } from '../core/sinks/table-schema.ts';

/** What an output directory holds, as it lies on the disk. */
export type Found = {
  readonly log: readonly LogRecord[];
  readonly tables: Readonly<Record<TableName, readonly TableRow[]>>;
};

const tableNames = ['decisions', 'features', 'ledger', 'ledger_chain', 'late', 'dead_letters'] as const;

type TableName = (typeof tableNames)[number];

/** Reads the log and every table. */
export async function readOutput(dir: string, disk: Disk): Promise<Found> {
  const log = openSegmentLog({ dir: join(dir, 'log'), disk });
  const records = log.read({ fromOffset: 0, countMax: log.endOffset });
  const lake = openLake({ dir: join(dir, 'lake'), disk });
  const rowsOf = async (table: TableName): Promise<TableRow[]> => {
    const rows: TableRow[] = [];
    for await (const batch of lake.readRows(table)) for (const row of batch) rows.push(row);
    return rows;
  };
  const [decisions, features, ledger, chain, late, deadLetters] = await Promise.all(tableNames.map(rowsOf));
  const tables = {
    decisions: decisions ?? [],
    features: features ?? [],
    ledger: ledger ?? [],
    ledger_chain: chain ?? [],
    late: late ?? [],
    dead_letters: deadLetters ?? [],
  };
  return { log: records, tables };
}

/** A cell that is a number; NaN, which equals nothing, when it is something else. */
export function numberIn(row: TableRow, name: string): number {
  const value = row[name];
  return typeof value === 'number' ? value : Number.NaN;
}

/** A cell that is a number or null. */
export function numberOrNullIn(row: TableRow, name: string): number | null {
  return row[name] === null || row[name] === undefined ? null : numberIn(row, name);
}

/** A cell as text. */
export function textIn(row: TableRow, name: string): string {
  return String(row[name]);
}

/** The row of an entry as the entry that it was. */
export function entryIn(row: TableRow): LedgerEntry {
  return {
    entryId: textIn(row, 'entry_id'),
    tenantId: textIn(row, 'tenant_id'),
    kind: oneOf(textIn(row, 'kind'), ['authorization', 'clearing', 'reversal', 'expiry'] as const),
    authorizationId: textIn(row, 'authorization_id'),
    accountId: textIn(row, 'account_id'),
    eventTimeMs: numberIn(row, 'event_time'),
    debitAccount: textIn(row, 'debit_account'),
    creditAccount: textIn(row, 'credit_account'),
    amountMinor: numberIn(row, 'amount_minor'),
    currency: textIn(row, 'currency'),
    outcome: outcomeIn(row),
    unmatched: row['unmatched'] === true,
    offset: numberIn(row, 'offset'),
    sequence: numberIn(row, 'sequence'),
  };
}

function outcomeIn(row: TableRow): LedgerEntry['outcome'] {
  const isMissing = row['outcome'] === null || row['outcome'] === undefined;
  return isMissing ? null : oneOf(textIn(row, 'outcome'), ['approve', 'review', 'stepUp', 'decline'] as const);
}

/** The row of a block of the chain. */
export function blockIn(row: TableRow): ChainBlock {
  return {
    block: numberIn(row, 'block'),
    firstSequence: numberIn(row, 'first_sequence'),
    entries: numberIn(row, 'entries'),
    previousHash: textIn(row, 'previous_hash'),
    hash: textIn(row, 'hash'),
  };
}

function oneOf<Value extends string>(text: string, values: readonly Value[]): Value {
  const found = values.find((value) => value === text);
  if (found === undefined) throw new Error(`got ${text}, expected one of ${values.join(', ')}`);
  return found;
}
