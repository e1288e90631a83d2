import { join } from 'node:path';
import type { KnownReadings, SortedReadings } from '../../core/telemetry/columnar-identity.ts';
import type { ReadingColumns } from '../../core/telemetry/reading-columns.ts';
import { bytesOf, openCutFiles } from './cut-files.ts';
import type { Disk } from './disk.ts';

/** The identities of accepted readings, a file a cut, sorted by sensor. */
export type ReadingIndex = {
  /** Finds what was accepted of some rows' sensors at their times. */
  readonly find: (rows: readonly number[], columns: ReadingColumns) => KnownReadings;
  readonly write: (cut: { readonly startOffset: number; readonly endOffset: number }, readings: SortedReadings) => void;
  readonly removeFrom: (offset: number) => void;
  /** Deletes the files whose readings are all older. */
  readonly forgetBefore: (timeMs: number) => void;
};

/** Bodies of at most so many cuts stay in memory. */
const bodiesMax = 8;

/** Opens the index of an output directory. */
export function openReadingIndex(options: {
  readonly dir: string;
  readonly rowsMax: number;
  readonly disk: Disk;
}): ReadingIndex {
  const { dir, rowsMax, disk } = options;
  const files = openCutFiles({ dir: join(dir, 'identities'), ending: 'ids', bodiesMax, disk });
  const first = new Int32Array(rowsMax);
  const end = new Int32Array(rowsMax);
  return {
    find: (rows, columns) => {
      first.fill(0);
      end.fill(0);
      const known = { first, end, idHash: new Array<number>(), bodyHash: new Array<number>() };
      if (rows.length === 0) return known;
      for (const row of rows) {
        const timeMs = columns.eventTimeMs[row]!;
        first[row] = known.idHash.length;
        for (const file of files.list()) {
          const [oldestMs = Infinity, newestMs = -Infinity] = file.head;
          if (oldestMs <= timeMs && timeMs <= newestMs) {
            findIn(readingsOf(files.bodyOf(file)), { sensor: columns.sensor[row]!, timeMs }, known);
          }
        }
        end[row] = known.idHash.length;
      }
      return known;
    },
    write: (cut, readings) => {
      if (readings.count === 0) return;
      const { eventTimeMs, sensor, idHash, bodyHash } = readings;
      let [oldestMs, newestMs] = [Infinity, -Infinity];
      for (const timeMs of eventTimeMs) {
        if (timeMs < oldestMs) oldestMs = timeMs;
        if (timeMs > newestMs) newestMs = timeMs;
      }
      const head = Float64Array.of(oldestMs, newestMs);
      files.write({ ...cut, head }, [eventTimeMs, sensor, idHash, bodyHash].map(bytesOf));
    },
    removeFrom: (offset) => files.removeWhere(({ startOffset }) => startOffset >= offset),
    forgetBefore: (timeMs) => files.removeWhere(({ head }) => head[1]! < timeMs),
  };
}

const readingBytes = 20;

function readingsOf(body: Uint8Array): SortedReadings {
  const count = body.length / readingBytes;
  return {
    count,
    eventTimeMs: new Float64Array(body.buffer, 0, count),
    sensor: new Int32Array(body.buffer, count * 8, count),
    idHash: new Uint32Array(body.buffer, count * 12, count),
    bodyHash: new Uint32Array(body.buffer, count * 16, count),
  };
}

function findIn(
  { count, sensor, eventTimeMs, idHash, bodyHash }: SortedReadings,
  wanted: { readonly sensor: number; readonly timeMs: number },
  known: { readonly idHash: number[]; readonly bodyHash: number[] },
): void {
  let low = 0;
  for (let high = count; low < high;) {
    const middle = (low + high) >>> 1;
    if (sensor[middle]! < wanted.sensor) low = middle + 1;
    else high = middle;
  }
  for (let index = low; index < count && sensor[index] === wanted.sensor; index++) {
    if (eventTimeMs[index] !== wanted.timeMs) continue;
    known.idHash.push(idHash[index]!);
    known.bodyHash.push(bodyHash[index]!);
  }
}
