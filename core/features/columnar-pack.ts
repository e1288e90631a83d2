import { packKeyStore, unpackKeyStore, type PackedKeyStore } from '../engine/columnar-keys.ts';
import { packIdTable, unpackIdTable, type PackedIdTable } from '../engine/id-table.ts';
import type { ColumnarFeatureState } from './columnar-state.ts';

/** The feature state as a checkpoint holds it: what `node:v8` can serialise, to be serialised before the next batch. */
export type PackedColumnarFeatures = Omit<ColumnarFeatureState, 'keys' | 'targets' | 'awaited'> & {
  readonly keys: readonly PackedKeyStore[];
  readonly targets: Omit<ColumnarFeatureState['targets'], 'numbers'> & { readonly numbers: PackedIdTable };
  readonly awaited: PackedIdTable;
};

/** Packs a state between two batches. The columns are shared with the state, not copied. */
export function packColumnarFeatures(state: ColumnarFeatureState): PackedColumnarFeatures {
  const { keys, targets, awaited } = state;
  return {
    ...state,
    keys: keys.map(packKeyStore),
    targets: { ...targets, numbers: packIdTable(targets.numbers) },
    awaited: packIdTable(awaited),
  };
}

/** The state again: every result from here on is the same. */
export function unpackColumnarFeatures(packed: PackedColumnarFeatures): ColumnarFeatureState {
  const { keys, targets, awaited } = packed;
  return {
    ...packed,
    keys: keys.map(unpackKeyStore),
    targets: { ...targets, numbers: unpackIdTable(targets.numbers) },
    awaited: unpackIdTable(awaited),
  };
}
