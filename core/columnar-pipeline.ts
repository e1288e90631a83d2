import { countAt, type EventColumns, type EventLayout } from './decode/event-columns.ts';
import type { Interner } from './decode/interner.ts';
import type { LogBlock } from './decode/log-block.ts';
import { createPageBook, type PageBook, type Within } from './engine/pages.ts';
import { createColumnarFeatures, type ColumnarFeatures } from './features/columnar-engine.ts';
import { applyLabelRow, expireWaitingRows } from './features/columnar-labels.ts';
import { observeRow } from './features/columnar-observe.ts';
import { collectSettled, settleRows } from './features/columnar-settle.ts';
import type { SettledColumns } from './features/columnar-settled.ts';
import {
  type ColumnarFeatureRest,
  type ColumnarFeatureState,
  createColumnarFeatureState,
  restOfFeatures,
} from './features/columnar-state.ts';
import type { Plan } from './features/plan.ts';
import { createColumnarScorer, createColumnarScoreState, restOfScore, scoreRows } from './score/columnar-scorer.ts';
import type { ColumnarScorer, ColumnarScoreState, ScoreBatch, ScoreRest } from './score/columnar-scorer.ts';
import type { Scoring } from './score/decide.ts';
import { type TakenEntries, takeEntries } from './sinks/columnar-ledger.ts';
import {
  type ColumnarLedger,
  type ColumnarLedgerRest,
  createColumnarLedger,
  restOfLedger,
} from './sinks/columnar-ledger-state.ts';
import type { LedgerConfig } from './sinks/ledger-state.ts';
import { createColumnarAdmission, isRemembered, restOfAdmission } from './steps/columnar-admission.ts';
import type { AdmissionRest, ColumnarAdmission, KnownRows } from './steps/columnar-admission.ts';
import { postRows } from './steps/columnar-back.ts';
import {
  createRare,
  eventOfRow,
  type FrontWindows,
  frontContracts,
  type Rare,
  takeRows,
} from './steps/columnar-front.ts';
import { compileDecoders, type Decoders, decodeBlock } from './steps/decode-block.ts';

/** What runs: the plan, the texts that its columns are made of, and what both halves of the pipeline are told. */
export type ColumnarOptions = {
  readonly plan: Plan;
  readonly layout: EventLayout;
  readonly interner: Interner;
  /** The longest allowed lateness of the topics that the windows read, in milliseconds. */
  readonly allowedLatenessMs: number;
  readonly watermarkPer: 'input' | 'topic';
  /** Events that a key may hold in the windows of one field. */
  readonly keyEventsMax?: number | undefined;
};

/** The first half of the pipeline: bytes to feature vectors. Code, and the state that a checkpoint holds. */
export type Front = ColumnarOptions & {
  readonly decoders: Decoders;
  readonly features: ColumnarFeatures;
  /** The memory that the state lies in. */
  readonly book: PageBook;
  readonly state: FrontState;
};

/** What the first half remembers. */
export type FrontState = { readonly admission: ColumnarAdmission; readonly windows: ColumnarFeatureState };

/** What a checkpoint holds of the first half beside its pages and the texts. */
export type FrontRest = { readonly admission: AdmissionRest; readonly windows: ColumnarFeatureRest };

/** Makes the first half; without what a checkpoint held it begins before the first record. */
export function createFront(
  options: ColumnarOptions,
  { book, rest }: Within<FrontRest> = { book: createPageBook() },
): Front {
  const { plan, layout, interner, watermarkPer } = options;
  const features = createColumnarFeatures(plan, options);
  const inputs = watermarkPer === 'input' ? 1 : frontContracts.length;
  const admission = createColumnarAdmission(inputs, { book, rest: rest?.admission });
  const windows = createColumnarFeatureState(features, { book, rest: rest?.windows });
  return { ...options, decoders: compileDecoders(layout, interner), features, book, state: { admission, windows } };
}

/** What a checkpoint holds of the first half beside its pages and the texts: to be written before the next batch. */
export function restOfFront({ state }: Front): FrontRest {
  return { admission: restOfAdmission(state.admission), windows: restOfFeatures(state.windows) };
}

/** A block of the log, and the columns that it goes to. */
export type FrontBatch = {
  readonly block: LogBlock;
  readonly columns: EventColumns;
  /** Feature vectors, one a row. */
  readonly values: Float64Array;
  /** Asks the shell for ids that the core does not remember, once the rows are decoded. */
  readonly lookUp: (columns: EventColumns, isRemembered: (words: Uint32Array, at: number) => boolean) => KnownRows;
  /** Fills in the vector that a kept decision used; false where none was kept. */
  readonly adopt?: ((offset: number, values: Float64Array, at: number) => boolean) | undefined;
};

