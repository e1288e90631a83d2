import type { ReasonCode } from './decision.ts';
import { modelReasonsMax } from './decision-columns.ts';
import type { BoundModel } from './model.ts';
import type { CompiledRule } from './rules.ts';

/** A feature of the model as reasons speak of it: where it stands in the feature vector, and its names. */
export type ReasonSubject = {
  readonly feature: string;
  readonly column: number;
  /** The start of its reason codes, such as `TERMINAL_FRAUD_RATE_7D`. */
  readonly code: string;
  /** Such as `terminal fraud rate 7d`. */
  readonly label: string;
};

/** The names of a model's features, and where each stands in the feature vector. */
type NamedFeatures = {
  readonly model: Pick<BoundModel['model'], 'featureNames'>;
  readonly columns: BoundModel['columns'];
};

/** By the columns of a bound model: words are cut out of names once, not for each decision. */
const subjectsOfModels = new WeakMap<NamedFeatures['columns'], readonly ReasonSubject[]>();

/** The subjects of a model's reasons in the model's order; made once for a model. */
export function reasonSubjects(named: NamedFeatures): readonly ReasonSubject[] {
  const known = subjectsOfModels.get(named.columns);
  if (known !== undefined) return known;
  const made = makeSubjects(named);
  subjectsOfModels.set(named.columns, made);
  return made;
}

function makeSubjects({ model, columns }: NamedFeatures): ReasonSubject[] {
  return model.featureNames.map((feature, index) => {
    const words = feature
      .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
      .split(/[^A-Za-z0-9]+/)
      .filter((word) => word !== '');
    const label = words.join(' ').toLowerCase();
    return { feature, column: columns[index]!, code: words.join('_').toUpperCase(), label };
  });
}

export type ReasonInput = {
  /** One a subject, in log-odds. */
  readonly contributions: Float64Array;
  /** The feature vector. */
  readonly features: readonly (number | null)[];
  /** The customer's normal, in the feature vector's order. */
  readonly baseline: readonly (number | null)[];
};

/**
 * The features that pushed the score up the most, largest first, at most four; equal ones in the model's order. What is
 * exactly the customer's normal explains nothing and is left out, unless all of them are.
 */
export function modelReasons(subjects: readonly ReasonSubject[], input: ReasonInput): ReasonCode[] {
  const reasons = largestReasons(subjects, input);
  const unusual = reasons.filter(({ value, baseline }) => value === null || value !== baseline);
  return unusual.length > 0 ? unusual : reasons;
}

function largestReasons(subjects: readonly ReasonSubject[], input: ReasonInput): ReasonCode[] {
  return largestIndexes(input.contributions).map((index) => {
    const subject = subjects[index]!;
    const value = input.features[subject.column] ?? null;
    const baseline = input.baseline[subject.column] ?? null;
    return reasonOf(subject, { value, baseline, contribution: input.contributions[index]! });
  });
}

/** The reason in words that a feature gives with its value, the customer's normal and what it contributed. */
export function reasonOf(
  { feature, code, label }: ReasonSubject,
  { value, baseline, contribution }: Pick<ReasonCode, 'value' | 'baseline' | 'contribution'>,
): ReasonCode {
  return {
    code: `${code}${reasonSuffix({ value, baseline })}`,
    text: reasonText({ label, value, baseline }),
    feature,
    value,
    baseline,
    contribution,
  };
}

/** The reason that a live rule gives when it hits; its contribution is in score points. */
export function ruleReason({ rule }: CompiledRule): ReasonCode {
  const { code, text } = rule.reason;
  return { code, text, feature: null, value: null, baseline: null, contribution: rule.scoreDelta };
}

/** A number as reasons write it, the same on every machine: two decimals, or three significant digits below 1. */
export function formatNumber(value: number): string {
  const rounded = Math.abs(value) < 1 ? Number(value.toPrecision(3)) : Math.round(value * 100) / 100;
  return String(rounded === 0 ? 0 : rounded);
}

/** Inserts into a short sorted list: a sort of all would cost more than the score. */
function largestIndexes(contributions: Float64Array): number[] {
  const largest: number[] = [];
  for (let index = 0; index < contributions.length; index += 1) {
    const contribution = contributions[index]!;
    if (contribution <= 0) continue;
    let place = largest.length;
    while (place > 0 && contributions[largest[place - 1]!]! < contribution) place -= 1;
    if (place >= modelReasonsMax) continue;
    largest.splice(place, 0, index);
    if (largest.length > modelReasonsMax) largest.pop();
  }
  return largest;
}

/** What the code of a feature ends with, by its value and the customer's normal. */
export function reasonSuffix({ value, baseline }: Omit<TextInput, 'label'>): string {
  if (value === null) return '_MISSING';
  if (baseline === null || value === baseline) return '';
  return value > baseline ? '_HIGH' : '_LOW';
}

type TextInput = { label: string; value: number | null; baseline: number | null };

/** A reason in words; a label holds letters, digits and spaces. */
export function reasonText({ label, value, baseline }: TextInput): string {
  const said = value === null ? 'missing' : formatNumber(value);
  return `${label} is ${said}, ${baseline === null ? 'no normal known' : `normally ${formatNumber(baseline)}`}`;
}
