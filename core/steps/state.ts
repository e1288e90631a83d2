import type { AdmissionState } from '../engine/admission.ts';
import { createAdmissionState } from '../engine/admission.ts';
import { createWatermarks, type Watermarks } from '../engine/watermark.ts';
import { packFeatures, unpackFeatures, type PackedFeatures } from '../features/pack.ts';
import { compactFeatures } from '../features/settle.ts';
import { createFeatureState, type FeatureState } from '../features/state.ts';
import type { FeatureEngine } from '../features/engine.ts';
import { createBaselines, evictBaselines, type BaselineState } from '../score/baseline.ts';
import type { Decider } from '../score/decide.ts';
import { packLedger, unpackLedger, type PackedLedger } from '../sinks/pack-ledger.ts';
import { createLedgerState, type LedgerConfig, type LedgerState } from '../sinks/ledger-state.ts';

/** What runs: everything that follows from the definition, the rules, the model and the configuration. */
export type Weir = {
  readonly features: FeatureEngine;
  /** Null computes features alone: nothing is decided and nothing posted. */
  readonly decider: Decider | null;
  readonly ledger: Partial<LedgerConfig>;
  /** A sorted file is one input with one watermark; otherwise each topic has its own. */
  readonly watermarkPer: 'input' | 'topic';
};

/** Everything that the pipeline remembers: a function of the log's prefix. Plain data: a checkpoint holds it. */
export type WeirState = {
  readonly watermarks: Watermarks;
  readonly admission: AdmissionState;
  readonly features: FeatureState;
  readonly baselines: BaselineState;
  readonly ledger: LedgerState;
};

/** The state before the first record. */
export function createState(weir: Weir): WeirState {
  const { plan, allowedLatenessMs } = weir.features;
  return {
    watermarks: createWatermarks(),
    admission: createAdmissionState(),
    features: createFeatureState(plan),
    baselines: createBaselines({ featureCount: plan.features.length, allowedLatenessMs }),
    ledger: createLedgerState(weir.ledger),
  };
}

/** Drops what no event can ask for any more, and what is rebuilt when needed. Changes no result; before a checkpoint. */
export function compact(weir: Weir, state: WeirState): void {
  const watermarkMs = state.watermarks.stateMs;
  compactFeatures(weir.features, state.features, watermarkMs);
  evictBaselines(state.baselines, watermarkMs);
}

/** The state as a checkpoint holds it. */
export type PackedState = Omit<WeirState, 'features' | 'ledger'> & {
  readonly features: PackedFeatures;
  readonly ledger: PackedLedger;
};

/** Packs the state between two batches: what is alike stands in columns, so that a checkpoint is small and quick. */
export function packState(state: WeirState): PackedState {
  return { ...state, features: packFeatures(state.features), ledger: packLedger(state.ledger) };
}

/** The state again: every result from here on is the same. */
export function unpackState(packed: PackedState): WeirState {
  return { ...packed, features: unpackFeatures(packed.features), ledger: unpackLedger(packed.ledger) };
}