/** What comes of a block: its rows settle others, and what is rare goes beside the columns. */
export type FrontEffects = { readonly settled: SettledColumns; readonly rare: Rare };

/** The front: decodes a block, admits its rows and takes them into the windows, in log order. */
export function runFront(front: Front, batch: FrontBatch): FrontEffects {
  const { state, features } = front;
  const { block, columns } = batch;
  const rare = createRare();
  const refusals = decodeBlock(front.decoders, block, columns);
  const known = batch.lookUp(columns, (words, at) => isRemembered(state.admission, words, at));
  const { admission } = state;
  const labelTopic = front.plan.label?.topic ?? '';
  const windows = windowsOf(front, batch);
  takeRows(
    { admission, watermarkPer: front.watermarkPer, labelTopic },
    { block, columns, refusals, known, windows, rare },
  );
  return { settled: collectSettled(features, state.windows, admission.stateMs), rare };
}

/** The second half of the pipeline: feature vectors to decisions and entries. Code, and the state of a checkpoint. */
export type Back = {
  readonly scorer: ColumnarScorer;
  readonly interner: Interner;
  readonly book: PageBook;
  readonly state: BackState;
};

/** What the second half remembers. */
export type BackState = { readonly score: ColumnarScoreState; readonly ledger: ColumnarLedger };

export type BackOptions = Omit<ColumnarOptions, 'watermarkPer'> & {
  readonly scoring: Scoring;
  readonly ledger: Partial<LedgerConfig>;
};

/** What a checkpoint holds of the second half beside its pages. */
export type BackRest = { readonly score: ScoreRest; readonly ledger: ColumnarLedgerRest };

/** Makes the second half; without what a checkpoint held it begins before the first record. */
export function createBack(options: BackOptions, { book, rest }: Within<BackRest> = { book: createPageBook() }): Back {
  const { plan, scoring, layout, interner, allowedLatenessMs, ledger } = options;
  const featureNames = plan.features.map(({ name }) => name);
  const score = { featureCount: featureNames.length, allowedLatenessMs };
  return {
    scorer: createColumnarScorer({ scoring, featureNames, layout, interner }),
    interner,
    book,
    state: {
      score: createColumnarScoreState(score, { book, rest: rest?.score }),
      ledger: createColumnarLedger(ledger, { interner, layout }, { book, rest: rest?.ledger }),
    },
  };
}

/** What a checkpoint holds of the second half beside its pages: to be written before the next batch. */
export function restOfBack({ state }: Back): BackRest {
  return { score: restOfScore(state.score), ledger: restOfLedger(state.ledger) };
}

/** The back: scores the authorizations of a batch and posts it to the ledger; what is rare is added to `rare`. */
export function runBack(back: Back, batch: Omit<ScoreBatch, 'rowCount'>, rare: Rare): TakenEntries {
  const { scorer, state, interner } = back;
  const { columns, out } = batch;
  scoreRows(scorer, state.score, { ...batch, rowCount: columns.counts[countAt.rows]! });
  postRows(state.ledger, { columns, decisions: out, interner }, rare);
  return takeEntries(state.ledger);
}

function windowsOf(front: Front, { block, columns, values, adopt }: FrontBatch): FrontWindows {
  const { features, state, plan } = front;
  const { windows } = state;
  const width = plan.features.length;
  const { firstOffset } = block;
  return {
    observe: (row, lateness, watermarkMs) => {
      const offset = firstOffset + row;
      const at = row * width;
      const isAdopted = adopt !== undefined && adopt(offset, values, at);
      const decision = isAdopted ? 'adopted' : 'computed';
      observeRow(features, windows, columns, row, offset, lateness, watermarkMs, values, at, decision);
    },
    label: (row, { isTargetKnown, watermarkMs }) =>
      applyLabelRow(features, windows, columns, row, {
        offset: firstOffset + row,
        targetKnown: isTargetKnown,
        watermarkMs,
        waitUntilMs: columns.eventTimeMs[row]! + frontContracts[columns.contract[row]!]!.retentionMs,
        eventOf: (waiting) => eventOfRow(block, waiting),
      }),
    passTime: (watermarkMs) => {
      settleRows(features, windows, watermarkMs);
      return expireWaitingRows(windows, watermarkMs);
    },
  };
}
