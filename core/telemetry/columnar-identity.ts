import { intervalsMax } from './coverage.ts';
import {
  type ColumnarTelemetryState,
  type OpenReadings,
  type OpenSegment,
  openSegmentBits,
  sensorNumber,
  sensorNumbers,
  sensorWord,
  sensorWords,
} from './columnar-state.ts';
import type { ReadingColumns } from './reading-columns.ts';

/**
 * What the shell found for a batch of readings that were accepted before the open cut: those of a row's sensor and time
 * are at `[first, end)` of the hashes.
 */
export type KnownReadings = {
  readonly first: Int32Array;
  readonly end: Int32Array;
  readonly idHash: readonly number[];
  readonly bodyHash: readonly number[];
};

/** Accepted readings, sorted by sensor, and of one sensor in order of arrival. */
export type SortedReadings = {
  readonly count: number;
  readonly sensor: Int32Array;
  readonly eventTimeMs: Float64Array;
  readonly idHash: Uint32Array;
  readonly bodyHash: Uint32Array;
};

/** What is known of a reading's identity. */
export const identities = { unknown: 0, same: 1, other: 2 } as const;

const slotMask = 2 ** openSegmentBits - 1;

/** True when a reading of that time may have been accepted: it lies where its sensor has sent. As `mayHold`. */
export function mayHoldRow({ sensors }: ColumnarTelemetryState, sensor: number, timeMs: number): boolean {
  const { numbers, words } = sensors;
  const at = sensor * sensorNumbers;
  if (timeMs > numbers[at + sensorNumber.newestMs]!) return false;
  const end = at + sensorNumber.coverage + words[sensor * sensorWords + sensorWord.intervals]! * 2;
  for (let place = at + sensorNumber.coverage; place < end; place += 2) {
    if (numbers[place]! <= timeMs && timeMs <= numbers[place + 1]!) return true;
  }
  return false;
}

/** Looks a row's identity up among the open cut's readings and what the shell found. */
export function identityOf(
  state: ColumnarTelemetryState,
  columns: ReadingColumns,
  row: number,
  known: KnownReadings,
): number {
  const sensor = columns.sensor[row]!;
  const timeMs = columns.eventTimeMs[row]!;
  if (!mayHoldRow(state, sensor, timeMs)) return identities.unknown;
  const idHash = columns.idHash[row]!;
  const bodyHash = columns.bodyHash[row]!;
  let number = state.sensors.words[sensor * sensorWords + sensorWord.lastReading]! - 1;
  while (number >= 0) {
    const segment = segmentOf(state.open, number);
    const slot = number & slotMask;
    // All before this one are older.
    if (segment.newestMs[slot]! < timeMs) break;
    if (segment.eventTimeMs[slot] === timeMs && segment.idHash[slot] === idHash) {
      return segment.bodyHash[slot] === bodyHash ? identities.same : identities.other;
    }
    number = segment.before[slot]! - 1;
  }
  for (let index = known.first[row]!; index < known.end[row]!; index++) {
    if (known.idHash[index] !== idHash) continue;
    return known.bodyHash[index] === bodyHash ? identities.same : identities.other;
  }
  return identities.unknown;
}

/** Remembers an accepted row until the open cut ends. */
export function rememberRow({ sensors, open }: ColumnarTelemetryState, columns: ReadingColumns, row: number): void {
  const number = open.count++;
  if (number >>> openSegmentBits === open.segments.length) open.segments.push(createSegment());
  const segment = segmentOf(open, number);
  const slot = number & slotMask;
  const sensor = columns.sensor[row]!;
  const timeMs = columns.eventTimeMs[row]!;
  const at = sensor * sensorWords + sensorWord.lastReading;
  const before = sensors.words[at]!;
  const newestMs = before === 0 ? timeMs : segmentOf(open, before - 1).newestMs[(before - 1) & slotMask]!;
  segment.before[slot] = before;
  segment.sensor[slot] = sensor;
  segment.eventTimeMs[slot] = timeMs;
  segment.newestMs[slot] = Math.max(newestMs, timeMs);
  segment.idHash[slot] = columns.idHash[row]!;
  segment.bodyHash[slot] = columns.bodyHash[row]!;
  sensors.words[at] = number + 1;
}

