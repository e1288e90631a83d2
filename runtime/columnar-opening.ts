import { join } from 'node:path';
import { loadCheckpoint } from '../adapters/files/checkpoint-store.ts';
import { openKeyIndex } from '../adapters/files/key-index.ts';
import { openLake } from '../adapters/files/lake.ts';
import { acquireOwner, type Owner } from '../adapters/files/owner-lock.ts';
import { openSegmentLog, type SegmentLog } from '../adapters/files/segment-log.ts';
import { WeirError } from '../core/contract/failure.ts';
import type { ColumnarCheckpoint } from './cut-keeper.ts';
import { type RecordedDecisions, readJournal } from './columnar-journal.ts';
import type { Recovery } from './scoring.ts';

/** An output directory that this process owns, mended, with what its last checkpoint holds. */
export type OpenedOutput = {
  readonly owner: Owner;
  readonly log: SegmentLog;
  readonly fromOffset: number;
  /** Null before the first checkpoint. */
  readonly checkpoint: ColumnarCheckpoint | null;
  readonly recorded: RecordedDecisions;
  readonly recovery: Recovery;
};

/** Takes a directory over: its log, its newest checkpoint that verifies, and none of the cuts after that one. */
export function openOutput(dir: string): OpenedOutput {
  const owner = acquireOwner(dir);
  const log = openSegmentLog({ dir: join(dir, 'log') });
  const { checkpoint, skipped } = loadCheckpoint({ dir: join(dir, 'checkpoints') });
  const fromOffset = checkpoint?.offset ?? 0;
  openLake({ dir: join(dir, 'lake') }).removeFrom(fromOffset);
  openKeyIndex(join(dir, 'keys')).removeFrom(fromOffset);
  const recorded = readJournal(join(dir, 'journal'), fromOffset);
  return {
    owner,
    log,
    fromOffset,
    checkpoint: checkpoint === null ? null : columnarOf(dir, checkpoint.value),
    recorded,
    recovery: {
      checkpointOffset: fromOffset,
      logEndOffset: log.endOffset,
      repairedBytes: log.repairedBytes,
      recordedDecisions: recorded.count,
      damagedCheckpoints: skipped,
    },
  };
}

/** A checkpoint is its engine's own; behind its checksum it is what the engine wrote. */
function columnarOf(dir: string, value: unknown): ColumnarCheckpoint {
  if (typeof value === 'object' && value !== null && 'engine' in value && value.engine === 'columnar') {
    return value as ColumnarCheckpoint;
  }
  throw new WeirError({
    code: 'ENGINE_CHANGED',
    message: `${dir} was begun with the readable engine, expected the columnar one`,
    fix: 'Go on with --engine twin, or give the run a new --out.',
    facts: { dir },
  });
}
