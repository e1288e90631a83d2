import { bucketsOf, setBuckets } from './columnar-buckets.ts';
import { addPane, findPane, paneKey, removePane, rowOfPane, segmentOfPane, tierLengthsMs } from './columnar-panes.ts';
import { paneFlag, paneNumber, paneWidth, paneWord } from './pane-columns.ts';
import { mayHoldRow } from './columnar-identity.ts';
import {
  type ColumnarTelemetryState,
  readingTimes,
  sensorNumber,
  sensorNumbers,
  sensorWord,
  sensorWords,
} from './columnar-state.ts';
import type { ReadingColumns } from './reading-columns.ts';

/** A pane outside of memory: its columns and its buckets. */
export type ColdPane = {
  readonly key: number;
  readonly numbers: Float64Array;
  readonly words: Int32Array;
  readonly buckets: Int32Array;
};

/** Which pane a late reading needs that is not in memory and may have been put outside. */
export type WantedPane = { readonly key: number; readonly tier: number; readonly startMs: number };

/** What a batch needs of the shell: rows whose identity is to be looked up, and panes. */
export type Wanted = { readonly rows: number[]; readonly panes: Map<number, WantedPane> };

/** Says what a batch of decoded rows needs, before it is taken. Most rows need nothing. */
export function wantedOf(
  state: ColumnarTelemetryState,
  columns: ReadingColumns,
  plantOfRow: readonly number[],
): Wanted {
  const rows: number[] = [];
  const panes = new Map<number, WantedPane>();
  const { numbers } = state.sensors;
  for (let row = 0; row < columns.counts[0]!; row++) {
    const sensor = columns.sensor[row]!;
    if (sensor < 0) continue;
    const timeMs = columns.eventTimeMs[row]!;
    const { watermarkMs } = state.rare.plants[plantOfRow[sensor]!]!;
    if (timeMs > watermarkMs && timeMs > numbers[sensor * sensorNumbers + sensorNumber.newestMs]!) continue;
    if (timeMs <= watermarkMs - readingTimes.allowedLatenessMs) continue;
    if (mayHoldRow(state, sensor, timeMs)) rows.push(row);
    if (timeMs <= watermarkMs) wantPanes(state, sensor, { timeMs, watermarkMs }, panes);
  }
  return { rows, panes };
}

/** Takes panes back into memory. */
export function restorePanes({ panes }: ColumnarTelemetryState, cold: readonly ColdPane[]): void {
  for (const { numbers, words, buckets } of cold) {
    const slot = addPane(panes, words[paneWord.sensor]!, words[paneWord.tier]!, numbers[paneNumber.startMs]!);
    const segment = segmentOfPane(panes, slot);
    const row = rowOfPane(slot);
    segment.numbers.set(numbers, row);
    segment.words.set(words, row);
    segment.words[row + paneWord.bucketsAt] = -1;
    segment.words[row + paneWord.bucketCount] = 0;
    setBuckets(panes.buckets, segment.words, row, buckets);
  }
}

/**
 * Takes panes that have ended, and that no reading has entered since an offset, out of memory. Given are those that a late
 * reading may still enter; the others are final. Panes of extreme values stay.
 */
export function takeColdPanes(
  state: ColumnarTelemetryState,
  beforeOffset: number,
  plantOfRow: readonly number[],
): ColdPane[] {
  const cold: ColdPane[] = [];
  const { panes } = state;
  for (let slot = 0; slot < panes.used; slot++) {
    const { numbers, words } = segmentOfPane(panes, slot);
    const row = rowOfPane(slot);
    const sensor = words[row + paneWord.sensor]!;
    if (sensor < 0 || words[row + paneWord.flags] !== paneFlag.closed) continue;
    const tier = words[row + paneWord.tier]!;
    const startMs = numbers[row + paneNumber.startMs]!;
    const { watermarkMs } = state.rare.plants[plantOfRow[sensor]!]!;
    const isFinal = startMs + tierLengthsMs[tier]! <= watermarkMs - readingTimes.allowedLatenessMs;
    if (!isFinal) {
      if (numbers[row + paneNumber.touchedOffset]! >= beforeOffset || panes.wide.has(slot)) continue;
      cold.push({
        key: paneKey(sensor, tier, startMs),
        numbers: numbers.slice(row, row + paneWidth),
        words: words.slice(row, row + paneWidth),
        buckets: bucketsOf(panes.buckets, words, row).slice(),
      });
    }
    state.sensors.words[sensor * sensorWords + sensorWord.panes + tier] = 0;
    removePane(panes, slot);
  }
  return cold.sort((left, right) => left.key - right.key);
}

function wantPanes(
  state: ColumnarTelemetryState,
  sensor: number,
  { timeMs, watermarkMs }: { readonly timeMs: number; readonly watermarkMs: number },
  wanted: Map<number, WantedPane>,
): void {
  for (let tier = 0; tier < tierLengthsMs.length; tier++) {
    const lengthMs = tierLengthsMs[tier]!;
    const startMs = Math.floor(timeMs / lengthMs) * lengthMs;
    if (startMs + lengthMs > watermarkMs) return;
    const key = paneKey(sensor, tier, startMs);
    if (wanted.has(key) || findPane(state.panes, sensor, tier, startMs) >= 0) continue;
    if (mayHaveSent(state, sensor, { startMs, endMs: startMs + lengthMs })) wanted.set(key, { key, tier, startMs });
  }
}

/** Whether one of a sensor's intervals reaches into `[startMs, endMs)`. */
function mayHaveSent(
  { sensors }: ColumnarTelemetryState,
  sensor: number,
  { startMs, endMs }: { readonly startMs: number; readonly endMs: number },
): boolean {
  const first = sensor * sensorNumbers + sensorNumber.coverage;
  const end = first + sensors.words[sensor * sensorWords + sensorWord.intervals]! * 2;
  for (let place = first; place < end; place += 2) {
    if (sensors.numbers[place]! < endMs && sensors.numbers[place + 1]! >= startMs) return true;
  }
  return false;
}
