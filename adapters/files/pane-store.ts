import { join } from 'node:path';
import type { ColdPane, WantedPane } from '../../core/telemetry/columnar-cold-panes.ts';
import { tierLengthsMs } from '../../core/telemetry/columnar-panes.ts';
import { paneNumber, paneWidth, paneWord } from '../../core/telemetry/pane-columns.ts';
import { bytesOf, type CutFile, type CutFiles, openCutFiles } from './cut-files.ts';
import type { Disk } from './disk.ts';
import { afterRanges, holdsTime, lastEndMs, rangesOf } from './time-ranges.ts';

/** Panes that ended and left memory, a file a cut, sorted by key; the newest one of a key counts. */
export type PaneFiles = {
  readonly find: (wanted: Iterable<WantedPane>) => ColdPane[];
  /** Takes panes sorted by key. */
  readonly write: (
    cut: { readonly startOffset: number; readonly endOffset: number },
    panes: readonly ColdPane[],
  ) => void;
  readonly removeFrom: (offset: number) => void;
  /** Deletes the files whose panes all ended before. */
  readonly forgetBefore: (timeMs: number) => void;
};

const limits = { cacheBytesMax: 64 * 2 ** 20, chunkPanes: 256, rangesMax: 64 };

/** Opens the panes of an output directory. */
export function openPaneFiles({ dir, disk }: { readonly dir: string; readonly disk: Disk }): PaneFiles {
  const { cacheBytesMax } = limits;
  const files = openCutFiles({ dir: join(dir, 'panes'), ending: 'panes', cacheBytesMax, disk });
  const findOne = (wanted: WantedPane): ColdPane | null => {
    for (const file of files.list()) {
      if (!holdsTime({ head: file.head, at: rangesAt(file.head, wanted.tier) }, wanted.startMs)) continue;
      const found = findInFile(files, file, wanted.key);
      if (found !== null) return found;
    }
    return null;
  };
  return {
    find: (wanted) => [...wanted].map(findOne).filter((pane) => pane !== null),
    write: (cut, panes) => {
      if (panes.length === 0) return;
      const chunks = chunksOf(panes);
      files.write({ ...cut, head: headOf(panes, chunks) }, chunks.map(bodyOf));
    },
    removeFrom: (offset) => files.removeWhere(({ startOffset }) => startOffset >= offset),
    forgetBefore: (timeMs) => files.removeWhere(({ head }) => lastPaneEndMs(head) < timeMs),
  };
}

function chunksOf(panes: readonly ColdPane[]): ColdPane[][] {
  const chunks: ColdPane[][] = [];
  for (let from = 0; from < panes.length; from += limits.chunkPanes) {
    chunks.push(panes.slice(from, from + limits.chunkPanes));
  }
  return chunks;
}

/** When the panes of each tier are, then the first key of each chunk. */
function headOf(panes: readonly ColdPane[], chunks: readonly (readonly ColdPane[])[]): Float64Array {
  const starts: number[][] = tierLengthsMs.map(() => []);
  for (const { numbers, words } of panes) starts[words[paneWord.tier]!]!.push(numbers[paneNumber.startMs]!);
  const ranges = starts.map((startsMs, tier) => {
    const covered = rangesOf(startsMs, { stepMs: tierLengthsMs[tier]!, rangesMax: limits.rangesMax });
    return [covered.length, ...covered];
  });
  return Float64Array.of(...ranges.flat(), ...chunks.map(([first]) => first!.key));
}

/** Where in a head the ranges of a tier begin. */
function rangesAt(head: Float64Array, tier: number): number {
  let at = 0;
  for (let before = 0; before < tier; before++) at = afterRanges({ head, at });
  return at;
}

function lastPaneEndMs(head: Float64Array): number {
  return Math.max(...tierLengthsMs.map((_, tier) => lastEndMs({ head, at: rangesAt(head, tier) })));
}

function findInFile(files: CutFiles, file: CutFile, key: number): ColdPane | null {
  const firstKeys = file.head.subarray(rangesAt(file.head, tierLengthsMs.length));
  const chunk = upperBound(firstKeys, key) - 1;
  return chunk < 0 ? null : findIn(files.chunkOf(file, chunk), key);
}

/** The first place of a sorted column that is above a value. */
function upperBound(sorted: Float64Array, value: number): number {
  let low = 0;
  for (let high = sorted.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// A chunk: | panes, f64 | keys, f64 each | numbers, f64 each pane | words, i32 each pane | where each pane's buckets end, u32 | buckets, i32 |
function bodyOf(panes: readonly ColdPane[]): Uint8Array[] {
  const keys = new Float64Array(panes.length);
  const numbers = new Float64Array(panes.length * paneWidth);
  const words = new Int32Array(panes.length * paneWidth);
  const ends = new Uint32Array(panes.length);
  let end = 0;
  for (const [index, pane] of panes.entries()) {
    keys[index] = pane.key;
    numbers.set(pane.numbers, index * paneWidth);
    words.set(pane.words, index * paneWidth);
    ends[index] = end += pane.buckets.length;
  }
  const buckets = new Int32Array(end);
  for (const [index, pane] of panes.entries()) buckets.set(pane.buckets, index === 0 ? 0 : ends[index - 1]!);
  return [Float64Array.of(panes.length), keys, numbers, words, ends, buckets].map(bytesOf);
}

function findIn({ buffer }: Uint8Array, key: number): ColdPane | null {
  const count = new Float64Array(buffer, 0, 1)[0]!;
  const keys = new Float64Array(buffer, 8, count);
  const index = upperBound(keys, key) - 1;
  if (index < 0 || keys[index] !== key) return null;
  const numbersAt = 8 + count * 8;
  const wordsAt = numbersAt + count * 8 * paneWidth;
  const endsAt = wordsAt + count * 4 * paneWidth;
  const ends = new Uint32Array(buffer, endsAt, count);
  const start = index === 0 ? 0 : ends[index - 1]!;
  return {
    key,
    numbers: new Float64Array(buffer, numbersAt + index * paneWidth * 8, paneWidth),
    words: new Int32Array(buffer, wordsAt + index * paneWidth * 4, paneWidth),
    buckets: new Int32Array(buffer, endsAt + count * 4 + start * 4, ends[index]! - start),
  };
}
