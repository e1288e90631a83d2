import { createInterner, type Interner } from '../decode/interner.ts';
import { exportFrom, importTexts } from '../decode/interner-transfer.ts';
import {
  type PackedColumnarFeatures,
  packColumnarFeatures,
  unpackColumnarFeatures,
} from '../features/columnar-pack.ts';
import type { ColumnarFeatureState } from '../features/columnar-state.ts';
import {
  evictColumnarBaselines,
  packColumnarBaselines,
  type PackedBaselines,
  unpackColumnarBaselines,
} from '../score/columnar-baselines.ts';
import type { ColumnarScoreState } from '../score/columnar-scorer.ts';
import {
  type ColumnarLedger,
  type LedgerInput,
  packColumnarLedger,
  type PackedColumnarLedger,
  unpackColumnarLedger,
} from '../sinks/columnar-ledger-state.ts';
import { type ColumnarAdmission, packAdmission, type PackedAdmission, unpackAdmission } from './columnar-admission.ts';

/** The first half of the pipeline as a checkpoint holds it, with the texts that both halves speak in. */
export type PackedFront = {
  readonly texts: Uint8Array;
  readonly admission: PackedAdmission;
  readonly windows: PackedColumnarFeatures;
};

/** The second half as a checkpoint holds it. */
export type PackedBack = {
  readonly baselines: PackedBaselines;
  readonly watermarkMs: number;
  readonly ledger: PackedColumnarLedger;
};

type FrontParts = {
  readonly interner: Interner;
  readonly state: { readonly admission: ColumnarAdmission; readonly windows: ColumnarFeatureState };
};
type BackParts = { readonly state: { readonly score: ColumnarScoreState; readonly ledger: ColumnarLedger } };

/** Packs the first half between two batches. Some of it is the state's own memory: write it before the state goes on. */
export function packFront({ interner, state }: FrontParts): PackedFront {
  return {
    texts: exportFrom(interner, 0),
    admission: packAdmission(state.admission),
    windows: packColumnarFeatures(state.windows),
  };
}

/** An interner with the texts of a checkpoint, the same ids for the same texts. */
export function unpackInterner(texts: Uint8Array): Interner {
  const interner = createInterner();
  importTexts(interner, texts);
  return interner;
}

/** The first half's state again: everything from here on is the same. */
export function unpackFront({ admission, windows }: PackedFront): FrontParts['state'] {
  return { admission: unpackAdmission(admission), windows: unpackColumnarFeatures(windows) };
}

/** Packs the second half between two batches, without accounts that nobody can read any more. As `packFront`. */
export function packBack({ state }: BackParts): PackedBack {
  const { baselines, watermarkMs } = state.score;
  evictColumnarBaselines(baselines, watermarkMs);
  return { baselines: packColumnarBaselines(baselines), watermarkMs, ledger: packColumnarLedger(state.ledger) };
}

/** The second half's state again. */
export function unpackBack({ baselines, watermarkMs, ledger }: PackedBack, input: LedgerInput): BackParts['state'] {
  return {
    score: { baselines: unpackColumnarBaselines(baselines), watermarkMs },
    ledger: unpackColumnarLedger(ledger, input),
  };
}
