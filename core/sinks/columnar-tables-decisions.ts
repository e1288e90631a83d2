import { authorizationContract } from '../contract/authorization.ts';
import { countAt, type EventColumns, latenesses, operations } from '../decode/event-columns.ts';
import type { Interner } from '../decode/interner.ts';
import { readsOfRow } from '../features/columnar-foreign.ts';
import type { Scoring } from '../score/decide.ts';
import { type DecisionColumns, modelReasonsMax, outcomes } from '../score/decision-columns.ts';
import { type ColumnData, constantColumn, idColumn, internedTexts, listedTexts, numberColumn } from './column-data.ts';
import { createReasonCodes, createRuleHits, type ReasonCodes, type RuleHits } from './columnar-tables-reasons.ts';
import type { TableColumns } from './columnar-tables.ts';

/** A batch whose authorizations are decided. */
export type DecidedColumns = {
  readonly columns: EventColumns;
  readonly decisions: DecisionColumns;
  /** Feature vectors, one a row of the batch; NaN is a missing value. */
  readonly values: Float64Array;
};

type Options = { readonly scoring: Scoring; readonly interner: Interner; readonly partition: number };

/** Makes the mapping to the decisions table. */
export function createDecisionTable(options: Options): (batch: DecidedColumns) => TableColumns {
  const { scoring, interner, partition } = options;
  const textOf = internedTexts(interner);
  const codes = createReasonCodes(scoring.model);
  const hits = createRuleHits(scoring.ruleSet);
  const width = scoring.model.vectorLength;
  let scratch = createScratch(0);
  return (batch) => {
    const { columns: events, decisions, values } = batch;
    if (scratch.rows.length < events.rowsMax) scratch = createScratch(events.rowsMax);
    const rowCount = fillScratch(batch, scratch, { codes, hits, width });
    const columns: ColumnData[] = [
      { kind: 'hex', words: events.idHash, wordsPerRow: 4 },
      idColumn(events.tenant, textOf),
      idColumn(events.account, textOf),
      { kind: 'spans', bytes: events.text, starts: events.eventIdStart, ends: events.eventIdEnd },
      constantColumn(authorizationContract.topic),
      numberColumn(events.eventTimeMs),
      constantColumn(authorizationContract.topic),
      constantColumn(partition),
      numberColumn(scratch.offset),
      { kind: 'hex', words: events.bodyHash, wordsPerRow: 8 },
      numberColumn(decisions.score),
      idColumn(decisions.outcome, outcomeText),
      idColumn(scratch.hits, hits.textOf),
      ...reasonColumns(scratch, codes),
      ...references(scoring),
      foreignColumn(scoring, decisions, scratch.rows.subarray(0, rowCount)),
      numberColumn(events.arrivalWatermarkMs),
      numberColumn(scratch.late),
      numberColumn(scratch.tooLate),
      constantColumn(null),
    ];
    for (let start = 0; start < width; start++) columns.push({ kind: 'numbers', values, start, stride: width });
    return { columns, rows: scratch.rows, rowCount };
  };
}

function foreignColumn({ foreign = [] }: Scoring, decisions: DecisionColumns, rows: Int32Array): ColumnData {
  if (foreign.length === 0) return constantColumn([]);
  const values: unknown[] = [];
  for (const row of rows) values[row] = readsOfRow(decisions, row, foreign);
  return { kind: 'values', values };
}

const utf8 = new TextEncoder();
const outcomeText = listedTexts(outcomes.map((outcome) => utf8.encode(outcome)));

function references({ model, ruleSet, featureSet }: Scoring): ColumnData[] {
  const { id, version, hash } = model.model.reference;
  const { reference: rules } = ruleSet;
  const values = [id, version, hash, rules.id, rules.version, rules.hash];
  return [...values, featureSet.name, featureSet.version, featureSet.hash].map(constantColumn);
}

function reasonColumns(scratch: Scratch, codes: ReasonCodes): ColumnData[] {
  const stride = modelReasonsMax;
  return Array.from({ length: modelReasonsMax }, (_, start): ColumnData[] => [
    { kind: 'ids', ids: scratch.reasonCodes, start, stride, textOf: codes.codeText },
    { kind: 'ids', ids: scratch.reasonFeatures, start, stride, textOf: codes.featureText },
    { kind: 'numbers', values: scratch.baselines, start, stride },
    { kind: 'numbers', values: scratch.contributions, start, stride },
  ]).flat();
}

/** What a batch's columns do not have as the table wants it, by row of the batch. */
type Scratch = {
  readonly rows: Int32Array;
  readonly offset: Float64Array;
  readonly late: Uint8Array;
  readonly tooLate: Uint8Array;
  readonly hits: Int32Array;
  readonly reasonCodes: Int32Array;
  readonly reasonFeatures: Int32Array;
  readonly baselines: Float64Array;
  readonly contributions: Float64Array;
};

function createScratch(rowsMax: number): Scratch {
  const places = rowsMax * modelReasonsMax;
  return {
    rows: new Int32Array(rowsMax),
    offset: new Float64Array(rowsMax),
    late: new Uint8Array(rowsMax),
    tooLate: new Uint8Array(rowsMax),
    hits: new Int32Array(rowsMax),
    reasonCodes: new Int32Array(places),
    reasonFeatures: new Int32Array(places),
    baselines: new Float64Array(places),
    contributions: new Float64Array(places),
  };
}

type Meaning = { readonly codes: ReasonCodes; readonly hits: RuleHits; readonly width: number };

/** Fills in the rows of authorizations and returns how many there are. */
function fillScratch(batch: DecidedColumns, scratch: Scratch, meaning: Meaning): number {
  const { columns, decisions } = batch;
  const rowCount = columns.counts[countAt.rows] ?? 0;
  const firstOffset = columns.firstOffset[0] ?? 0;
  let count = 0;
  for (let row = 0; row < rowCount; row++) {
    if (columns.op[row] !== operations.authorization) continue;
    scratch.rows[count++] = row;
    scratch.offset[row] = firstOffset + row;
    scratch.late[row] = columns.lateness[row] === latenesses.late ? 1 : 0;
    scratch.tooLate[row] = columns.lateness[row] === latenesses.tooLate ? 1 : 0;
    scratch.hits[row] = meaning.hits.numberOf(decisions, row);
    fillReasons(batch, row, scratch, meaning);
  }
  return count;
}

// A row each, so it takes plain arguments.
function fillReasons(
  { decisions, values }: DecidedColumns,
  row: number,
  scratch: Scratch,
  { codes, width }: Meaning,
): void {
  const first = row * modelReasonsMax;
  const end = first + (decisions.reasonCount[row] ?? 0);
  for (let place = first; place < first + modelReasonsMax; place++) {
    const isReason = place < end;
    const feature = isReason ? (decisions.reasonFeature[place] ?? 0) : -1;
    const baseline = isReason ? (decisions.reasonBaseline[place] ?? Number.NaN) : Number.NaN;
    const value = isReason ? (values[row * width + (codes.columns[feature] ?? 0)] ?? Number.NaN) : Number.NaN;
    scratch.reasonFeatures[place] = feature;
    scratch.reasonCodes[place] = isReason ? codes.numberOf(feature, value, baseline) : -1;
    scratch.baselines[place] = baseline;
    scratch.contributions[place] = isReason ? (decisions.reasonContribution[place] ?? Number.NaN) : Number.NaN;
  }
}
