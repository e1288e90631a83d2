import { latenesses } from '../decode/event-columns.ts';
import { hexOfWords } from '../decode/hash-words.ts';
import { type Interner, textOf } from '../decode/interner.ts';
import type { Scoring } from './decide.ts';
import { outcomes } from './decision-columns.ts';
import { createReasonTexts, createRuleTexts, type DecidedBatch, numberText } from './decision-text.ts';
import { iso20022Action } from './iso20022.ts';
import { eventIdOf } from './text-question.ts';

/** A decision as callers of the API get it. */
export type DecisionViewText = {
  readonly offset: number;
  readonly decisionId: string;
  readonly tenantId: string;
  /** JSON of the view. */
  readonly text: string;
};

/**
 * Writes decisions for callers of the API as JSON straight from their columns: the text that `JSON.stringify` gives of what
 * `viewOfDecision` makes of a row.
 */
export function createDecisionViewText(options: {
  readonly scoring: Scoring;
  readonly interner: Interner;
  readonly featureNames: readonly string[];
}): (batch: DecidedBatch, row: number) => DecisionViewText {
  const { scoring, interner, featureNames } = options;
  const { model, ruleSet, featureSet } = scoring;
  const rulesOf = createRuleTexts(ruleSet);
  const reasonsOf = createReasonTexts(scoring);
  const references =
    `,"model":${JSON.stringify(model.model.reference)},"ruleSet":${JSON.stringify(ruleSet.reference)}` +
    `,"featureSet":${JSON.stringify(featureSet)},"features":{`;
  const names = featureNames.map((name, index) => `${index === 0 ? '' : ','}${JSON.stringify(name)}:`);
  const actions = outcomes.map((outcome) => `,"outcome":"${outcome}","iso20022Action":"${iso20022Action(outcome)}"`);
  return ({ columns, values, decisions }, row) => {
    const tenantId = textOf(interner, columns.tenant[row]!);
    const decisionId = hexOfWords({ words: columns.idHash, at: row * 4, count: 4 });
    const offset = columns.firstOffset[0]! + row;
    const rules = rulesOf(decisions, row);
    const reasons = reasonsOf(decisions, values, row);
    const lateness = columns.lateness[row];
    let text =
      `{"decisionId":"${decisionId}","tenantId":${JSON.stringify(tenantId)}` +
      `,"accountId":${JSON.stringify(textOf(interner, columns.account[row]!))}` +
      `,"eventId":${JSON.stringify(eventIdOf(columns, row))},"eventTimeMs":${columns.eventTimeMs[row]}` +
      `${actions[decisions.outcome[row]!]!},"score":${decisions.score[row]}` +
      `,"reasonCodes":[${rules.reasons}${rules.reasons !== '' && reasons !== '' ? ',' : ''}${reasons}]` +
      `,"ruleHits":${rules.hits}${references}`;
    const first = row * model.vectorLength;
    for (let index = 0; index < names.length; index++) text += names[index]! + numberText(values[first + index]!);
    text +=
      `},"offset":${offset},"watermarkMs":${numberText(columns.arrivalWatermarkMs[row]!)}` +
      `,"late":${lateness === latenesses.late},"tooLate":${lateness === latenesses.tooLate},"fallback":null}`;
    return { offset, decisionId, tenantId, text };
  };
}
