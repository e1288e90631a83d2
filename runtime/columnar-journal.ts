import { join } from 'node:path';
import { type Disk, realDisk } from '../adapters/files/disk.ts';
import { makeDirectory, offsetName, removeTree } from '../adapters/files/durable-file.ts';
import { withPath } from '../adapters/files/failure.ts';
import { openSegmentLog } from '../adapters/files/segment-log.ts';
import { type DecisionBlock, unpackDecisions } from '../core/sinks/decision-block.ts';

/** The decisions of one cut in blocks, kept before anything derives from them. */
export type ColumnarJournal = {
  /** Appends a batch's decisions; they are durable after `sync`. */
  readonly keep: (block: Uint8Array, firstOffset: number) => void;
  readonly sync: () => void;
  /** As `sync`, without waiting for the disk. */
  readonly syncSoon: () => Promise<void>;
  /** The cut has been kept: its decisions are in the lake. */
  readonly remove: () => void;
  readonly close: () => void;
};

/** Decisions that a crash left, to be adopted and never made again. */
export type RecordedDecisions = {
  readonly count: number;
  /** The offset after the last of them, 0 when there are none. */
  readonly endOffset: number;
  /** The block and the row of it that hold the decision of an offset; null where none was kept. */
  readonly find: (offset: number) => { readonly block: DecisionBlock; readonly row: number } | null;
};

const journalTopic = 'weir.decisions.v2';

/** Opens the journal of the cut that begins at an offset, in a folder of its own. */
export function openColumnarJournal(dir: string, startOffset: number, disk: Disk = realDisk): ColumnarJournal {
  const folder = join(dir, offsetName(startOffset));
  const log = openSegmentLog({ dir: folder, disk });
  return {
    keep: (bytes, firstOffset) => {
      log.append([{ topic: journalTopic, ingestTimeMs: 0, sourcePosition: firstOffset, bytes }]);
    },
    sync: () => log.sync(),
    syncSoon: () => log.syncSoon(),
    remove: () => {
      log.close();
      withPath(folder, () => removeTree(disk, folder));
    },
    close: () => log.close(),
  };
}

/**
 * Removes the blocks of a crash's last batches whose records the log does not have, for good: log and journal are made
 * durable together, and other records will come at those offsets. Nobody was told of them.
 */
export function cutJournals(dir: string, logEndOffset: number, disk: Disk = realDisk): void {
  makeDirectory(disk, dir);
  for (const name of journalsIn(dir, disk)) {
    const log = openSegmentLog({ dir: join(dir, name), disk });
    const blocks = log.read({ fromOffset: 0, countMax: log.endOffset }).map(({ bytes }) => unpackDecisions(bytes));
    const first = blocks.findIndex(({ offset }) => (offset.at(-1) ?? -1) >= logEndOffset);
    if (first >= 0) log.truncateFrom(first);
    log.close();
  }
}

function journalsIn(dir: string, disk: Disk): string[] {
  const folders = withPath(dir, () => disk.list(dir)).map(({ name }) => name);
  return folders.filter((name) => /^\d{16}$/.test(name)).sort();
}

/**
 * Reads what the journals hold of records from an offset on; a journal that holds older ones alone is in the lake, and goes.
 * One that was begun before may reach beyond: a run that goes on after a crash can be stopped before it has taken all again.
 */
export function readJournal(dir: string, fromOffset: number, disk: Disk = realDisk): RecordedDecisions {
  makeDirectory(disk, dir);
  const blocks = journalsIn(dir, disk).flatMap((name) => {
    const folder = join(dir, name);
    const blocks = readBlocks(disk, folder).filter(({ offset }) => (offset.at(-1) ?? -1) >= fromOffset);
    if (Number(name) < fromOffset && blocks.length === 0) withPath(folder, () => removeTree(disk, folder));
    return blocks;
  });
  return recordedOf(blocks);
}

function readBlocks(disk: Disk, dir: string): DecisionBlock[] {
  const log = openSegmentLog({ dir, disk });
  const blocks = log.read({ fromOffset: 0, countMax: log.endOffset }).map(({ bytes }) => unpackDecisions(bytes));
  log.close();
  return blocks;
}

/** Finds decisions by offset, in blocks of rising offsets; of two of the same offset the first wins. */
function recordedOf(blocks: readonly DecisionBlock[]): RecordedDecisions {
  return {
    count: blocks.reduce((sum, { offset }) => sum + offset.length, 0),
    endOffset: Math.max(0, ...blocks.map(({ offset }) => (offset.at(-1) ?? -1) + 1)),
    find: (offset) => {
      for (const block of blocks) {
        if ((block.offset.at(-1) ?? -1) < offset) continue;
        const row = placeOf(block.offset, offset);
        if (row >= 0) return { block, row };
      }
      return null;
    },
  };
}

/** Where a number stands in rising ones; -1 when it is not there. */
function placeOf(rising: Float64Array, wanted: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return rising[low] === wanted ? low : -1;
}
