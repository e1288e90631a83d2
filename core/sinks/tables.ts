import { WeirError } from '../contract/failure.ts';
import type { FeatureRow } from '../features/settle.ts';
import type { ChainBlock } from './chain-block.ts';
import { decisionColumns, decisionRow, type NamedFeatures } from './decision-table.ts';
import type { DeadLetter, Effects, LateEvent } from './effects.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import { type TableColumn, tableColumns, type TableRow, type TableSchema } from './table-schema.ts';

/** The lake's tables for one feature set. */
export type LakeTables = {
  readonly decisions: TableSchema;
  readonly features: TableSchema;
  readonly ledger: TableSchema;
  readonly ledgerChain: TableSchema;
  readonly late: TableSchema;
  readonly deadLetters: TableSchema;
};

/**
 * The shapes of the lake's tables. A feature has a column in the decisions, and two in the features, its decision value
 * and its settled one. The ledger is not cut by day: its rows stand in the order of posting.
 */
export function lakeTables(plan: NamedFeatures): LakeTables {
  const partitionBy = 'event_time';
  const tables = {
    decisions: { name: 'decisions', partitionBy, columns: decisionColumns(plan) },
    features: { name: 'features', partitionBy, columns: [...tableColumns(featureColumns), ...valueColumns(plan)] },
    ledger: { name: 'ledger', columns: tableColumns(ledgerColumns) },
    ledgerChain: { name: 'ledger_chain', columns: tableColumns(chainColumns) },
    late: { name: 'late', partitionBy, columns: tableColumns(lateColumns) },
    deadLetters: { name: 'dead_letters', columns: tableColumns(deadLetterColumns) },
  };
  for (const table of Object.values(tables)) assertNames(table);
  return tables;
}

/** A feature may have the name of a column that a table has anyway. */
function assertNames({ name: table, columns }: TableSchema): void {
  const names = new Set<string>();
  for (const { name } of columns) {
    if (names.has(name)) {
      throw new WeirError({
        code: 'FEATURE_NAME_TAKEN',
        message: `got a feature with the column ${name}, which the table ${table} has for something else`,
        fix: 'Give the feature another name.',
        facts: { table, column: name },
      });
    }
    names.add(name);
  }
}

/** The rows that a batch's effects are in the lake, by table. */
export function lakeRows(tables: LakeTables, plan: NamedFeatures, effects: Effects): Map<TableSchema, TableRow[]> {
  const names = plan.features.map((feature) => feature.name);
  return new Map([
    [tables.decisions, effects.decisions.map((decision) => decisionRow(names, decision))],
    [tables.features, effects.featureRows.map((row) => featureCells(names, row))],
    [tables.ledger, effects.ledgerEntries.map(ledgerRow)],
    [tables.ledgerChain, effects.chainBlocks.map(chainRow)],
    [tables.late, effects.lateEvents.map(lateRow)],
    [tables.deadLetters, effects.deadLetters.map(deadLetterRow)],
  ]);
}

const featureColumns = {
  transaction_id: 'text!',
  tenant_id: 'text',
  account_id: 'text',
  event_time: 'timestamp',
  offset: 'int64',
  revision: 'int32?',
  late: 'boolean',
  too_late: 'boolean',
} as const;

const ledgerColumns = {
  entry_id: 'text!',
  tenant_id: 'text',
  kind: 'text',
  authorization_id: 'text!',
  account_id: 'text',
  event_time: 'timestamp',
  debit_account: 'text',
  credit_account: 'text',
  amount_minor: 'int64',
  currency: 'text',
  outcome: 'text?',
  unmatched: 'boolean',
  offset: 'int64',
  sequence: 'int64',
} as const;

const chainColumns = {
  block: 'int64',
  first_sequence: 'int64',
  entries: 'int32',
  previous_hash: 'text!',
  hash: 'text!',
} as const;

const lateColumns = {
  topic: 'text',
  tenant_id: 'text',
  account_id: 'text',
  event_id: 'text!',
  event_time: 'timestamp',
  offset: 'int64',
  reason: 'text',
  late_by_ms: 'int64?',
  watermark: 'timestamp?',
  event: 'json!',
} as const;

const deadLetterColumns = {
  topic: 'text',
  partition: 'int32',
  offset: 'int64',
  ingest_time: 'timestamp',
  code: 'text',
  message: 'text!',
  issues: 'json!',
  bytes: 'bytes',
} as const;

function valueColumns(plan: NamedFeatures): TableColumn[] {
  return plan.features.flatMap(({ name }) => [
    { name, type: 'double' as const, nullable: true },
    { name: `${name}_settled`, type: 'double' as const, nullable: true },
  ]);
}

/** A feature vector as a row of the features table; `names` are the plan's, in its order. */
function featureCells(names: readonly string[], row: FeatureRow): TableRow {
  const cells: Record<string, unknown> = {
    transaction_id: row.identity.eventId,
    tenant_id: row.identity.tenantId,
    account_id: row.identity.accountId,
    event_time: row.identity.eventTimeMs,
    offset: row.identity.offset,
    revision: row.revision,
    late: row.late,
    too_late: row.tooLate,
  };
  names.forEach((name, index) => {
    cells[name] = row.decision[index] ?? null;
    cells[`${name}_settled`] = row.settled?.[index] ?? null;
  });
  return cells;
}

function ledgerRow(entry: LedgerEntry): TableRow {
  return {
    entry_id: entry.entryId,
    tenant_id: entry.tenantId,
    kind: entry.kind,
    authorization_id: entry.authorizationId,
    account_id: entry.accountId,
    event_time: entry.eventTimeMs,
    debit_account: entry.debitAccount,
    credit_account: entry.creditAccount,
    amount_minor: entry.amountMinor,
    currency: entry.currency,
    outcome: entry.outcome,
    unmatched: entry.unmatched,
    offset: entry.offset,
    sequence: entry.sequence,
  };
}

function chainRow(block: ChainBlock): TableRow {
  return {
    block: block.block,
    first_sequence: block.firstSequence,
    entries: block.entries,
    previous_hash: block.previousHash,
    hash: block.hash,
  };
}

function lateRow(late: LateEvent): TableRow {
  return {
    topic: late.topic,
    tenant_id: late.event.tenantId,
    account_id: late.event.accountId,
    event_id: late.event.eventId,
    event_time: late.event.eventTimeMs,
    offset: late.offset,
    reason: late.reason,
    late_by_ms: late.lateByMs,
    watermark: late.watermarkMs,
    event: late.event,
  };
}

/** A dead letter as a row of its table. */
export function deadLetterRow(letter: DeadLetter): TableRow {
  return {
    topic: letter.topic,
    partition: letter.partition,
    offset: letter.offset,
    ingest_time: letter.ingestTimeMs,
    code: letter.refusal.code,
    message: letter.refusal.message,
    issues: letter.refusal.issues,
    bytes: letter.bytes,
  };
}
