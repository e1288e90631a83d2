import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory, offsetName } from '../adapters/files/durable-file.ts';
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
  /** The block and the row of it that hold the decision of an offset; null where none was kept. */
  readonly find: (offset: number) => { readonly block: DecisionBlock; readonly row: number } | null;
};

const journalTopic = 'weir.decisions.v2';

/** Opens the journal of the cut that begins at an offset, in a folder of its own. */
export function openColumnarJournal(dir: string, startOffset: number): ColumnarJournal {
  const folder = join(dir, offsetName(startOffset));
  const log = openSegmentLog({ dir: folder });
  return {
    keep: (bytes, firstOffset) => {
      log.append([{ topic: journalTopic, ingestTimeMs: 0, sourcePosition: firstOffset, bytes }]);
    },
    sync: () => log.sync(),
    syncSoon: () => log.syncSoon(),
    remove: () => {
      log.close();
      withPath(folder, () => rmSync(folder, { recursive: true, force: true }));
    },
    close: () => log.close(),
  };
}

/** Reads what the journals hold of records from an offset on; those of older cuts are in the lake, and go. */
export function readJournal(dir: string, fromOffset: number): RecordedDecisions {
  makeDirectory(dir);
  const names = withPath(dir, () => readdirSync(dir)).filter((name) => /^\d{16}$/.test(name));
  const blocks = names.sort().flatMap((name) => {
    const folder = join(dir, name);
    if (Number(name) >= fromOffset) return readBlocks(folder);
    withPath(folder, () => rmSync(folder, { recursive: true, force: true }));
    return [];
  });
  return recordedOf(blocks);
}

function readBlocks(dir: string): DecisionBlock[] {
  const log = openSegmentLog({ dir });
  const blocks = log.read({ fromOffset: 0, countMax: log.endOffset }).map(({ bytes }) => unpackDecisions(bytes));
  log.close();
  return blocks;
}

/** Finds decisions by offset, in blocks of rising offsets; of two of the same offset the first wins. */
function recordedOf(blocks: readonly DecisionBlock[]): RecordedDecisions {
  return {
    count: blocks.reduce((sum, { offset }) => sum + offset.length, 0),
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
