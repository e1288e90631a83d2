import type { Scoring } from './decide.ts';
import { type DecisionColumns, modelReasonsMax } from './decision-columns.ts';
import type { DecidedRow } from './materialise.ts';
import { reasonSubjects, reasonSuffix, reasonText, ruleReason } from './reasons.ts';
import type { CompiledRules } from './rules.ts';

/** The rows of a batch, decided. */
export type DecidedBatch = Pick<DecidedRow, 'columns' | 'values' | 'decisions'>;

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

/** As JSON has it: what is no finite number is null. */
export function numberText(value: number): string {
  return Number.isFinite(value) ? `${value}` : 'null';
}

function nullIfMissing(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
