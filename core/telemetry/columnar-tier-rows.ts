import { verdicts } from '../contract/measurement.ts';
import { roundFloatSum, varianceOfFloats } from '../engine/exact-float-sum.ts';
import { bucketsOf, valuesAtRanks } from './columnar-buckets.ts';
import { type PaneStore, rowOfPane, segmentOfPane, tierLengthsMs } from './columnar-panes.ts';
import { paneFlag, paneNumber, paneWord } from './pane-columns.ts';
import { sumsOf } from './columnar-sums.ts';
import { tierScale } from './columnar-tiers.ts';

/** Rows of the tiers in columns; null is NaN. */
export type TierColumns = {
  readonly rowsMax: number;
  rowCount: number;
  readonly sensor: Int32Array;
  readonly tier: Uint8Array;
  readonly startMs: Float64Array;
  readonly revision: Int32Array;
  /** By `tierValues`, one after the other. */
  readonly values: readonly Float64Array[];
  /** By place in `verdicts`. */
  readonly counts: readonly Float64Array[];
};

/** The values of a tier's row, in order. */
export const tierValues = ['sum', 'avg', 'min', 'max', 'stddev', 'last', 'p50', 'p95', 'p99'] as const;

const quantiles = [0.5, 0.95, 0.99];
const good = verdicts.indexOf('good');

/** Columns without rows. */
export function createTierColumns(rowsMax: number): TierColumns {
  return {
    rowsMax,
    rowCount: 0,
    sensor: new Int32Array(rowsMax),
    tier: new Uint8Array(rowsMax),
    startMs: new Float64Array(rowsMax),
    revision: new Int32Array(rowsMax),
    values: tierValues.map(() => new Float64Array(rowsMax)),
    counts: verdicts.map(() => new Float64Array(rowsMax)),
  };
}

/** Writes the row of a pane that has ended into columns that have room. */
export function writeTierRow(store: PaneStore, slot: number, columns: TierColumns): void {
  const { numbers, words } = segmentOfPane(store, slot);
  const row = rowOfPane(slot);
  const at = columns.rowCount++;
  words[row + paneWord.flags]! &= ~paneFlag.dirty;
  columns.sensor[at] = words[row + paneWord.sensor]!;
  columns.tier[at] = words[row + paneWord.tier]!;
  columns.startMs[at] = numbers[row + paneNumber.startMs]!;
  columns.revision[at] = words[row + paneWord.revision]!;
  for (let verdict = 0; verdict < verdicts.length; verdict++) {
    columns.counts[verdict]![at] = words[row + paneWord.counts + verdict]!;
  }
  writeValues(store, slot, columns, at);
}

/** The end of a pane of a row. */
export function endOfTierRow(columns: TierColumns, row: number): number {
  return columns.startMs[row]! + tierLengthsMs[columns.tier[row]!]!;
}

function writeValues(store: PaneStore, slot: number, { values }: TierColumns, at: number): void {
  const { numbers, words } = segmentOfPane(store, slot);
  const row = rowOfPane(slot);
  const count = words[row + paneWord.counts + good]!;
  if (count === 0) {
    for (const column of values) column[at] = Number.NaN;
    values[0]![at] = 0;
    return;
  }
  const sums = sumsOf(store, slot);
  const sum = roundFloatSum(sums.sum);
  const min = numbers[row + paneNumber.min]!;
  const max = numbers[row + paneNumber.max]!;
  values[0]![at] = finite(sum);
  values[1]![at] = finite(sum / count);
  values[2]![at] = min;
  values[3]![at] = max;
  values[4]![at] = finite(Math.sqrt(varianceOfFloats({ count, ...sums })));
  values[5]![at] = numbers[row + paneNumber.lastValue]!;
  const ranks = quantiles.map((quantile) => Math.floor(quantile * (count - 1)));
  valuesAtRanks(bucketsOf(store.buckets, words, row), ranks, tierScale, found);
  for (const [place, rank] of ranks.entries()) {
    let value = Math.min(Math.max(found[place]!, min), max);
    if (rank <= 0) value = min;
    else if (rank >= count - 1) value = max;
    values[6 + place]![at] = value;
  }
}

/** Written before each read: nothing is remembered in it. */
const found = new Float64Array(quantiles.length);

function finite(value: number): number {
  return Number.isFinite(value) ? value : Number.NaN;
}
