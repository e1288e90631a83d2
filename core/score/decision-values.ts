import { authorizationContract } from '../contract/authorization.ts';
import { latenesses } from '../decode/event-columns.ts';
import { type Interner, locateText, type TextPlace } from '../decode/interner.ts';
import { readsOfRow } from '../features/columnar-foreign.ts';
import type { Scoring } from './decide.ts';
import { type DecisionColumns, modelReasonsMax, outcomes } from './decision-columns.ts';
import { createRuleTexts, type DecidedBatch } from './decision-text.ts';
import { JsonWriter, partOf } from './json-writer.ts';
import type { DecidedRow } from './materialise.ts';
import { formatNumber, reasonSubjects, reasonSuffix } from './reasons.ts';

/** Decisions of a batch as records hold them: the next batch takes the same memory. */
export type DecisionValues = {
  readonly count: number;
  /** JSON of each whole decision, one behind the other; `valueEnds` has where each ends. */
  readonly values: Uint8Array;
  readonly valueEnds: Uint32Array;
  /** The account of each, as UTF-8. */
  readonly keys: Uint8Array;
  readonly keyEnds: Uint32Array;
  /** Where in the log the event of each is. */
  readonly offsets: Float64Array;
  /** Places in `outcomes`. */
  readonly outcomes: Uint8Array;
};

/** Decisions that are written while a batch is told. */
export type DecisionValueWriter = {
  readonly begin: () => void;
  readonly add: (batch: DecidedBatch, row: number) => void;
  readonly end: () => DecisionValues;
};

/** No decisions. */
export const noDecisionValues: DecisionValues = emptyValues(0);

/**
 * Writes decisions as JSON straight from their columns to bytes: what `JSON.stringify` gives of what `materialise` makes of
 * a row. `rowsMax` is the most that a batch has.
 */
export function createDecisionValues(options: {
  readonly scoring: Scoring;
  readonly interner: Interner;
  readonly partition: number;
  readonly rowsMax: number;
}): DecisionValueWriter {
  const { interner, rowsMax } = options;
  const json = new JsonWriter();
  const keys = new JsonWriter();
  const made = emptyValues(rowsMax);
  const writeDecision = createDecisionJson(options, json);
  let count = 0;
  return {
    begin: () => {
      json.at = 0;
      keys.at = 0;
      count = 0;
    },
    add: (batch, row) => {
      const { columns, decisions } = batch;
      writeDecision(batch, row);
      locateText(interner, columns.account[row]!, place);
      keys.raw(place.bytes.subarray(place.start, place.end));
      made.valueEnds[count] = json.at;
      made.keyEnds[count] = keys.at;
      made.offsets[count] = columns.firstOffset[0]! + row;
      made.outcomes[count] = decisions.outcome[row]!;
      count += 1;
    },
    end: () => ({ ...made, count, values: json.bytes, keys: keys.bytes }),
  };
}

function emptyValues(rowsMax: number) {
  return {
    count: 0,
    values: new Uint8Array(0),
    valueEnds: new Uint32Array(rowsMax),
    keys: new Uint8Array(0),
    keyEnds: new Uint32Array(rowsMax),
    offsets: new Float64Array(rowsMax),
    outcomes: new Uint8Array(rowsMax),
  };
}

function createDecisionJson(
  { scoring, interner, partition }: Pick<DecidedRow, 'scoring' | 'interner' | 'partition'>,
  json: JsonWriter,
): (batch: DecidedBatch, row: number) => void {
  const { model, foreign = [] } = scoring;
  const { vectorLength } = model;
  const parts = partsOf(partition);
  const rulesOf = createRuleParts(scoring);
  const writeReasons = createReasonWriter(scoring, json);
  return ({ columns, values, decisions }, row) => {
    const rules = rulesOf(decisions, row);
    const lateness = columns.lateness[row];
    json.raw(parts.start);
    json.hex({ words: columns.idHash, at: row * 4, count: 4 });
    json.raw(parts.tenant);
    json.text(interner, columns.tenant[row]!);
    json.raw(parts.account);
    json.text(interner, columns.account[row]!);
    json.raw(parts.eventId);
    json.quoted(columns.text, columns.eventIdStart[row]!, columns.eventIdEnd[row]!);
    json.raw(parts.eventTime);
    json.number(columns.eventTimeMs[row]!);
    json.raw(parts.bodyHash);
    json.hex({ words: columns.bodyHash, at: row * 8, count: 8 });
    json.raw(parts.score);
    json.number(decisions.score[row]!);
    json.raw(parts.outcomes[decisions.outcome[row]!]!);
    json.raw(rules.reasons);
    writeReasons(decisions, values, row, rules.reasons.length > 0);
    json.raw(rules.hits);
    for (let index = row * vectorLength; index < (row + 1) * vectorLength; index++) {
      if (index > row * vectorLength) json.raw(parts.comma);
      json.number(values[index]!);
    }
    json.raw(parts.offset);
    json.number(columns.firstOffset[0]! + row);
    json.raw(parts.foreignReads);
    if (foreign.length === 0) json.raw(parts.none);
    else json.raw(partOf(JSON.stringify(readsOfRow(decisions, row, foreign))));
    json.raw(parts.watermark);
    json.number(columns.arrivalWatermarkMs[row]!);
    json.raw(parts.late);
    json.boolean(lateness === latenesses.late);
    json.raw(parts.tooLate);
    json.boolean(lateness === latenesses.tooLate);
    json.raw(parts.end);
  };
}

