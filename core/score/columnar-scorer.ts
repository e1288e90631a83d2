import { type EventColumns, type EventLayout, latenesses, operations } from '../decode/event-columns.ts';
import type { Interner } from '../decode/interner.ts';
import { createPageBook, type Within } from '../engine/pages.ts';
import { noWatermarkMs } from '../engine/watermark.ts';
import type { BaselineOptions } from './baseline.ts';
import {
  type BaselinesRest,
  type ColumnarBaselines,
  createColumnarBaselines,
  readableSlot,
  restOfBaselines,
  sweepColumnarBaselines,
  updateColumnarBaseline,
} from './columnar-baselines.ts';
import { createReasonWriter, type CustomerNormal, type ReasonWriter } from './columnar-reasons.ts';
import { type ColumnarRules, compileColumnarRules } from './columnar-rules.ts';
import type { Scoring } from './decide.ts';
import { adoptDecision, type DecisionColumns, outcomes } from './decision-columns.ts';
import { probabilityOf } from './model.ts';
import { createTreeScorer, type TreeScorer, type TreeScorerOptions } from './tree-scorer.ts';
import { createTreeShap, shapleyValues, type TreeShap } from './tree-shap.ts';

/** Decides batches of rows as `decide` does one event, to the last bit. Code, not state: never part of a checkpoint. */
export type ColumnarScorer = {
  readonly scoring: Scoring;
  readonly trees: TreeScorer;
  readonly shap: TreeShap;
  readonly rules: ColumnarRules;
  /** What each live rule does; a shadow rule does nothing. */
  readonly scoreDeltas: Int32Array;
  /** The place in `outcomes` that each live rule raises to. */
  readonly outcomesAtLeast: Uint8Array;
  readonly writeReasons: ReasonWriter;
  /** Where the normal of the row's customer is. */
  readonly normal: CustomerNormal;
  /** The rows of the call that is being scored. */
  readonly rows: Int32Array;
};

export type ColumnarScorerOptions = Pick<TreeScorerOptions, 'engine'> & {
  readonly scoring: Scoring;
  /** The feature vector's names in order. */
  readonly featureNames: readonly string[];
  readonly layout: EventLayout;
  readonly interner: Interner;
};

/** What scoring remembers. Plain data: a checkpoint holds it, the baselines packed. */
export type ColumnarScoreState = {
  readonly baselines: ColumnarBaselines;
  /** The state's watermark after the last row. */
  watermarkMs: number;
};

/** What a checkpoint holds of scoring beside its pages. */
export type ScoreRest = { readonly baselines: BaselinesRest; readonly watermarkMs: number };

/** The state before the first row, or the one of a checkpoint. */
export function createColumnarScoreState(
  options: BaselineOptions,
  { book, rest }: Within<ScoreRest> = { book: createPageBook() },
): ColumnarScoreState {
  const baselines = createColumnarBaselines(options, { book, rest: rest?.baselines });
  return { baselines, watermarkMs: rest?.watermarkMs ?? noWatermarkMs };
}

/** What a checkpoint holds of scoring beside its pages. */
export function restOfScore({ baselines, watermarkMs }: ColumnarScoreState): ScoreRest {
  return { baselines: restOfBaselines(baselines), watermarkMs };
}

/** Makes the scorer of one scoring. Throws when the model, the rules and the features do not fit one another. */
export function createColumnarScorer(options: ColumnarScorerOptions): ColumnarScorer {
  const { scoring, featureNames, layout, interner, engine = 'fastest' } = options;
  const { model, ruleSet } = scoring;
  for (const length of [model.vectorLength, ruleSet.vectorLength]) {
    if (length === featureNames.length) continue;
    throw new Error(`got a model or rules over ${length} features, expected ${featureNames.length}`);
  }
  const live = ruleSet.rules.map(({ rule }) => (rule.mode === 'live' ? rule : null));
  const trees = createTreeScorer(model.model, { engine });
  return {
    scoring,
    trees,
    shap: createTreeShap(model.model),
    rules: compileColumnarRules({ ruleSet, featureNames, layout, interner }),
    scoreDeltas: Int32Array.from(live, (rule) => rule?.scoreDelta ?? 0),
    outcomesAtLeast: Uint8Array.from(live, (rule) => outcomes.indexOf(rule?.outcomeAtLeast ?? 'approve')),
    writeReasons: createReasonWriter(model),
    normal: { baselines: createColumnarBaselines({ featureCount: 0, allowedLatenessMs: 0 }), slot: -1 },
    rows: new Int32Array(trees.rowsMax),
  };
}

/** One batch to score. */
export type ScoreBatch = {
  readonly columns: EventColumns;
  /** A feature vector a row, at `row * length of the vector`; NaN is a missing value. */
  readonly values: Float64Array;
  readonly rowCount: number;
  readonly out: DecisionColumns;
  /** Decisions that were kept before a crash, in the same rows: where `isRecorded` is not 0 they are adopted as they are. */
  readonly recorded?: { readonly isRecorded: Uint8Array; readonly decisions: DecisionColumns };
};

