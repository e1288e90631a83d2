import { join } from 'node:path';
import { loadCheckpoint, saveCheckpoint } from '../adapters/files/checkpoint-store.ts';
import { acquireOwner } from '../adapters/files/owner-lock.ts';
import { openSegmentLog, type SegmentLog } from '../adapters/files/segment-log.ts';
import { arrive, compact, createState, lookupsOf, packState, step, unpackState } from '../core/pipeline.ts';
import type { Weir, WeirState } from '../core/pipeline.ts';
import { hashPlan } from '../core/features/plan.ts';
import type { Saved } from './embedded.ts';
import { openJournal } from './journal.ts';
import { type Rebuilding, unfinished } from './rebuild.ts';

/** `rebuildColumnar` for the readable engine. */
export async function rebuildTwin({ dir, weir, onProgress }: Rebuilding & { readonly weir: Weir }): Promise<number> {
  const owner = acquireOwner(dir);
  const log = openSegmentLog({ dir: join(dir, 'log') });
  try {
    const checkpoints = join(dir, 'checkpoints');
    const { checkpoint } = loadCheckpoint({ dir: checkpoints });
    const offset = checkpoint?.offset ?? 0;
    const journal = openJournal(join(dir, 'journal'), offset);
    const decided = journal.recordedCount();
    journal.close();
    if (decided > 0) throw unfinished(dir, decided);
    if (checkpoint === null) return 0;
    // The value is what the engine saved, behind a checksum.
    const saved = checkpoint.value as Saved;
    const replayed = await replay(weir, log, { untilOffset: offset, onProgress });
    const state = { ...replayed, ledger: unpackState(saved.state).ledger };
    const definition = hashPlan(weir.features.plan);
    const value: Saved = { definition, state: packState(state), counts: saved.counts };
    owner.assertOwner();
    saveCheckpoint({ dir: checkpoints, offset, epoch: owner.epoch, value });
    return offset;
  } finally {
    log.close();
    owner.release();
  }
}

const batchRecordsMax = 1000;

async function replay(
  weir: Weir,
  log: SegmentLog,
  { untilOffset, onProgress }: { readonly untilOffset: number; readonly onProgress: Rebuilding['onProgress'] },
): Promise<WeirState> {
  const state = createState(weir);
  const accepted = new Map<string, string>();
  for (let offset = 0; offset < untilOffset;) {
    const records = log.read({ fromOffset: offset, countMax: Math.min(batchRecordsMax, untilOffset - offset) });
    const arrivals = records.map(arrive);
    const known = new Map<string, string>();
    for (const idHash of arrivals.flatMap(lookupsOf)) {
      const bodyHash = accepted.get(idHash);
      if (bodyHash !== undefined) known.set(idHash, bodyHash);
    }
    const { acceptedKeys } = step(weir, state, { arrivals, known, recorded: new Map() });
    for (const { idHash, bodyHash } of acceptedKeys) accepted.set(idHash, bodyHash);
    offset += records.length;
    await onProgress?.({ offset, untilOffset });
  }
  compact(weir, state);
  return state;
}
