import type { DecisionAnswer } from '../adapters/http/port.ts';
import type { DecisionView } from '../core/contract/decision-view.ts';
import { WeirError } from '../core/contract/failure.ts';
import { iso20022Action } from '../core/score/iso20022.ts';
import { type DecisionRow, findDecision } from './find-decision.ts';

/** A decision that a cut has put into the lake of a folder, as callers get it; null when there is none. */
export async function findKept(out: string, decisionId: string): Promise<DecisionAnswer | null> {
  try {
    const view = viewOfRow(await findDecision(out, decisionId));
    return { decisionId: view.decisionId, tenantId: view.tenantId, text: JSON.stringify(view) };
  } catch (error) {
    if (error instanceof WeirError && error.code === 'DECISION_NOT_FOUND') return null;
    throw error;
  }
}

function viewOfRow(row: DecisionRow): DecisionView {
  return {
    decisionId: row.decision_id,
    tenantId: row.tenant_id,
    accountId: row.account_id,
    eventId: row.event_id,
    eventTimeMs: row.event_time,
    outcome: row.outcome,
    iso20022Action: iso20022Action(row.outcome),
    score: row.score,
    reasonCodes: [...row.reasons],
    ruleHits: row.rule_hits.map(({ id, version, mode, scoreDelta }) => ({ id, version, mode, scoreDelta })),
    model: { id: row.model_id, version: row.model_version, hash: row.model_hash },
    ruleSet: { id: row.rule_set_id, version: row.rule_set_version, hash: row.rule_set_hash },
    featureSet: { name: row.feature_set_name, version: row.feature_set_version, hash: row.feature_set_hash },
    features: Object.fromEntries(row.used.map(({ name, value }) => [name, value])),
    offset: row.offset,
    watermarkMs: row.watermark ?? null,
    late: row.late,
    tooLate: row.too_late,
    fallback: row.fallback ?? null,
  };
}
