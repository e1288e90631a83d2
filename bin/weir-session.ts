import type { Recovery } from '../runtime/scoring.ts';
import { formatBytes, formatCount } from './format.ts';
import { remark } from './terminal.ts';

/** Says what opening a directory found of an earlier run, and whether there was one. */
export function tellRecovery(out: string, recovery: Recovery): boolean {
  const { checkpointOffset, logEndOffset, repairedBytes, recordedDecisions, damagedCheckpoints } = recovery;
  for (const { file, why } of damagedCheckpoints) remark(`passed over the damaged checkpoint ${file}: ${why}`);
  if (repairedBytes > 0) remark(`removed a record that a crash cut off in the log (${formatBytes(repairedBytes)})`);
  if (logEndOffset === 0) return false;
  remark(`resuming ${out}: checkpoint at offset ${formatCount(checkpointOffset)}, log to ${formatCount(logEndOffset)}`);
  if (recordedDecisions > 0) {
    remark(`adopting ${formatCount(recordedDecisions)} decisions that were made before the run stopped`);
  }
  return true;
}
