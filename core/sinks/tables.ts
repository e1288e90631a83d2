import type { Plan } from '../features/plan.ts';
import type { FeatureRow } from '../features/settle.ts';
import type { Decision } from '../score/decision.ts';
import type { DeadLetter, Effects, LateEvent } from './effects.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import type { ColumnType, TableColumn, TableRow, TableSchema } from './table-schema.ts';

/** The lake's tables for one feature set. */
export type LakeTables = {
  readonly decisions: TableSchema;
  readonly features: TableSchema;
  readonly ledger: TableSchema;
  readonly late: TableSchema;
  readonly deadLetters: TableSchema;
};

/**
 * The shapes of the lake's tables; a feature has two columns, its decision value and its settled one. The
 * ledger is not cut by day: its rows stand in the order of posting.
 */
export function lakeTables(plan: Plan): LakeTables {
  const partitionBy = 'event_time';
  return {
    decisions: { name: 'decisions', partitionBy, columns: columns(decisionColumns) },
    features: { name: 'features', partitionBy, columns: [...columns(featureColumns), ...valueColumns(plan)] },
    ledger: { name: 'ledger', columns: columns(ledgerColumns) },
    late: { name: 'late', partitionBy, columns: columns(lateColumns) },
    deadLetters: { name: 'dead_letters', columns: columns(deadLetterColumns) },
  };
}

/** The rows that a batch's effects are in the lake, by table. */
export function lakeRows(tables: LakeTables, plan: Plan, effects: Effects): Map<TableSchema, TableRow[]> {
  const names = plan.features.map((feature) => feature.name);
  return new Map([
    [tables.decisions, effects.decisions.map(decisionRow)],
    [tables.features, effects.featureRows.map((row) => featureCells(names, row))],
    [tables.ledger, effects.ledgerEntries.map(ledgerRow)],
    [tables.late, effects.lateEvents.map(lateRow)],
    [tables.deadLetters, effects.deadLetters.map(deadLetterRow)],
  ]);
}

const decisionColumns = {
  decision_id: 'text',
  tenant_id: 'text',
  account_id: 'text',
  event_id: 'text',
  contract: 'text',
  event_time: 'timestamp',
  topic: 'text',
  partition: 'int32',
  offset: 'int64',
  body_hash: 'text',
  score: 'int32',
  outcome: 'text',
  reason_codes: 'json',
  rule_hits: 'json',
  model_id: 'text',
  model_version: 'text',
  model_hash: 'text',
  rule_set_id: 'text',
  rule_set_version: 'int32',
  rule_set_hash: 'text',
  feature_set_name: 'text',
  feature_set_version: 'int32',
  feature_set_hash: 'text',
  features: 'json',
  foreign_reads: 'json',
  watermark: 'timestamp?',
  late: 'boolean',
  too_late: 'boolean',
  fallback: 'json?',
} as const;

const featureColumns = {
  transaction_id: 'text',
  tenant_id: 'text',
  account_id: 'text',
  event_time: 'timestamp',
  offset: 'int64',
  revision: 'int32?',
  late: 'boolean',
  too_late: 'boolean',
} as const;

const ledgerColumns = {
  entry_id: 'text',
  tenant_id: 'text',
  kind: 'text',
  authorization_id: 'text',
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
  hash: 'text',
} as const;

const lateColumns = {
  topic: 'text',
  tenant_id: 'text',
  account_id: 'text',
  event_id: 'text',
  event_time: 'timestamp',
  offset: 'int64',
  reason: 'text',
  late_by_ms: 'int64?',
  watermark: 'timestamp?',
  event: 'json',
} as const;

const deadLetterColumns = {
  topic: 'text',
  partition: 'int32',
  offset: 'int64',
  ingest_time: 'timestamp',
  code: 'text',
  message: 'text',
  issues: 'json',
  bytes: 'bytes',
} as const;

function columns(types: Readonly<Record<string, ColumnType | `${ColumnType}?`>>): TableColumn[] {
  return Object.entries(types).map(([name, type]) => {
    const nullable = type.endsWith('?');
    return { name, type: (nullable ? type.slice(0, -1) : type) as ColumnType, nullable };
  });
}

function valueColumns(plan: Plan): TableColumn[] {
  return plan.features.flatMap(({ name }) => [
    { name, type: 'double' as const, nullable: true },
    { name: `${name}_settled`, type: 'double' as const, nullable: true },
  ]);
}

function decisionRow(decision: Decision): TableRow {
  return {
    decision_id: decision.decisionId,
    tenant_id: decision.tenantId,
    account_id: decision.accountId,
    event_id: decision.eventId,
    contract: decision.contract,
    event_time: decision.eventTimeMs,
    topic: decision.topic,
    partition: decision.partition,
    offset: decision.offset,
    body_hash: decision.bodyHash,
    score: decision.score,
    outcome: decision.outcome,
    reason_codes: decision.reasonCodes,
    rule_hits: decision.ruleHits,
    model_id: decision.model.id,
    model_version: decision.model.version,
    model_hash: decision.model.hash,
    rule_set_id: decision.ruleSet.id,
    rule_set_version: decision.ruleSet.version,
    rule_set_hash: decision.ruleSet.hash,
    feature_set_name: decision.featureSet.name,
    feature_set_version: decision.featureSet.version,
    feature_set_hash: decision.featureSet.hash,
    features: decision.features,
    foreign_reads: decision.foreignReads,
    watermark: decision.watermarkMs,
    late: decision.late,
    too_late: decision.tooLate,
    fallback: decision.fallback,
  };
}

/** A feature vector as a row of the features table; `names` are the plan's, in its order. */
export function featureCells(names: readonly string[], row: FeatureRow): TableRow {
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
    hash: entry.hash,
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

function deadLetterRow(letter: DeadLetter): TableRow {
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
