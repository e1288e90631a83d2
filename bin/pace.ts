import { setTimeout as wait } from 'node:timers/promises';
import { breathe } from './tally.ts';

/** A chosen speed: small batches at their time for a rate, large ones one after the other for full speed. */
export function paceOf(
  rate: number | undefined,
  signal: AbortSignal,
): { readonly appendRecordsMax: number; readonly pace: (records: number) => Promise<void> } {
  if (rate === undefined) return { appendRecordsMax: 1000, pace: breathe };
  const startMs = performance.now();
  let appended = 0;
  return {
    appendRecordsMax: Math.min(1000, Math.max(1, Math.round(rate / 20))),
    pace: async (records) => {
      const dueMs = startMs + (appended / rate) * 1000;
      appended += records;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await wait(waitMs, undefined, { signal }).catch(() => undefined);
      else await breathe();
    },
  };
}