/** The identities of the open cut, sorted by sensor, in order of arrival for each; and forgets them: a new cut begins. */
export function takeOpenReadings({ sensors, open }: ColumnarTelemetryState): SortedReadings {
  const { count } = open;
  const rows = sensors.words.length / sensorWords;
  const starts = new Int32Array(rows + 1);
  for (let number = 0; number < count; number++) {
    starts[segmentOf(open, number).sensor[number & slotMask]! + 1]!++;
  }
  for (let row = 0; row < rows; row++) {
    starts[row + 1]! += starts[row]!;
    sensors.words[row * sensorWords + sensorWord.lastReading] = 0;
  }
  const taken = {
    count,
    sensor: new Int32Array(count),
    eventTimeMs: new Float64Array(count),
    idHash: new Uint32Array(count),
    bodyHash: new Uint32Array(count),
  };
  for (let number = 0; number < count; number++) {
    const segment = segmentOf(open, number);
    const slot = number & slotMask;
    const sensor = segment.sensor[slot]!;
    const place = starts[sensor]!++;
    taken.sensor[place] = sensor;
    taken.eventTimeMs[place] = segment.eventTimeMs[slot]!;
    taken.idHash[place] = segment.idHash[slot]!;
    taken.bodyHash[place] = segment.bodyHash[slot]!;
  }
  open.count = 0;
  return taken;
}

/** Notes an accepted reading in its sensor's intervals, as `cover` does, and its newest time. */
export function coverRow(
  { sensors }: ColumnarTelemetryState,
  sensor: number,
  reading: { readonly timeMs: number; readonly joinMs: number; readonly tooLateMs: number },
): void {
  const { numbers, words } = sensors;
  const { timeMs, joinMs } = reading;
  const at = sensor * sensorNumbers;
  const first = at + sensorNumber.coverage;
  const count = words[sensor * sensorWords + sensorWord.intervals]!;
  const last = first + count * 2 - 1;
  const newestMs = numbers[at + sensorNumber.newestMs]!;
  if (timeMs > newestMs) {
    numbers[at + sensorNumber.newestMs] = timeMs;
    if (count > 0 && timeMs - numbers[last]! <= joinMs) {
      numbers[last] = timeMs;
      return;
    }
  }
  for (let place = first; place < last; place += 2) {
    if (numbers[place]! <= timeMs && timeMs <= numbers[place + 1]!) return;
  }
  words[sensor * sensorWords + sensorWord.intervals] = coverAgain(numbers, { first, count, ...reading });
}

/** How far from an interval a reading may be and still join it, in expected intervals of the sensor, as in `coverage.ts`. */
export const joinIntervals = 4;

const scratch = new Float64Array((intervalsMax + 1) * 2);

/** Writes the intervals with a reading in them, and gives how many there are. */
function coverAgain(
  numbers: Float64Array,
  of: {
    readonly first: number;
    readonly count: number;
    readonly timeMs: number;
    readonly joinMs: number;
    readonly tooLateMs: number;
  },
): number {
  const { first, count, timeMs, joinMs, tooLateMs } = of;
  let startMs = timeMs;
  let endMs = timeMs;
  let kept = 0;
  let place = 0;
  for (let index = first; index < first + count * 2; index += 2) {
    const [fromMs, toMs] = [numbers[index]!, numbers[index + 1]!];
    if (toMs <= tooLateMs) continue;
    if (fromMs - timeMs > joinMs || timeMs - toMs > joinMs) {
      if (toMs < timeMs) place = kept + 1;
      scratch[kept * 2] = fromMs;
      scratch[kept * 2 + 1] = toMs;
      kept++;
    } else {
      startMs = Math.min(startMs, fromMs);
      endMs = Math.max(endMs, toMs);
    }
  }
  scratch.copyWithin(place * 2 + 2, place * 2, kept * 2);
  scratch[place * 2] = startMs;
  scratch[place * 2 + 1] = endMs;
  kept++;
  if (kept > intervalsMax) kept = mergeClosest(kept);
  numbers.set(scratch.subarray(0, kept * 2), first);
  return kept;
}

function mergeClosest(count: number): number {
  let closest = 1;
  for (let index = 2; index < count; index++) if (gapBefore(index) < gapBefore(closest)) closest = index;
  scratch[closest * 2 - 1] = scratch[closest * 2 + 1]!;
  scratch.copyWithin(closest * 2, closest * 2 + 2, count * 2);
  return count - 1;
}

function gapBefore(index: number): number {
  return scratch[index * 2]! - scratch[index * 2 - 1]!;
}

function segmentOf({ segments }: OpenReadings, number: number): OpenSegment {
  return segments[number >>> openSegmentBits]!;
}

function createSegment(): OpenSegment {
  const length = 2 ** openSegmentBits;
  return {
    before: new Int32Array(length),
    sensor: new Int32Array(length),
    eventTimeMs: new Float64Array(length),
    newestMs: new Float64Array(length),
    idHash: new Uint32Array(length),
    bodyHash: new Uint32Array(length),
  };
}
