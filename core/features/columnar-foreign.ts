import type { EventColumns } from '../decode/event-columns.ts';
import type { ColumnSpace } from '../decode/column-space.ts';
import { textOf } from '../decode/interner.ts';
import type { ColumnarFeatures, KeyEngine } from './columnar-engine.ts';
import type { ColumnarFeatureState } from './columnar-state.ts';
import { findTarget, targetSegment, targetSlot } from './columnar-targets.ts';
import { type KeyView, momentAt } from './key-view.ts';
import { textOfKey } from './key-numbers.ts';

/** What was read of views for each row of a batch, a place a foreign key. */
export type ForeignReads = {
  readonly foreignCount: number;
  /** Of the view, -1 where none was read. */
  readonly foreignOffset: Float64Array;
  /** How much later the row's event is than the view. */
  readonly foreignAgeMs: Float64Array;
};

/** Lays out what rows read. */
export function layOutForeignReads(
  space: ColumnSpace,
  { rowsMax, foreignCount }: { readonly rowsMax: number; readonly foreignCount: number },
): ForeignReads {
  return {
    foreignCount,
    foreignOffset: space.float64(rowsMax * foreignCount),
    foreignAgeMs: space.float64(rowsMax * foreignCount),
  };
}

/** The view of a key by the number of the foreign key field; undefined where there is none. */
export type ReadView = (foreign: number, key: string) => KeyView | undefined;

/** The name that a key goes by outside of its partition: the tenant is in it, and ids hold no control characters. */
export function foreignKeyOf(
  { interner }: ColumnarFeatures,
  columns: EventColumns,
  r: number,
  text: number,
): string | null {
  return text < 0 ? null : `${textOf(interner, columns.tenant[r]!)}\u0000${textOf(interner, text)}`;
}

/** Reads the views of row `r`, an authorization, for its features, and notes how fresh they are. */
export function readViews(
  engine: ColumnarFeatures,
  columns: EventColumns,
  r: number,
  { read, reads }: { readonly read: ReadView; readonly reads: ForeignReads },
): void {
  const { views } = engine.scratch;
  const timeMs = columns.eventTimeMs[r]!;
  for (const [foreign, { key, readKey }] of engine.foreignKeys.entries()) {
    const name = foreignKeyOf(engine, columns, r, readKey(columns, r));
    const view = name === null ? undefined : read(foreign, name);
    const at = r * reads.foreignCount + foreign;
    views[key] = view === undefined ? null : momentAt(view, timeMs);
    reads.foreignOffset[at] = view?.offset ?? -1;
    reads.foreignAgeMs[at] = view === undefined ? 0 : timeMs - view.momentMs[0]!;
  }
}

/** The name of the key that row `r`, a dispute, labels an event of; null where its event is not held or has no such key. */
export function labelledKeyOf(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  columns: EventColumns,
  r: number,
  { key }: KeyEngine,
): string | null {
  const number = labelledNumberOf(state, columns, r, key);
  return number < 0 ? null : foreignKeyOf(engine, columns, r, textOfKey(state.keyNumbers[key]!, number));
}

/** The state's key of the event that row `r`, a dispute, refers to; -1 without. */
export function labelledNumberOf(
  { targets }: ColumnarFeatureState,
  columns: EventColumns,
  r: number,
  key: number,
): number {
  const target = findTarget(targets, columns.targetHash, r * 4);
  return target < 0 ? -1 : targetSegment(targets, target).keys[targetSlot(target) * targets.keyCount + key]!;
}

/** What a row read: a read a feature, in the order of the features of each foreign key. */
export function readsOfRow(
  { foreignCount, foreignOffset, foreignAgeMs }: ForeignReads,
  row: number,
  features: readonly (readonly string[])[],
): { readonly feature: string; readonly offset: number; readonly ageMs: number }[] {
  return features.slice(0, foreignCount).flatMap((names, foreign) => {
    const offset = foreignOffset[row * foreignCount + foreign]!;
    const ageMs = foreignAgeMs[row * foreignCount + foreign]!;
    return offset < 0 ? [] : names.map((feature) => ({ feature, offset, ageMs }));
  });
}
