import type { SourceItem } from '../adapters/files/source.ts';

/** A reading of a file, and when it counts as taken. */
export type TimedItem = SourceItem & { readonly ingestTimeMs: number };

/**
 * Says when the readings of a file count as taken, which it does not say: when they were measured, or when the one before
 * was. What it says depends on the readings alone, not on how they come in batches.
 */
export type ReadingClock = {
  /** Takes the next readings and gives those whose time is known; the last one may have to wait for the next. */
  readonly take: (items: readonly SourceItem[]) => readonly TimedItem[];
  /** Nothing comes any more: gives what has waited. */
  readonly end: () => readonly TimedItem[];
  /** When the last reading was taken. */
  readonly nowMs: () => number;
};

type Waiting = SourceItem & { readonly timeMs: number | null };

/** A clock before the first reading. */
export function createReadingClock(): ReadingClock {
  let nowMs = 0;
  let waiting: readonly Waiting[] = [];
  const isAhead = ({ timeMs }: Waiting): boolean => nowMs > 0 && timeMs !== null && timeMs > nowMs + jumpMsMax;
  const settle = ({ timeMs, ...item }: Waiting, isWrong: boolean): TimedItem => {
    if (timeMs !== null && !isWrong) nowMs = Math.max(nowMs, timeMs);
    return { ...item, ingestTimeMs: nowMs };
  };
  return {
    take: (items) => {
      const all = [...waiting, ...items.map((item) => ({ ...item, timeMs: timeOf(item.bytes) }))];
      waiting = [];
      const timed: TimedItem[] = [];
      for (const [index, item] of all.entries()) {
        const next = all[index + 1];
        if (next === undefined && isAhead(item)) waiting = [item];
        else timed.push(settle(item, isWrongBefore(item, next, isAhead)));
      }
      return timed;
    },
    end: () => waiting.map((item) => settle(item, false)),
    nowMs: () => nowMs,
  };
}

/** The batches of a file with their times. */
export async function* timeReadings(
  batches: AsyncIterable<readonly SourceItem[]>,
  clock: ReadingClock,
): AsyncGenerator<readonly TimedItem[]> {
  for await (const items of batches) yield clock.take(items);
  yield clock.end();
}

const jumpMsMax = 600_000;

/** Where a reading is far ahead of those before it, the next one tells whether that was a pause, or a clock that is wrong. */
function isWrongBefore(item: Waiting, next: Waiting | undefined, isAhead: (item: Waiting) => boolean): boolean {
  return next !== undefined && next.timeMs !== null && isAhead(item) && !isAhead(next);
}

/** Of a reading no more is read than its time. */
function timeOf(bytes: Uint8Array): number | null {
  const found = /"eventTimeMs":\s?(\d{1,15})/.exec(Buffer.from(bytes).toString('latin1'))?.[1];
  return found === undefined ? null : Number(found);
}
