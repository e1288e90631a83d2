import { type Disk, realDisk } from '../adapters/files/disk.ts';
import { openSegmentLog } from '../adapters/files/segment-log.ts';
import { decisionContract } from '../core/contract/decision.ts';
import type { Decision } from '../core/score/decision.ts';

/** The decisions since the last cut, kept before anything derives from them. */
export type Journal = {
  /** Those that a crash left for the records `[fromOffset, fromOffset + count)`: the first decision wins. */
  readonly recorded: (fromOffset: number, count: number) => ReadonlyMap<number, Decision>;
  readonly recordedCount: () => number;
  /** Makes decisions durable. */
  readonly keep: (decisions: readonly Decision[]) => void;
  /**
   * A cut has been written up to an offset: the decisions before it are in the lake. As long as a crash left decisions after
   * it, all stay, as those are still to be adopted.
   */
  readonly clear: (endOffset: number) => void;
  readonly close: () => void;
};

/** Opens the journal; decisions of records before `fromOffset` are in the lake already and are passed over. */
export function openJournal(dir: string, fromOffset: number, disk: Disk = realDisk): Journal {
  const log = openSegmentLog({ dir, disk });
  const byOffset = new Map<number, Decision>();
  let recordedEndOffset = 0;
  for (const record of log.read({ fromOffset: 0, countMax: log.endOffset })) {
    const decision = decisionContract.schema.parse(JSON.parse(Buffer.from(record.bytes).toString('utf8')));
    recordedEndOffset = Math.max(recordedEndOffset, decision.offset + 1);
    if (decision.offset >= fromOffset && !byOffset.has(decision.offset)) byOffset.set(decision.offset, decision);
  }
  return {
    recorded: (from, count) => {
      const found = new Map<number, Decision>();
      if (byOffset.size === 0) return found;
      for (let offset = from; offset < from + count; offset++) {
        const decision = byOffset.get(offset);
        if (decision !== undefined) found.set(offset, decision);
      }
      return found;
    },
    recordedCount: () => byOffset.size,
    keep: (decisions) => {
      if (decisions.length === 0) return;
      log.append(
        decisions.map((decision) => ({
          topic: decisionContract.topic,
          ingestTimeMs: decision.eventTimeMs,
          sourcePosition: decision.offset,
          bytes: Buffer.from(JSON.stringify(decision)),
        })),
      );
      log.sync();
    },
    clear: (endOffset) => {
      if (recordedEndOffset > endOffset) return;
      log.clear();
      byOffset.clear();
    },
    close: () => log.close(),
  };
}
