import { scopeOf } from '../decode/interner.ts';
import { createKeyStore, type KeyStore } from '../engine/columnar-keys.ts';
import { createIdTable, type IdTable } from '../engine/id-table.ts';
import { createTimers, type Timers } from '../engine/timers.ts';
import type { ColumnarFeatures } from './columnar-engine.ts';
import { createPendingRows, type PendingRows } from './columnar-rows.ts';
import { createSkewColumns, type SkewColumns } from './columnar-skew.ts';
import { createTargets, type Targets } from './columnar-targets.ts';
import { createWheel, type RowWheel } from './columnar-wheel.ts';
import type { WaitingLabel } from './state.ts';

/** All that the features remember, over typed arrays. Plain data. */
export type ColumnarFeatureState = {
  /** For each of the plan's keys its entries. */
  readonly keys: readonly KeyStore[];
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

/**
 * An id field's values are interned within their tenant: the id alone is the key. Those of other fields are shared by
 * all tenants: a key is then a number for the pair.
 */
export type KeyNumbers = {
  scope: 'unknown' | 'tenant' | 'shared';
  /** By tenant, then by text. */
  readonly pairs: Map<number, Map<number, number>>;
  size: number;
};

/** The state before the first event. */
export function createColumnarFeatureState(engine: ColumnarFeatures): ColumnarFeatureState {
  const { plan } = engine;
  const shape = { keys: plan.keys.length, fields: plan.rowFields.length, features: plan.features.length };
  return {
    keys: engine.keys.map(({ store }) => createKeyStore(store)),
    keyNumbers: plan.keys.map(() => ({ scope: 'unknown', pairs: new Map(), size: 0 })),
    rows: createPendingRows(shape),
    wheel: createWheel(),
    targets: createTargets(plan.keys.length),
    awaited: createIdTable(),
    waiting: new Map(),
    waitingUntil: createTimers(),
    changed: [],
    skew: createSkewColumns(plan.features.length),
    collectedWatermarkMs: Number.NEGATIVE_INFINITY,
  };
}

/** The state's key of a key field's value, an interned text, within a tenant. */
export function keyNumberOf(
  { interner }: ColumnarFeatures,
  numbers: KeyNumbers,
  { tenant, text }: { readonly tenant: number; readonly text: number },
): number {
  if (numbers.scope === 'unknown') numbers.scope = scopeOf(interner, text) === tenant ? 'tenant' : 'shared';
  if (numbers.scope === 'tenant') return text;
  const ofTenant = numbers.pairs.get(tenant) ?? new Map<number, number>();
  if (ofTenant.size === 0) numbers.pairs.set(tenant, ofTenant);
  const known = ofTenant.get(text);
  if (known !== undefined) return known;
  ofTenant.set(text, numbers.size);
  return numbers.size++;
}
