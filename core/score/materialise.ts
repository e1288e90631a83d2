import { authorizationContract } from '../contract/authorization.ts';
import { type EventColumns, latenesses } from '../decode/event-columns.ts';
import { hexOfWords } from '../decode/hash-words.ts';
import { type Interner, textOf } from '../decode/interner.ts';
import { readsOfRow } from '../features/columnar-foreign.ts';
import type { Scoring } from './decide.ts';
import type { Decision } from './decision.ts';
import { type DecisionColumns, modelReasonsMax, outcomes } from './decision-columns.ts';
import { reasonOf, reasonSubjects, ruleReason } from './reasons.ts';
import { eventIdOf } from './text-question.ts';

/** A decided row of a batch, with all that tells what its numbers mean. */
export type DecidedRow = {
  readonly scoring: Scoring;
  readonly columns: EventColumns;
  readonly interner: Interner;
  /** A feature vector a row. */
  readonly values: Float64Array;
  readonly decisions: DecisionColumns;
  readonly partition: number;
  readonly row: number;
};

/** The decision of a row as `decide` makes it. */
export function materialise(decided: DecidedRow): Decision {
  const { scoring, columns, interner, values, decisions, partition, row } = decided;
  const { model, ruleSet, featureSet } = scoring;
  const { vectorLength } = model;
  const matched = ruleSet.rules.filter((_, rule) => isHit(decisions, { row, rule }));
  const live = matched.filter(({ rule }) => rule.mode === 'live');
  const watermarkMs = columns.arrivalWatermarkMs[row]!;
  return {
    decisionId: hexOfWords({ words: columns.idHash, at: row * 4, count: 4 }),
    contract: authorizationContract.topic,
    tenantId: textOf(interner, columns.tenant[row]!),
    accountId: textOf(interner, columns.account[row]!),
    eventId: eventIdOf(columns, row),
    eventTimeMs: columns.eventTimeMs[row]!,
    bodyHash: hexOfWords({ words: columns.bodyHash, at: row * 8, count: 8 }),
    score: decisions.score[row]!,
    outcome: outcomes[decisions.outcome[row]!]!,
    reasonCodes: [...live.map(ruleReason), ...modelReasonsOf(decided)],
    ruleHits: matched.map(({ hit }) => hit),
    model: model.model.reference,
    ruleSet: ruleSet.reference,
    featureSet,
    features: Array.from(values.subarray(row * vectorLength, (row + 1) * vectorLength), nullIfMissing),
    topic: authorizationContract.topic,
    partition,
    offset: columns.firstOffset[0]! + row,
    foreignReads: readsOfRow(decisions, row, scoring.foreign ?? []),
    watermarkMs: Number.isFinite(watermarkMs) ? watermarkMs : null,
    late: columns.lateness[row] === latenesses.late,
    tooLate: columns.lateness[row] === latenesses.tooLate,
    fallback: null,
  };
}

function modelReasonsOf({ scoring, values, decisions, row }: DecidedRow): Decision['reasonCodes'] {
  const subjects = reasonSubjects(scoring.model);
  return Array.from({ length: decisions.reasonCount[row]! }, (_, index) => {
    const place = row * modelReasonsMax + index;
    const subject = subjects[decisions.reasonFeature[place]!]!;
    return reasonOf(subject, {
      value: nullIfMissing(values[row * scoring.model.vectorLength + subject.column]!),
      baseline: nullIfMissing(decisions.reasonBaseline[place]!),
      contribution: decisions.reasonContribution[place]!,
    });
  });
}

function isHit({ ruleHits, ruleWords }: DecisionColumns, { row, rule }: { row: number; rule: number }): boolean {
  return ((ruleHits[row * ruleWords + (rule >>> 5)]! >>> (rule & 31)) & 1) === 1;
}

function nullIfMissing(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
