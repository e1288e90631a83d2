import { verdicts } from '../contract/measurement.ts';
import { type BucketScale, bucketOf, bucketScale } from '../engine/dd-sketch.ts';
import { addToBuckets, bucketKey, mergeBuckets } from './columnar-buckets.ts';
import { addPane, findPane, type PaneSegment, rowOfPane, segmentOfPane, tierLengthsMs } from './columnar-panes.ts';
import { paneFlag, paneNumber, paneWord } from './pane-columns.ts';
import { type ColumnarTelemetryState, sensorWord, sensorWords } from './columnar-state.ts';
import { addToSums, mergeSums } from './columnar-sums.ts';

/** How values fall into the buckets of a tier, whose quantiles are within 1 %. */
export const tierScale: BucketScale = bucketScale(0.01);

const good = verdicts.indexOf('good');
const tierCount = tierLengthsMs.length;
const smallestNormal = 2 ** -1022;

/** An accepted reading on its way into the tiers. One object serves all. */
export type TieredReading = {
  sensor: number;
  /** The sensor's plant. */
  place: number;
  /** The plant's watermark when the reading arrived. */
  watermarkMs: number;
  eventTimeMs: number;
  offset: number;
  verdict: number;
  value: number;
};

/**
 * Takes a reading into its minute. A minute that has ended has been taken into its hour already, so the reading enters the
 * hour as well, and the day where the hour has ended; their rows are to be sent again.
 */
export function takeIntoPanes(state: ColumnarTelemetryState, reading: TieredReading): void {
  for (let tier = 0; tier < tierCount; tier++) {
    const slot = paneOf(state, reading, tier);
    const segment = segmentOfPane(state.panes, slot);
    const row = rowOfPane(slot);
    addReading(state, slot, segment, row, reading);
    const flags = segment.words[row + paneWord.flags]!;
    if ((flags & paneFlag.closed) === 0) return;
    if ((flags & paneFlag.dirty) === 0) {
      segment.words[row + paneWord.flags] = flags | paneFlag.dirty;
      state.dirty.push(slot);
    }
  }
}

/** Ends the panes of a plant that its watermark has reached: minutes, then hours, then days. Gives each to `ended`. */
export function endPanes(
  state: ColumnarTelemetryState,
  { place, watermarkMs }: { readonly place: number; readonly watermarkMs: number },
  ended: (slot: number) => void,
): void {
  if (watermarkMs < state.nextEndMs[place]!) return;
  const ends = state.ends[place]!;
  for (let tier = 0; tier < tierCount; tier++) {
    const due = [...ends.keys()].filter((key) => tierOfEnd(key) === tier && timeOfEnd(key) <= watermarkMs);
    for (const key of due.sort((left, right) => left - right)) {
      const first = ends.get(key)!;
      ends.delete(key);
      endAll(state, place, first, ended);
    }
  }
  let nextMs = Number.POSITIVE_INFINITY;
  for (const key of ends.keys()) nextMs = Math.min(nextMs, timeOfEnd(key));
  state.nextEndMs[place] = nextMs;
}

/** Ends are numbers of a time and a tier. */
function endKey(endMs: number, tier: number): number {
  return (endMs / tierLengthsMs[0]) * 4 + tier;
}

function tierOfEnd(key: number): number {
  return ((key % 4) + 4) % 4;
}

function timeOfEnd(key: number): number {
  return Math.floor(key / 4) * tierLengthsMs[0];
}

/** The pane of a tier that a reading belongs to. */
function paneOf(state: ColumnarTelemetryState, reading: TieredReading, tier: number): number {
  const { sensor, eventTimeMs, place, watermarkMs } = reading;
  const lengthMs = tierLengthsMs[tier]!;
  const { words } = state.sensors;
  const at = sensor * sensorWords + sensorWord.panes + tier;
  const last = words[at]! - 1;
  if (last >= 0) {
    const { numbers, words: owners } = segmentOfPane(state.panes, last);
    const row = rowOfPane(last);
    const sinceMs = eventTimeMs - numbers[row + paneNumber.startMs]!;
    if (sinceMs >= 0 && sinceMs < lengthMs && owners[row + paneWord.sensor] === sensor) {
      if (owners[row + paneWord.tier] === tier) return last;
    }
  }
  const startMs = Math.floor(eventTimeMs / lengthMs) * lengthMs;
  const slot = paneAt(state, { sensor, place, tier, startMs, watermarkMs });
  words[at] = slot + 1;
  return slot;
}

type Place = {
  readonly sensor: number;
  readonly place: number;
  readonly tier: number;
  readonly startMs: number;
  readonly watermarkMs: number;
};