/** Decides every authorization of a batch, in order, and takes it into its account's normal. */
export function scoreRows(scorer: ColumnarScorer, state: ColumnarScoreState, batch: ScoreBatch): void {
  const { rows, trees } = scorer;
  const { op, stateWatermarkMs } = batch.columns;
  scorer.rules(batch);
  scorer.normal.baselines = state.baselines;
  let count = 0;
  for (let row = 0; row < batch.rowCount; row += 1) {
    if (op[row] === operations.authorization) rows[count++] = row;
    if (count < trees.rowsMax && row + 1 < batch.rowCount) continue;
    if (count > 0) scoreCall(scorer, state, { batch, count });
    count = 0;
  }
  if (batch.rowCount > 0) state.watermarkMs = stateWatermarkMs[batch.rowCount - 1]!;
  const slots = sweptSlotsMin + (batch.rowCount >> 2);
  sweepColumnarBaselines(state.baselines, { watermarkMs: state.watermarkMs, slots });
}

/** A batch looks through a quarter as many accounts as it has rows, and a few, for what nobody can read any more. */
const sweptSlotsMin = 64;

type Call = { readonly batch: ScoreBatch; readonly count: number };

/** Scores the first rows of `rows`: all by the model, then one after the other by what came before it. */
function scoreCall(scorer: ColumnarScorer, state: ColumnarScoreState, { batch, count }: Call): void {
  const { columns, vectorLength } = scorer.scoring.model;
  const { input } = scorer.trees;
  for (let place = 0; place < count; place += 1) {
    const first = scorer.rows[place]! * vectorLength;
    const target = place * columns.length;
    for (let feature = 0; feature < columns.length; feature += 1) {
      input[target + feature] = batch.values[first + columns[feature]!]!;
    }
  }
  scorer.trees.run(count);
  for (let place = 0; place < count; place += 1) scoreRow(scorer, state, batch, place);
}

/** Positional, since it is called for every row. */
function scoreRow(scorer: ColumnarScorer, state: ColumnarScoreState, batch: ScoreBatch, place: number): void {
  const { columns, values, recorded, out } = batch;
  const row = scorer.rows[place]!;
  const account = columns.account[row]!;
  const eventTimeMs = columns.eventTimeMs[row]!;
  if (recorded !== undefined && recorded.isRecorded[row] !== 0) {
    adoptDecision({ from: recorded.decisions, to: out, row });
  } else {
    decideRow(scorer, out, row, scorer.trees.output[place * scorer.trees.sumsOfRow]!);
    const watermarkMs = row === 0 ? state.watermarkMs : columns.stateWatermarkMs[row - 1]!;
    scorer.normal.slot = readableSlot(state.baselines, account, eventTimeMs, watermarkMs);
    explainRow(scorer, batch, row, place);
  }
  if (columns.lateness[row] === latenesses.tooLate) return;
  updateColumnarBaseline(state.baselines, account, eventTimeMs, values, row * scorer.scoring.model.vectorLength);
}

/** Score and outcome by the margin and the row's hits. Positional, since it is called for every row. */
function decideRow(scorer: ColumnarScorer, out: DecisionColumns, row: number, margin: number): void {
  const { thresholds } = scorer.scoring.ruleSet;
  let score = Math.round(1000 * probabilityOf(margin));
  let atLeast = 0;
  for (let word = 0; word < out.ruleWords; word += 1) {
    for (let hits = out.ruleHits[row * out.ruleWords + word]!; hits !== 0; hits &= hits - 1) {
      const rule = word * 32 + 31 - Math.clz32(hits & -hits);
      score += scorer.scoreDeltas[rule]!;
      atLeast = Math.max(atLeast, scorer.outcomesAtLeast[rule]!);
    }
  }
  score = Math.min(Math.max(score, 0), 1000);
  let outcome = score >= thresholds.review ? 1 : 0;
  if (score >= thresholds.stepUp) outcome = 2;
  if (score >= thresholds.decline) outcome = 3;
  out.score[row] = score;
  out.outcome[row] = Math.max(outcome, atLeast);
}

/** An approval is explained by the trees' paths, any other outcome by exact Shapley values. Positional as above. */
function explainRow(scorer: ColumnarScorer, batch: ScoreBatch, row: number, place: number): void {
  const { trees, shap, normal } = scorer;
  if (batch.out.outcome[row] === 0) {
    scorer.writeReasons(row, trees.output, place * trees.sumsOfRow + 1, normal, batch);
    return;
  }
  const input = trees.input.subarray(place * shap.featureCount, (place + 1) * shap.featureCount);
  scorer.writeReasons(row, shapleyValues(shap, input), 0, normal, batch);
}
