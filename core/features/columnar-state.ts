import { createKeyStore, type KeyStore, type KeyStoreRest, restOfKeyStore } from '../engine/columnar-keys.ts';
import { createKeyGaps, type KeyGaps } from '../engine/key-gaps.ts';
import type { IdTable } from '../engine/id-table.ts';
import { createPageBook, type Within } from '../engine/pages.ts';
import { createTimers, type Timers } from '../engine/timers.ts';
import type { ColumnarFeatures } from './columnar-engine.ts';
import { awaitedOf } from './columnar-labels.ts';
import { createPendingRows, type PendingRows, restOfRows, type RowsRest } from './columnar-rows.ts';
import { createSkewColumns, type SkewColumns } from './columnar-skew.ts';
import { createTargets, restOfTargets, type Targets, type TargetsRest } from './columnar-targets.ts';
import { restoreWheel, type RowWheel } from './columnar-wheel.ts';
import { createKeyNumbers, type KeyNumbers, type KeyNumbersRest, restOfKeyNumbers } from './key-numbers.ts';
import type { WaitingLabel } from './state.ts';

/** All that the features remember, over typed arrays. Plain data. */
export type ColumnarFeatureState = {
  /** For each of the plan's keys its entries. */
  readonly keys: readonly KeyStore[];
  /** For each of the plan's keys what full keys did not take. */
  readonly gaps: readonly KeyGaps<number>[];
  /** For each of the plan's keys how its values become the state's keys. */
  readonly keyNumbers: readonly KeyNumbers[];
  readonly rows: PendingRows;
  /** The rows that settle, and those that have settled and become final. */
  readonly wheel: RowWheel;
  /** The events that a label may still reach. */
  readonly targets: Targets;
  /** Ids of events that labels wait for, and the labels by the id's words; both are rare. */
  readonly awaited: IdTable;
  readonly waiting: Map<string, WaitingLabel[]>;
  readonly waitingUntil: Timers<{ readonly id: string; readonly offset: number }>;
  /** The rows to send at the end of the batch, by number. */
  readonly changed: number[];
  readonly skew: SkewColumns;
  /** The watermark at the end of the last batch: what had expired by then may go. */
  collectedWatermarkMs: number;
};

/** What a checkpoint holds of the features beside their pages. */
export type ColumnarFeatureRest = {
  readonly keys: readonly KeyStoreRest[];
  readonly keyNumbers: readonly KeyNumbersRest[];
  readonly rows: RowsRest;
  readonly targets: TargetsRest;
  readonly passedMs: number;
} & Pick<ColumnarFeatureState, 'gaps' | 'waiting' | 'waitingUntil' | 'skew' | 'collectedWatermarkMs'>;

/** The state before the first event, or the one of a checkpoint. */
export function createColumnarFeatureState(
  engine: ColumnarFeatures,
  { book, rest }: Within<ColumnarFeatureRest> = { book: createPageBook() },
): ColumnarFeatureState {
  const { plan } = engine;
  const shape = { keys: plan.keys.length, fields: plan.rowFields.length, features: plan.features.length };
  const keys = engine.keys.map(({ store }, key) => createKeyStore(store, { book, rest: rest?.keys[key] }));
  const keyNumbers = plan.keys.map((_, key) => createKeyNumbers({ book, rest: rest?.keyNumbers[key] }));
  const rows = createPendingRows(shape, { book, rest: rest?.rows });
  const targets = createTargets(plan.keys.length, { book, rest: rest?.targets });
  const waiting: ColumnarFeatureState['waiting'] = rest?.waiting ?? new Map<string, WaitingLabel[]>();
  return {
    keys,
    gaps: rest?.gaps ?? plan.keys.map(() => createKeyGaps<number>()),
    keyNumbers,
    rows,
    wheel: restoreWheel(rows, rest?.passedMs ?? Number.NEGATIVE_INFINITY),
    targets,
    awaited: awaitedOf(waiting),
    waiting,
    waitingUntil: rest?.waitingUntil ?? createTimers(),
    changed: [],
    skew: rest?.skew ?? createSkewColumns(plan.features.length),
    collectedWatermarkMs: rest?.collectedWatermarkMs ?? Number.NEGATIVE_INFINITY,
  };
}

/** What a checkpoint holds of the features beside their pages: to be written before the next batch. */
export function restOfFeatures(state: ColumnarFeatureState): ColumnarFeatureRest {
  const { keys, gaps, keyNumbers, rows, targets, wheel, waiting, waitingUntil, skew, collectedWatermarkMs } = state;
  return {
    keys: keys.map(restOfKeyStore),
    keyNumbers: keyNumbers.map(restOfKeyNumbers),
    rows: restOfRows(rows),
    targets: restOfTargets(targets),
    passedMs: wheel.passedMs,
    gaps,
    waiting,
    waitingUntil,
    skew,
    collectedWatermarkMs,
  };
}
