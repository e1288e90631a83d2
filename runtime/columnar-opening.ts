import { join } from 'node:path';
import { loadCheckpoint } from '../adapters/files/checkpoint-store.ts';
import { realDisk } from '../adapters/files/disk.ts';
import { openKeyIndex } from '../adapters/files/key-index.ts';
import { openLake } from '../adapters/files/lake.ts';
import { acquireOwner, type Owner, type OwnerOptions } from '../adapters/files/owner-lock.ts';
import { openSegmentLog, type SegmentLog } from '../adapters/files/segment-log.ts';
import { WeirError } from '../core/contract/failure.ts';
import { type ColumnarCheckpoint, noParts, type PartLists } from './cut-keeper.ts';
import { runChanged } from './manifest.ts';
import type { Counts } from '../core/sinks/effects.ts';
import { cutJournals, type RecordedDecisions, readJournal } from './columnar-journal.ts';
import type { Recovery } from './scoring.ts';
import { type HalfName, type LoadedHalf, loadHalf } from './state-part.ts';

/** An output directory that this process owns, mended, with what its last checkpoint holds. */
export type OpenedOutput = {
  readonly owner: Owner;
  readonly log: SegmentLog;
  readonly fromOffset: number;
  /** What the checkpoint held of each half; null before the first one. */
  readonly halves: LoadedHalves | null;
  readonly parts: PartLists;
  readonly counts: Counts;
  readonly recorded: RecordedDecisions;
  readonly recovery: Recovery;
};

export type LoadedHalves = Readonly<Record<HalfName, LoadedHalf>>;

/**
 * Takes a directory over: its log, its newest checkpoint that verifies, and none of the cuts after that one. Throws
 * `RUN_CHANGED` when that checkpoint is of another definition than the one that is expected, by its hash.
 */
export function openOutput(
  dir: string,
  place: OwnerOptions & { readonly definition?: string | undefined } = {},
): OpenedOutput {
  const { disk = realDisk, definition } = place;
  const owner = acquireOwner(dir, place);
  const log = openSegmentLog({ dir: join(dir, 'log'), disk });
  const checkpoints = join(dir, 'checkpoints');
  let halves: LoadedHalves | null = null;
  const { checkpoint, skipped } = loadCheckpoint({
    dir: checkpoints,
    disk,
    damageOf: (value) => {
      const { parts } = columnarOf(dir, value);
      const front = loadHalf({ dir: checkpoints, parts: parts.front, disk });
      if ('why' in front) return front;
      const back = loadHalf({ dir: checkpoints, parts: parts.back, disk });
      if ('why' in back) return back;
      halves = { front, back };
      return null;
    },
  });
  const saved = checkpoint === null ? null : columnarOf(dir, checkpoint.value);
  if (saved !== null && definition !== undefined && saved.definition !== definition) {
    log.close();
    owner.release();
    throw runChanged(dir, [`its checkpoint was written by another definition, ${saved.definition.slice(0, 12)}`]);
  }
  const fromOffset = checkpoint?.offset ?? 0;
  openLake({ dir: join(dir, 'lake'), disk }).removeFrom(fromOffset);
  openKeyIndex(join(dir, 'keys'), disk).removeFrom(fromOffset);
  cutJournals(join(dir, 'journal'), log.endOffset, disk);
  const recorded = readJournal(join(dir, 'journal'), fromOffset, disk);
  return {
    owner,
    log,
    fromOffset,
    halves,
    parts: saved?.parts ?? noParts,
    counts: saved?.counts ?? new Map(),
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