/** What stands between the values of a decision. */
function partsOf(partition: number) {
  const topic = JSON.stringify(authorizationContract.topic);
  return {
    start: partOf('{"decisionId":'),
    tenant: partOf(`,"contract":${topic},"tenantId":`),
    account: partOf(',"accountId":'),
    eventId: partOf(',"eventId":'),
    eventTime: partOf(',"eventTimeMs":'),
    bodyHash: partOf(',"bodyHash":'),
    score: partOf(',"score":'),
    outcomes: outcomes.map((outcome) => partOf(`,"outcome":"${outcome}","reasonCodes":[`)),
    comma: partOf(','),
    offset: partOf(`],"topic":${topic},"partition":${partition},"offset":`),
    foreignReads: partOf(',"foreignReads":'),
    none: partOf('[]'),
    watermark: partOf(',"watermarkMs":'),
    late: partOf(',"late":'),
    tooLate: partOf(',"tooLate":'),
    end: partOf(',"fallback":null}'),
  };
}

type RuleParts = { readonly reasons: Uint8Array; readonly hits: Uint8Array };

/** What hits together: its reasons, and what stands from the end of the reasons to the features. */
function createRuleParts(scoring: Scoring): (decisions: DecisionColumns, row: number) => RuleParts {
  const { model, ruleSet, featureSet } = scoring;
  const references =
    `,"model":${JSON.stringify(model.model.reference)},"ruleSet":${JSON.stringify(ruleSet.reference)}` +
    `,"featureSet":${JSON.stringify(featureSet)},"features":[`;
  const textsOf = createRuleTexts(ruleSet);
  const known = new Map<object, RuleParts>();
  return (decisions, row) => {
    const texts = textsOf(decisions, row);
    const found = known.get(texts);
    if (found !== undefined) return found;
    const made = { reasons: partOf(texts.reasons), hits: partOf(`],"ruleHits":${texts.hits}${references}`) };
    known.set(texts, made);
    return made;
  };
}

/** Writes the reasons that a model gives for a row, with commas between. */
function createReasonWriter({ model }: Scoring, json: JsonWriter) {
  const { vectorLength } = model;
  const subjects = reasonSubjects(model).map(({ code, label, column, feature }) => ({
    column,
    code: partOf(`{"code":"${code}`),
    label: partOf(`","text":"${label} is `),
    feature: partOf(`","feature":${JSON.stringify(feature)},"value":`),
  }));
  const parts = {
    comma: partOf(','),
    missing: partOf('missing'),
    normal: partOf(', normally '),
    noNormal: partOf(', no normal known'),
    baseline: partOf(',"baseline":'),
    contribution: partOf(',"contribution":'),
    end: partOf('}'),
  };
  return (decisions: DecisionColumns, values: Float64Array, row: number, isBehind: boolean): void => {
    const first = row * modelReasonsMax;
    for (let place = first; place < first + decisions.reasonCount[row]!; place++) {
      const subject = subjects[decisions.reasonFeature[place]!]!;
      const value = nullIfMissing(values[row * vectorLength + subject.column]!);
      const baseline = nullIfMissing(decisions.reasonBaseline[place]!);
      if (isBehind || place > first) json.raw(parts.comma);
      json.raw(subject.code);
      json.ascii(reasonSuffix({ value, baseline }));
      json.raw(subject.label);
      if (value === null) json.raw(parts.missing);
      else json.ascii(formatNumber(value));
      json.raw(baseline === null ? parts.noNormal : parts.normal);
      if (baseline !== null) json.ascii(formatNumber(baseline));
      json.raw(subject.feature);
      json.number(value ?? Number.NaN);
      json.raw(parts.baseline);
      json.number(baseline ?? Number.NaN);
      json.raw(parts.contribution);
      json.number(decisions.reasonContribution[place]!);
      json.raw(parts.end);
    }
  };
}

function nullIfMissing(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

const place: TextPlace = { bytes: new Uint8Array(0), start: 0, end: 0, scope: 0 };