/** The pane that begins then; a new one waits for its end, unless that was reached before. */
function paneAt(state: ColumnarTelemetryState, { sensor, place, tier, startMs, watermarkMs }: Place): number {
  const known = findPane(state.panes, sensor, tier, startMs);
  if (known >= 0) return known;
  const slot = addPane(state.panes, sensor, tier, startMs);
  const { words } = segmentOfPane(state.panes, slot);
  const row = rowOfPane(slot);
  const endMs = startMs + tierLengthsMs[tier]!;
  if (endMs <= watermarkMs) {
    // The first reading of it does not count as a revision.
    words[row + paneWord.flags] = paneFlag.closed;
    words[row + paneWord.revision] = -1;
    return slot;
  }
  const ends = state.ends[place]!;
  const key = endKey(endMs, tier);
  words[row + paneWord.next] = ends.get(key) ?? -1;
  ends.set(key, slot);
  if (endMs < state.nextEndMs[place]!) state.nextEndMs[place] = endMs;
  return slot;
}

function addReading(
  state: ColumnarTelemetryState,
  slot: number,
  { numbers, words }: PaneSegment,
  row: number,
  { verdict, value, eventTimeMs, offset }: TieredReading,
): void {
  words[row + paneWord.counts + verdict]!++;
  numbers[row + paneNumber.touchedOffset] = offset;
  if ((words[row + paneWord.flags]! & paneFlag.closed) !== 0) words[row + paneWord.revision]!++;
  if (verdict !== good) return;
  addToSums(state.panes, slot, numbers, row, value);
  if (value < numbers[row + paneNumber.min]!) numbers[row + paneNumber.min] = value;
  if (value > numbers[row + paneNumber.max]!) numbers[row + paneNumber.max] = value;
  const lastMs = numbers[row + paneNumber.lastTimeMs]!;
  if (eventTimeMs > lastMs || (eventTimeMs === lastMs && offset > numbers[row + paneNumber.lastOffset]!)) {
    numbers[row + paneNumber.lastTimeMs] = eventTimeMs;
    numbers[row + paneNumber.lastOffset] = offset;
    numbers[row + paneNumber.lastValue] = value;
  }
  addToBuckets(state.panes.buckets, words, row, keyOf(value), 1);
}

function keyOf(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude < smallestNormal) return bucketKey.zero;
  const key = bucketOf(magnitude, tierScale) + bucketKey.base;
  return value > 0 ? key : -key;
}

/** Closes the panes of a list and takes each into the pane of the next tier. */
function endAll(state: ColumnarTelemetryState, place: number, first: number, ended: (slot: number) => void): void {
  for (let slot = first; slot >= 0;) {
    const segment = segmentOfPane(state.panes, slot);
    const row = rowOfPane(slot);
    const next = segment.words[row + paneWord.next]!;
    segment.words[row + paneWord.next] = -1;
    segment.words[row + paneWord.flags]! |= paneFlag.closed;
    const tier = segment.words[row + paneWord.tier]! + 1;
    if (tier < tierCount) {
      const sensor = segment.words[row + paneWord.sensor]!;
      const lengthMs = tierLengthsMs[tier]!;
      const startMs = Math.floor(segment.numbers[row + paneNumber.startMs]! / lengthMs) * lengthMs;
      const target = paneAt(state, { sensor, place, tier, startMs, watermarkMs: Number.NEGATIVE_INFINITY });
      mergePane(state, slot, target);
    }
    ended(slot);
    slot = next;
  }
}

function mergePane(state: ColumnarTelemetryState, source: number, target: number): void {
  const { panes } = state;
  const from = segmentOfPane(panes, source);
  const to = segmentOfPane(panes, target);
  const fromRow = rowOfPane(source);
  const row = rowOfPane(target);
  for (let verdict = 0; verdict < verdicts.length; verdict++) {
    to.words[row + paneWord.counts + verdict]! += from.words[fromRow + paneWord.counts + verdict]!;
  }
  const { min, max, lastTimeMs, lastOffset, lastValue, touchedOffset } = paneNumber;
  to.numbers[row + touchedOffset] = Math.max(to.numbers[row + touchedOffset]!, from.numbers[fromRow + touchedOffset]!);
  if (from.words[fromRow + paneWord.counts + good] === 0) return;
  mergeSums(panes, source, target);
  to.numbers[row + min] = Math.min(to.numbers[row + min]!, from.numbers[fromRow + min]!);
  to.numbers[row + max] = Math.max(to.numbers[row + max]!, from.numbers[fromRow + max]!);
  const newMs = from.numbers[fromRow + lastTimeMs]!;
  const oldMs = to.numbers[row + lastTimeMs]!;
  const isNewer = newMs === oldMs && from.numbers[fromRow + lastOffset]! > to.numbers[row + lastOffset]!;
  if (newMs > oldMs || isNewer) {
    to.numbers[row + lastTimeMs] = newMs;
    to.numbers[row + lastOffset] = from.numbers[fromRow + lastOffset]!;
    to.numbers[row + lastValue] = from.numbers[fromRow + lastValue]!;
  }
  mergeBuckets(panes.buckets, { words: from.words, row: fromRow }, { words: to.words, row });
}
