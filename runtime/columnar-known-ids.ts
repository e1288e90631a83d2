import { type Disk, realDisk } from '../adapters/files/disk.ts';
import { openKeyIndex } from '../adapters/files/key-index.ts';
import { contractNumbers, countAt, type EventColumns, noContract } from '../core/decode/event-columns.ts';
import { hexOfWords } from '../core/decode/hash-words.ts';
import type { KnownRows } from '../core/steps/columnar-admission.ts';
import { createIdFilter } from './id-filter.ts';

/** The ids of committed cuts, for a batch of columns: a filter in memory before the sorted files on disk. */
export type ColumnarKnownIds = {
  /**
   * Looks the rows' ids, and those of the authorizations that disputes refer to, up in the index. `isRemembered` tells those
   * that the core knows itself, which need no disk.
   */
  readonly lookUp: (columns: EventColumns, isRemembered: (words: Uint32Array, at: number) => boolean) => KnownRows;
  /** Adds the ids of the rows that were accepted. */
  readonly add: (columns: EventColumns, isAccepted: (row: number) => boolean) => void;
  /** Looks for index files that were written since. */
  readonly refresh: () => void;
};

const dispute = contractNumbers['payments.dispute.v1'];

/** Opens the memory of ids over the index files in a directory. */
export function openColumnarKnownIds(dir: string, rowsMax: number, disk: Disk = realDisk): ColumnarKnownIds {
  const index = openKeyIndex(dir, disk);
  const filter = createIdFilter();
  index.eachIdWords(filter.addWords);
  const known: KnownRows = {
    isKnown: new Uint8Array(rowsMax),
    bodyHash: new Uint32Array(rowsMax * 2),
    isTargetKnown: new Uint8Array(rowsMax),
  };
  const find = (words: Uint32Array, at: number): string | undefined =>
    index.find(hexOfWords({ words, at, count: 2 }))?.bodyHashPrefix;

  function lookUpRow(columns: EventColumns, row: number): void {
    const bodyHash = find(columns.idHash, row * 4);
    if (bodyHash === undefined) return;
    known.isKnown[row] = 1;
    known.bodyHash[row * 2] = Number.parseInt(bodyHash.slice(0, 8), 16);
    known.bodyHash[row * 2 + 1] = Number.parseInt(bodyHash.slice(8, 16), 16);
  }

  return {
    lookUp: (columns, isRemembered) => {
      const rows = columns.counts[countAt.rows]!;
      const { contract, idHash, targetHash } = columns;
      known.isKnown.fill(0, 0, rows);
      known.isTargetKnown.fill(0, 0, rows);
      for (let row = 0; row < rows; row++) {
        if (contract[row] === noContract) continue;
        const at = row * 4;
        if (filter.mightHoldWords(idHash, at) && !isRemembered(idHash, at)) lookUpRow(columns, row);
        if (contract[row] !== dispute || !filter.mightHoldWords(targetHash, at)) continue;
        if (!isRemembered(targetHash, at) && find(targetHash, at) !== undefined) known.isTargetKnown[row] = 1;
      }
      return known;
    },
    add: (columns, isAccepted) => {
      const rows = columns.counts[countAt.rows]!;
      for (let row = 0; row < rows; row++) if (isAccepted(row)) filter.addWords(columns.idHash, row * 4);
    },
    refresh: index.refresh,
  };
}
