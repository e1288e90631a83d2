import type { KeyColumns } from '../adapters/files/key-index.ts';
import { countAt, type EventColumns } from '../core/decode/event-columns.ts';
import { notAccepted } from '../core/steps/columnar-front.ts';

/** The accepted ids of the open cut, on their way to the index. */
export type KeyCollector = {
  /** Adds the ids of a batch's accepted rows. */
  readonly add: (columns: EventColumns) => void;
  /** Gives what was added, in arrays of its own, and begins the next cut. */
  readonly take: () => KeyColumns;
};

const segmentIds = 2 ** 16;

/** Collects ids in segments of 65,536, four words each: 64 bits of the id hash, 64 of the body hash. */
export function createKeyCollector(): KeyCollector {
  const words: Uint32Array[] = [];
  const offsets: Float64Array[] = [];
  let count = 0;
  return {
    add: ({ counts, lateness, firstOffset, idHash, bodyHash }) => {
      const rows = counts[countAt.rows]!;
      for (let row = 0; row < rows; row++) {
        if (lateness[row] === notAccepted) continue;
        const slot = count % segmentIds;
        const segment = Math.floor(count / segmentIds);
        const into = (words[segment] ??= new Uint32Array(segmentIds * 4));
        const offsetsInto = (offsets[segment] ??= new Float64Array(segmentIds));
        into[slot * 4] = idHash[row * 4]!;
        into[slot * 4 + 1] = idHash[row * 4 + 1]!;
        into[slot * 4 + 2] = bodyHash[row * 8]!;
        into[slot * 4 + 3] = bodyHash[row * 8 + 1]!;
        offsetsInto[slot] = firstOffset[0]! + row;
        count++;
      }
    },
    take: () => {
      const keys = { count, words: new Uint32Array(count * 4), offset: new Float64Array(count) };
      for (let start = 0; start < count; start += segmentIds) {
        const segment = start / segmentIds;
        const used = Math.min(segmentIds, count - start);
        keys.words.set(words[segment]!.subarray(0, used * 4), start * 4);
        keys.offset.set(offsets[segment]!.subarray(0, used), start);
      }
      count = 0;
      return keys;
    },
  };
}
