import { join } from 'node:path';
import type { KnownReadings, SortedReadings } from '../../core/telemetry/columnar-identity.ts';
import type { ReadingColumns } from '../../core/telemetry/reading-columns.ts';
import { bytesOf, type CutFile, type CutFiles, openCutFiles } from './cut-files.ts';
import type { Disk } from './disk.ts';
import { afterRanges, holdsTime, lastEndMs, rangesOf } from './time-ranges.ts';

/** The identities of accepted readings, a file a cut, sorted by sensor. */
export type ReadingIndex = {
  /** Finds what was accepted of some rows' sensors at their times. */
  readonly find: (rows: readonly number[], columns: ReadingColumns) => KnownReadings;
  readonly write: (cut: { readonly startOffset: number; readonly endOffset: number }, readings: SortedReadings) => void;
  readonly removeFrom: (offset: number) => void;
  /** Deletes the files whose readings are all older. */
  readonly forgetBefore: (timeMs: number) => void;
};

const rangesAt = 0;
const limits = { cacheBytesMax: 64 * 2 ** 20, chunkReadings: 4096, stepMs: 1000, rangesMax: 64 };

/** Opens the index of an output directory. */
export function openReadingIndex(options: {
  readonly dir: string;
  readonly rowsMax: number;
  readonly disk: Disk;
}): ReadingIndex {
  const { dir, rowsMax, disk } = options;
  const { cacheBytesMax } = limits;
  const files = openCutFiles({ dir: join(dir, 'identities'), ending: 'ids', cacheBytesMax, disk });
  const first = new Int32Array(rowsMax);
  const end = new Int32Array(rowsMax);
  return {
    find: (rows, columns) => {
      first.fill(0);
      end.fill(0);
      const known = { first, end, idHash: new Array<number>(), bodyHash: new Array<number>() };
      for (const row of rows) {
        const wanted = { sensor: columns.sensor[row]!, timeMs: columns.eventTimeMs[row]! };
        first[row] = known.idHash.length;
        for (const file of files.list()) {
          if (holdsTime({ head: file.head, at: rangesAt }, wanted.timeMs)) findInFile(files, file, wanted, known);
        }
        end[row] = known.idHash.length;
      }
      return known;
    },
    write: (cut, readings) => {
      if (readings.count > 0) files.write({ ...cut, head: headOf(readings) }, chunksOf(readings));
    },
    removeFrom: (offset) => files.removeWhere(({ startOffset }) => startOffset >= offset),
    forgetBefore: (timeMs) => files.removeWhere(({ head }) => lastEndMs({ head, at: rangesAt }) <= timeMs),
  };
}

/** Which times the readings have, then the first sensor of each chunk. */
function headOf({ count, eventTimeMs, sensor }: SortedReadings): Float64Array {
  const ranges = rangesOf(eventTimeMs, limits);
  const firstSensors: number[] = [];
  for (let from = 0; from < count; from += limits.chunkReadings) firstSensors.push(sensor[from]!);
  return Float64Array.of(ranges.length, ...ranges, ...firstSensors);
}

// A chunk: | event times, f64 | sensors, i32 | identities, u32 | bodies, u32 |
const readingBytes = 20;

function chunksOf({ count, eventTimeMs, sensor, idHash, bodyHash }: SortedReadings): Uint8Array[][] {
  const chunks: Uint8Array[][] = [];
  for (let from = 0; from < count; from += limits.chunkReadings) {
    const to = Math.min(from + limits.chunkReadings, count);
    chunks.push([eventTimeMs, sensor, idHash, bodyHash].map((column) => bytesOf(column.subarray(from, to))));
  }
  return chunks;
}

function readingsOf(chunk: Uint8Array): SortedReadings {
  const count = chunk.length / readingBytes;
  return {
    count,
    eventTimeMs: new Float64Array(chunk.buffer, 0, count),
    sensor: new Int32Array(chunk.buffer, count * 8, count),
    idHash: new Uint32Array(chunk.buffer, count * 12, count),
    bodyHash: new Uint32Array(chunk.buffer, count * 16, count),
  };
}

type Wanted = { readonly sensor: number; readonly timeMs: number };
type Found = { readonly idHash: number[]; readonly bodyHash: number[] };

/** A sensor's readings lie in the chunk before the first one that begins with it, and in those that begin with it. */
function findInFile(files: CutFiles, file: CutFile, wanted: Wanted, found: Found): void {
  const firstSensors = file.head.subarray(afterRanges({ head: file.head, at: rangesAt }));
  const from = Math.max(0, lowerBound(firstSensors, wanted.sensor) - 1);
  for (let chunk = from; chunk < firstSensors.length && firstSensors[chunk]! <= wanted.sensor; chunk++) {
    findIn(readingsOf(files.chunkOf(file, chunk)), wanted, found);
  }
}

function findIn({ count, sensor, eventTimeMs, idHash, bodyHash }: SortedReadings, wanted: Wanted, found: Found): void {
  const low = lowerBound(sensor, wanted.sensor);
  for (let index = low; index < count && sensor[index] === wanted.sensor; index++) {
    if (eventTimeMs[index] !== wanted.timeMs) continue;
    found.idHash.push(idHash[index]!);
    found.bodyHash.push(bodyHash[index]!);
  }
}

/** The first place of a sorted column that is not below a value. */
function lowerBound(sorted: Int32Array | Float64Array, value: number): number {
  let low = 0;
  for (let high = sorted.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
