import type { DecisionColumns } from '../score/decision-columns.ts';
import type { BoundModel } from '../score/model.ts';
import { reasonOf, reasonSubjects } from '../score/reasons.ts';
import type { CompiledRules } from '../score/rules.ts';
import { listedTexts, type TextOfId } from './column-data.ts';
import { ruleHitCell } from './decision-table.ts';

/** The codes of a model's reasons by number. */
export type ReasonCodes = {
  /** Where each of the model's features stands in the feature vector. */
  readonly columns: Int32Array;
  /** The number of the code that a feature's value has against the customer's normal; NaN is missing. */
  readonly numberOf: (feature: number, value: number, baseline: number) => number;
  readonly codeText: TextOfId;
  readonly featureText: TextOfId;
};

/** Numbers the codes of a model's reasons: four a feature, as `reasonOf` distinguishes them. */
export function createReasonCodes(model: BoundModel): ReasonCodes {
  const subjects = reasonSubjects(model);
  const codes = subjects.flatMap((subject) =>
    examples.map(({ value, baseline }) => utf8.encode(reasonOf(subject, { value, baseline, contribution: 0 }).code)),
  );
  const features = subjects.map(({ feature }) => utf8.encode(feature));
  return {
    columns: Int32Array.from(subjects, ({ column }) => column),
    numberOf: (feature, value, baseline) => feature * examples.length + exampleOf(value, baseline),
    codeText: listedTexts(codes),
    featureText: listedTexts(features),
  };
}

const utf8 = new TextEncoder();

/** One of each kind that `exampleOf` tells apart, in its order. */
const examples = [
  { value: null, baseline: null },
  { value: 0, baseline: null },
  { value: 1, baseline: 0 },
  { value: 0, baseline: 1 },
] as const;

function exampleOf(value: number, baseline: number): number {
  if (Number.isNaN(value)) return 0;
  if (value > baseline) return 2;
  return value < baseline ? 3 : 1;
}

/** Which rules hit together, by number in order of first appearance. */
export type RuleHits = {
  readonly numberOf: (decisions: DecisionColumns, row: number) => number;
  /** The JSON of the hits. */
  readonly textOf: TextOfId;
};

/** Numbers what hits together; few of the combinations ever do. */
export function createRuleHits({ rules }: CompiledRules): RuleHits {
  const byHits = new Map<number | string, number>();
  const texts: Uint8Array[] = [];
  return {
    textOf: listedTexts(texts),
    numberOf: (decisions, row) => {
      const key = keyOf(decisions, row);
      let number = byHits.get(key);
      if (number === undefined) {
        number = texts.length;
        const hit = rules.filter((_, rule) => isHit(decisions, row, rule));
        const cells = hit.map(({ hit: ruleHit, rule }) =>
          ruleHitCell(ruleHit, rule.mode === 'live' ? rule.reason : null),
        );
        texts.push(utf8.encode(JSON.stringify(cells)));
        byHits.set(key, number);
      }
      return number;
    },
  };
}

function keyOf({ ruleHits, ruleWords }: DecisionColumns, row: number): number | string {
  if (ruleWords <= 1) return ruleHits[row * ruleWords] ?? 0;
  return ruleHits.subarray(row * ruleWords, (row + 1) * ruleWords).join(' ');
}

function isHit({ ruleHits, ruleWords }: DecisionColumns, row: number, rule: number): boolean {
  return (((ruleHits[row * ruleWords + (rule >>> 5)] ?? 0) >>> (rule & 31)) & 1) === 1;
}
