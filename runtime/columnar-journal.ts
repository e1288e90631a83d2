import { openSegmentLog } from '../adapters/files/segment-log.ts';
import { type DecisionBlock, unpackDecisions } from '../core/sinks/decision-block.ts';

/** The decisions since the last cut in blocks, kept before anything derives from them. */
export type ColumnarJournal = {
  /** Appends a batch's decisions; they are durable after `sync`. */
  readonly keep: (block: Uint8Array, firstOffset: number) => void;
  readonly sync: () => void;
  /** As `sync`, without waiting for the disk. */
  readonly syncSoon: () => Promise<void>;
  /** The cut has been written: they are in the lake. */
  readonly clear: () => void;
  readonly close: () => void;
};

/** Decisions that a crash left, to be adopted and never made again. */
export type RecordedDecisions = {
  readonly count: number;
  /** The block and the row of it that hold the decision of an offset; null where none was kept. */
  readonly find: (offset: number) => { readonly block: DecisionBlock; readonly row: number } | null;
};

const journalTopic = 'weir.decisions.v2';

/** Opens the journal for writing. */
export function openColumnarJournal(dir: string): ColumnarJournal {
  const log = openSegmentLog({ dir });
  return {
    keep: (bytes, firstOffset) => {
      log.append([{ topic: journalTopic, ingestTimeMs: 0, sourcePosition: firstOffset, bytes }]);
    },
    sync: () => log.sync(),
    syncSoon: () => log.syncSoon(),
    clear: () => log.clear(),
    close: () => log.close(),
  };
}

/** Reads what a journal holds of records from an offset on; older ones are in the lake already. */
export function readJournal(dir: string, fromOffset: number): RecordedDecisions {
  const log = openSegmentLog({ dir });
  const blocks = log
    .read({ fromOffset: 0, countMax: log.endOffset })
    .map(({ bytes }) => unpackDecisions(bytes))
    .filter(({ offset }) => (offset.at(-1) ?? -1) >= fromOffset);
  log.close();
  return recordedOf(blocks);
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
