import type { Decision, RuleHit } from '../score/decision.ts';
import { type TableColumn, tableColumns, type TableRow } from './table-schema.ts';

/** What the tables need to know of a plan. */
export type NamedFeatures = { readonly features: readonly { readonly name: string }[] };

/** How many reasons of the model a decision has columns for. */
export const reasonsMax = 4;

/** A rule that hit, as the JSON of `rule_hits` has it: one that counted says its reason as well. */
export type RuleHitCell = RuleHit & { readonly code?: string; readonly text?: string };

/**
 * The columns of the decisions: for each of the model's reasons its code, feature, normal and contribution (null where
 * there are fewer), and the values that the score used, a column a feature. A reason's value is its feature's, and its
 * text follows from them.
 */
export function decisionColumns(plan: NamedFeatures): TableColumn[] {
  const used = plan.features.map(({ name }) => ({ name, type: 'double' as const, nullable: true }));
  return [...tableColumns(fixedColumns), ...used];
}

/** The hit of a rule as a cell; `reason` is null for a shadow rule, which gives none. */
export function ruleHitCell(
  hit: RuleHit,
  reason: { readonly code: string; readonly text: string } | null,
): RuleHitCell {
  const { id, version, mode, scoreDelta } = hit;
  return { id, version, mode, scoreDelta, ...(reason && { code: reason.code, text: reason.text }) };
}

const fixedColumns = {
  decision_id: 'text!',
  tenant_id: 'text',
  account_id: 'text',
  event_id: 'text!',
  contract: 'text',
  event_time: 'timestamp',
  topic: 'text',
  partition: 'int32',
  offset: 'int64',
  body_hash: 'text!',
  score: 'int32',
  outcome: 'text',
  rule_hits: 'json',
  ...reasonColumns(1),
  ...reasonColumns(2),
  ...reasonColumns(3),
  ...reasonColumns(4),
  model_id: 'text',
  model_version: 'text',
  model_hash: 'text',
  rule_set_id: 'text',
  rule_set_version: 'int32',
  rule_set_hash: 'text',
  feature_set_name: 'text',
  feature_set_version: 'int32',
  feature_set_hash: 'text',
  foreign_reads: 'json',
  watermark: 'timestamp?',
  late: 'boolean',
  too_late: 'boolean',
  fallback: 'json?',
} as const;

/** The names of the columns that are no features. */
export const fixedDecisionColumns: ReadonlySet<string> = new Set(Object.keys(fixedColumns));

/** A decision as a row; `names` are the features' in the order of its values. */
export function decisionRow(names: readonly string[], decision: Decision): TableRow {
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
    rule_hits: ruleHitCells(decision),
    ...reasonCells(decision),
    model_id: decision.model.id,
    model_version: decision.model.version,
    model_hash: decision.model.hash,
    rule_set_id: decision.ruleSet.id,
    rule_set_version: decision.ruleSet.version,
    rule_set_hash: decision.ruleSet.hash,
    feature_set_name: decision.featureSet.name,
    feature_set_version: decision.featureSet.version,
    feature_set_hash: decision.featureSet.hash,
    foreign_reads: decision.foreignReads,
    watermark: decision.watermarkMs,
    late: decision.late,
    too_late: decision.tooLate,
    fallback: decision.fallback,
    ...Object.fromEntries(names.map((name, index) => [name, decision.features[index] ?? null])),
  };
}

/** The reasons of live rules come first among a decision's reasons, in the order of their hits. */
function ruleHitCells({ ruleHits, reasonCodes }: Decision): RuleHitCell[] {
  const reasons = reasonCodes.filter(({ feature }) => feature === null);
  let live = 0;
  return ruleHits.map((hit) => ruleHitCell(hit, hit.mode === 'live' ? (reasons[live++] ?? null) : null));
}

function reasonCells({ reasonCodes }: Decision): TableRow {
  const cells: Record<string, unknown> = {};
  const reasons = reasonCodes.filter(({ feature }) => feature !== null).slice(0, reasonsMax);
  reasons.forEach(({ code, feature, baseline, contribution }, index) => {
    const reason = `reason_${index + 1}`;
    cells[`${reason}_code`] = code;
    cells[`${reason}_feature`] = feature;
    cells[`${reason}_baseline`] = baseline;
    cells[`${reason}_contribution`] = contribution;
  });
  return cells;
}

/** The columns of a decision's K-th reason by the model. */
function reasonColumns(k: number) {
  return {
    [`reason_${k}_code`]: 'text?',
    [`reason_${k}_feature`]: 'text?',
    [`reason_${k}_baseline`]: 'double?',
    [`reason_${k}_contribution`]: 'double?',
  } as const;
}
