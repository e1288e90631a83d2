import { authorizationContract } from '../contract/authorization.ts';
import { latenesses } from '../decode/event-columns.ts';
import { hexOfWords } from '../decode/hash-words.ts';
import { type Interner, textOf } from '../decode/interner.ts';
import { readsOfRow } from '../features/columnar-foreign.ts';
import type { Scoring } from './decide.ts';
import { type DecisionColumns, modelReasonsMax, outcomes } from './decision-columns.ts';
import type { DecidedRow } from './materialise.ts';
import { reasonSubjects, reasonSuffix, reasonText, ruleReason } from './reasons.ts';
import type { CompiledRules } from './rules.ts';
import { eventIdOf } from './text-question.ts';

/** A decision as it is published. */
export type DecisionText = {
  readonly offset: number;
  readonly accountId: string;
  readonly outcome: string;
  /** JSON of the whole decision. */
  readonly text: string;
};

/** The rows of a batch, decided. */
export type DecidedBatch = Pick<DecidedRow, 'columns' | 'values' | 'decisions'>;

/**
 * Writes decisions as JSON straight from their columns: the text that `JSON.stringify` gives of what `materialise` makes of
 * a row, at a third of the cost.
 */
export function createDecisionText(options: {
  readonly scoring: Scoring;
  readonly interner: Interner;
  readonly partition: number;
}): (batch: DecidedBatch, row: number) => DecisionText {
  const { scoring, interner, partition } = options;
  const { model, ruleSet, featureSet } = scoring;
  const rulesOf = createRuleTexts(ruleSet);
  const reasonsOf = createReasonTexts(scoring);
  const topic = JSON.stringify(authorizationContract.topic);
  const foreignText = createForeignTexts(scoring);
  const references =
    `,"model":${JSON.stringify(model.model.reference)},"ruleSet":${JSON.stringify(ruleSet.reference)}` +
    `,"featureSet":${JSON.stringify(featureSet)},"features":[`;
  return ({ columns, values, decisions }, row) => {
    const accountId = textOf(interner, columns.account[row]!);
    const outcome = outcomes[decisions.outcome[row]!]!;
    const offset = columns.firstOffset[0]! + row;
    const rules = rulesOf(decisions, row);
    const reasons = reasonsOf(decisions, values, row);
    const lateness = columns.lateness[row];
    const text =
      `{"decisionId":"${hexOfWords({ words: columns.idHash, at: row * 4, count: 4 })}","contract":${topic}` +
      `,"tenantId":${JSON.stringify(textOf(interner, columns.tenant[row]!))},"accountId":${JSON.stringify(accountId)}` +
      `,"eventId":${JSON.stringify(eventIdOf(columns, row))},"eventTimeMs":${columns.eventTimeMs[row]}` +
      `,"bodyHash":"${hexOfWords({ words: columns.bodyHash, at: row * 8, count: 8 })}","score":${decisions.score[row]}` +
      `,"outcome":"${outcome}","reasonCodes":[${rules.reasons}${rules.reasons !== '' && reasons !== '' ? ',' : ''}${reasons}]` +
      `,"ruleHits":${rules.hits}${references}${numbersText(values, row * model.vectorLength, model.vectorLength)}]` +
      `,"topic":${topic},"partition":${partition},"offset":${offset},"foreignReads":${foreignText(decisions, row)}` +
      `,"watermarkMs":${numberText(columns.arrivalWatermarkMs[row]!)}` +
      `,"late":${lateness === latenesses.late},"tooLate":${lateness === latenesses.tooLate},"fallback":null}`;
    return { offset, accountId, outcome, text };
  };
}

/** What a row read of views, in JSON. */
function createForeignTexts({ foreign = [] }: Scoring): (decisions: DecisionColumns, row: number) => string {
  if (foreign.length === 0) return () => '[]';
  return (decisions, row) => JSON.stringify(readsOfRow(decisions, row, foreign));
}

/** The reasons that a model gives for a row, in JSON with commas between. */
export function createReasonTexts({ model }: Scoring) {
  const { vectorLength } = model;
  const subjects = reasonSubjects(model).map((subject) => ({
    ...subject,
    featureText: JSON.stringify(subject.feature),
  }));
  return (
    { reasonCount, reasonFeature, reasonBaseline, reasonContribution }: DecisionColumns,
    values: Float64Array,
    row: number,
  ): string => {
    let text = '';
    const first = row * modelReasonsMax;
    for (let place = first; place < first + reasonCount[row]!; place++) {
      const { code, label, column, featureText } = subjects[reasonFeature[place]!]!;
      const value = nullIfMissing(values[row * vectorLength + column]!);
      const baseline = nullIfMissing(reasonBaseline[place]!);
      text +=
        `${place === first ? '' : ','}{"code":"${code}${reasonSuffix({ value, baseline })}"` +
        `,"text":"${reasonText({ label, value, baseline })}","feature":${featureText}` +
        `,"value":${value},"baseline":${baseline},"contribution":${numberText(reasonContribution[place]!)}}`;
    }
    return text;
  };
}

type RuleTexts = { readonly reasons: string; readonly hits: string };

/** What hits together, in JSON: few of the combinations ever do. */
export function createRuleTexts({ rules }: CompiledRules): (decisions: DecisionColumns, row: number) => RuleTexts {
  const known = new Map<number | string, RuleTexts>();
  return ({ ruleHits, ruleWords }, row) => {
    const words = ruleHits.subarray(row * ruleWords, (row + 1) * ruleWords);
    const key = ruleWords === 1 ? words[0]! : words.join(' ');
    const found = known.get(key);
    if (found !== undefined) return found;
    const matched = rules.filter((_, rule) => ((words[rule >>> 5]! >>> (rule & 31)) & 1) === 1);
    const live = matched.filter(({ rule }) => rule.mode === 'live');
    const made = {
      reasons: live.map((rule) => JSON.stringify(ruleReason(rule))).join(','),
      hits: JSON.stringify(matched.map(({ hit }) => hit)),
    };
    known.set(key, made);
    return made;
  };
}

function numbersText(values: Float64Array, from: number, count: number): string {
  let text = count === 0 ? '' : numberText(values[from]!);
  for (let index = from + 1; index < from + count; index++) text += `,${numberText(values[index]!)}`;
  return text;
}

/** As JSON has it: what is no finite number is null. */
export function numberText(value: number): string {
  return Number.isFinite(value) ? `${value}` : 'null';
}

function nullIfMissing(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
