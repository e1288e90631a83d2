import { type ByteList, reserveBytes, writeUint32 } from './parquet-bytes.ts';
import { appendRun, appendRuns } from './parquet-runs.ts';

/**
 * Appends what says which values are there: nothing in a column that always has one, otherwise a 0 for each null and a 1
 * for each value, all of them present where `levels` is null.
 */
export function appendLevels(page: ByteList, column: { nullable: boolean; levels: Uint8Array | null; count: number }) {
  const { nullable, levels, count } = column;
  if (!nullable) return;
  reserveBytes(page, 4);
  const start = page.length;
  page.length += 4;
  if (levels === null) appendRun(page, count, 1, 1);
  else appendRuns(page, { values: levels, count, bitWidth: 1 });
  writeUint32(page.bytes, start, page.length - start - 4);
}
