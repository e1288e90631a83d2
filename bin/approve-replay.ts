import { WeirError } from '../core/contract/failure.ts';
import { assemble } from '../runtime/assemble.ts';
import { type Promotion, promoteReplay, type PromotionStep } from '../runtime/promote-replay.ts';
import { readPromotion } from '../runtime/promotion-mark.ts';
import { runShadow } from '../runtime/replay.ts';
import { type ReplayRecord, shadowOf } from '../runtime/replay-state.ts';
import { openScoring } from './engine-options.ts';
import { requireRun } from './output-directory.ts';
import { rebuildState } from './rebuild-state.ts';
import { breathe } from './tally.ts';

/** Promotes a replay of a run: see `promoteReplay`. */
export async function approveReplay(approval: {
  readonly out: string;
  readonly record: ReplayRecord;
  readonly by: string;
  readonly signal: AbortSignal;
  readonly onStep?: (step: PromotionStep) => void;
}): Promise<ReplayRecord> {
  const { out, record, by, signal, onStep } = approval;
  const manifest = requireRun(out);
  const { keyEventsMax, files: named } = record;
  const files = keyEventsMax === undefined ? named : { ...named, keyEventsMax };
  const assembled = await assemble(files);
  const catchUp: Promotion['catchUp'] = async (untilOffset) => {
    const open = (dir: string) => openScoring({ dir, assembled, files, engine: 'columnar', threads: 1 });
    const shadow = shadowOf(out, record.replayId);
    if ((await runShadow({ out, shadow, assembled }, { open, pace: breathe, signal }, untilOffset)) === 'complete')
      return;
    throw new WeirError({
      code: 'PROMOTION_STOPPED',
      message: `the promotion of ${record.replayId} was stopped before its end`,
      fix: readPromotion(out) === null ? 'Approve it again.' : 'Approve it again: nobody opens the run before that.',
      facts: { replayId: record.replayId },
    });
  };
  const rebuild = (): Promise<number> => rebuildState({ dir: out, assembled, engine: manifest.engine });
  const promotion: Promotion = { out, record, assembled, manifest, catchUp, rebuild, by, atMs: Date.now() };
  return promoteReplay(onStep === undefined ? promotion : { ...promotion, onStep });
}
