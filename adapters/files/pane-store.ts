import { join } from 'node:path';
import type { ColdPane, WantedPane } from '../../core/telemetry/columnar-cold-panes.ts';
import { tierLengthsMs } from '../../core/telemetry/columnar-panes.ts';
import { paneNumber, paneWidth, paneWord } from '../../core/telemetry/pane-columns.ts';
import { bytesOf, type CutFile, openCutFiles } from './cut-files.ts';
import type { Disk } from './disk.ts';

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

const bodiesMax = 8;

/** Opens the panes of an output directory. */
export function openPaneFiles({ dir, disk }: { readonly dir: string; readonly disk: Disk }): PaneFiles {
  const files = openCutFiles({ dir: join(dir, 'panes'), ending: 'panes', bodiesMax, disk });
  const findOne = (wanted: WantedPane): ColdPane | null => {
    for (const file of files.list()) {
      if (!mayHold(file, wanted)) continue;
      const found = findIn(files.bodyOf(file), file, wanted.key);
      if (found !== null) return found;
    }
    return null;
  };
  return {
    find: (wanted) => [...wanted].map(findOne).filter((pane) => pane !== null),
    write: (cut, panes) => {
      if (panes.length === 0) return;
      files.write({ ...cut, head: headOf(panes) }, bodyOf(panes));
    },
    removeFrom: (offset) => files.removeWhere(({ startOffset }) => startOffset >= offset),
    forgetBefore: (timeMs) => files.removeWhere(({ head }) => lastEndMs(head) < timeMs),
  };
}

/** The number of panes, then the first and the last start of each tier. */
function headOf(panes: readonly ColdPane[]): Float64Array {
  const head = new Float64Array(1 + tierLengthsMs.length * 2);
  head[0] = panes.length;
  for (let tier = 0; tier < tierLengthsMs.length; tier++) {
    head[1 + tier * 2] = Infinity;
    head[2 + tier * 2] = -Infinity;
  }
  for (const { numbers, words } of panes) {
    const at = 1 + words[paneWord.tier]! * 2;
    const startMs = numbers[paneNumber.startMs]!;
    head[at] = Math.min(head[at]!, startMs);
    head[at + 1] = Math.max(head[at + 1]!, startMs);
  }
  return head;
}

function mayHold({ head }: CutFile, { tier, startMs }: WantedPane): boolean {
  return head[1 + tier * 2]! <= startMs && startMs <= head[2 + tier * 2]!;
}

function lastEndMs(head: Float64Array): number {
  return tierLengthsMs.reduce((lastMs, lengthMs, tier) => Math.max(lastMs, head[2 + tier * 2]! + lengthMs), -Infinity);
}

// | keys, f64 each | numbers, f64 each pane | words, i32 each pane | where each pane's buckets end, u32 | buckets, i32 |
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
  return [keys, numbers, words, ends, buckets].map(bytesOf);
}

function findIn({ buffer }: Uint8Array, { head }: CutFile, key: number): ColdPane | null {
  const count = head[0]!;
  const keys = new Float64Array(buffer, 0, count);
  let low = 0;
  for (let high = count; low < high;) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  if (keys[low] !== key) return null;
  const wordsAt = count * 8 * (1 + paneWidth);
  const endsAt = wordsAt + count * 4 * paneWidth;
  const ends = new Uint32Array(buffer, endsAt, count);
  const start = low === 0 ? 0 : ends[low - 1]!;
  return {
    key,
    numbers: new Float64Array(buffer, count * 8 + low * paneWidth * 8, paneWidth),
    words: new Int32Array(buffer, wordsAt + low * paneWidth * 4, paneWidth),
    buckets: new Int32Array(buffer, endsAt + count * 4 + start * 4, ends[low]! - start),
  };
}
