import { countAt, type EventColumns, type EventLayout } from './decode/event-columns.ts';
import type { Interner } from './decode/interner.ts';
import type { LogBlock } from './decode/log-block.ts';
import { createPageBook, type PageBook, type Within } from './engine/pages.ts';
import { copySourceTimes, createSourceTimes, type SourceTimes } from './engine/source-times.ts';
import { type BlockSizes, createColumnarFeatures, type ColumnarFeatures } from './features/columnar-engine.ts';
import type { ForeignReads, ReadView } from './features/columnar-foreign.ts';
import { collectSettled } from './features/columnar-settle.ts';
import type { SettledColumns } from './features/columnar-settled.ts';
import {
  type ColumnarFeatureRest,
  type ColumnarFeatureState,
  createColumnarFeatureState,
  restOfFeatures,
} from './features/columnar-state.ts';
import type { ForeignKey } from './features/foreign-plan.ts';
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
import { createRare, frontContracts, type Rare, takeRows } from './steps/columnar-front.ts';
import { compileDecoders, type Decoders, decodeBlock } from './steps/decode-block.ts';
import { createRoutes } from './steps/foreign-routes.ts';
import { frontWindows } from './steps/front-windows.ts';
import type { RoutedEvent } from './steps/repartition-record.ts';
import { type ChangedView, runRepartitioned } from './steps/repartition-batch.ts';

/** What runs: the plan, the texts that its columns are made of, and what both halves of the pipeline are told. */
export type ColumnarOptions = BlockSizes & {
  readonly plan: Plan;
  readonly layout: EventLayout;
  readonly interner: Interner;
  /** The longest allowed lateness of the topics that the windows read, in milliseconds. */
  readonly allowedLatenessMs: number;
  readonly watermarkPer: 'input' | 'topic';
  /** Events that a key may hold in the windows of one field. */
  readonly keyEventsMax?: number | undefined;
  /** The keys whose windows other partitions hold: events are routed to them, and their values read from views. */
  readonly foreign?: readonly ForeignKey[] | undefined;
  /** Set where the plan is of a foreign key: how many source partitions feed its windows, through a repartition topic. */
  readonly sourcePartitions?: number | undefined;
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
export type FrontState = {
  readonly admission: ColumnarAdmission;
  readonly windows: ColumnarFeatureState;
  /** How far the sources of a foreign key's windows have come; null where there is one source. */
  readonly sources: SourceTimes | null;
};

/** What a checkpoint holds of the first half beside its pages and the texts. */
export type FrontRest = {
  readonly admission: AdmissionRest;
  readonly windows: ColumnarFeatureRest;
  readonly sources?: SourceTimes;
};

/** Makes the first half; without what a checkpoint held it begins before the first record. */
export function createFront(
  options: ColumnarOptions,
  { book, rest }: Within<FrontRest> = { book: createPageBook() },
): Front {
  const { plan, layout, interner, watermarkPer, sourcePartitions } = options;
  const features = createColumnarFeatures(plan, options);
  const inputs = watermarkPer === 'input' ? 1 : frontContracts.length;
  const admission = createColumnarAdmission(inputs, { book, rest: rest?.admission });
  const windows = createColumnarFeatureState(features, { book, rest: rest?.windows });
  const fresh = sourcePartitions === undefined ? null : createSourceTimes(sourcePartitions, frontContracts.length);
  const sources = rest?.sources === undefined ? fresh : copySourceTimes(rest.sources);
  const state = { admission, windows, sources };
  return { ...options, decoders: compileDecoders(layout, interner), features, book, state };
}

/** What a checkpoint holds of the first half beside its pages and the texts: to be written before the next batch. */
export function restOfFront({ state }: Front): FrontRest {
  const { admission, windows, sources } = state;
  const rest = { admission: restOfAdmission(admission), windows: restOfFeatures(windows) };
  return sources === null ? rest : { ...rest, sources: copySourceTimes(sources) };
}

/** How far the event time of what a front remembers has come. */
export function watermarkMsOf({ state }: Pick<Front, 'state'>): number {
  return state.sources?.stateMs ?? state.admission.stateMs;
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
  /** Where views of foreign keys are read. */
  readonly readView?: ReadView | undefined;
  /** What was read of them, row by row. */
  readonly reads?: ForeignReads | undefined;
};

/** What comes of a block: its rows settle others, and what is rare goes beside the columns. */
export type FrontEffects = {
  readonly settled: SettledColumns;
  readonly rare: Rare;
  /** Events for the owners of their foreign keys. */
  readonly routed: readonly RoutedEvent[];
  /** What the windows of a foreign key say from now on, of each key that the block changed. */
  readonly views: readonly ChangedView[];
};

/** The front: decodes a block, admits its rows and takes them into the windows, in log order. */
export function runFront(front: Front, batch: FrontBatch): FrontEffects {
  const { state, features } = front;
  const { admission, sources } = state;
  if (sources !== null) {
    const { settled, rare, views } = runRepartitioned({ ...front, windows: state.windows, sources }, batch);
    return { settled, rare, views, routed: [] };
  }
  const { block, columns } = batch;
  const rare = createRare();
  const refusals = decodeBlock(front.decoders, block, columns);
  const known = batch.lookUp(columns, (words, at) => isRemembered(state.admission, words, at));
  const labelTopic = front.plan.label?.topic ?? '';
  const own = frontWindows({ features, windows: state.windows }, batch);
  const routes = features.foreignKeys.length === 0 ? null : createRoutes(features, state.windows, batch);
  const windows = routes === null ? own : routes.around(own);
  takeRows(
    { admission, watermarkPer: front.watermarkPer, labelTopic },
    { block, columns, refusals, known, windows, rare },
  );
  const routed = routes?.take() ?? [];
  return { settled: collectSettled(features, state.windows, admission.stateMs), rare, routed, views: [] };
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
