import { WeirError } from '../core/contract/failure.ts';
import { type Assembled, assemble, type WeirFiles } from '../runtime/assemble.ts';
import { partitionDir } from '../runtime/partitions.ts';
import { type PromotedLog, promoteReplay, type PromotionStep } from '../runtime/promote-replay.ts';
import { runShadow } from '../runtime/replay.ts';
import { assembledOver, directoriesOf, isPartitioned, openShadowPartition } from '../runtime/replay-partitions.ts';
import { type ReplayRecord, shadowOf } from '../runtime/replay-state.ts';
import type { Scoring } from '../runtime/scoring.ts';
import { openScoring } from './engine-options.ts';
import { requireRun } from './output-directory.ts';
import { rebuildState } from './rebuild-state.ts';
import { breathe } from './tally.ts';

type Approval = {
  readonly out: string;
  readonly record: ReplayRecord;
  readonly by: string;
  readonly signal: AbortSignal;
  readonly onStep?: (step: PromotionStep) => void;
};

/** Promotes a replay of a run, or of workers: see `promoteReplay`. */
export async function approveReplay(approval: Approval): Promise<ReplayRecord> {
  const { out, record, by, onStep } = approval;
  const { keyEventsMax, files: named } = record;
  const files = keyEventsMax === undefined ? named : { ...named, keyEventsMax };
  const loaded = await assemble(files);
  const ofWorkers = isPartitioned(out);
  const assembled = ofWorkers ? assembledOver(loaded, directoriesOf(out).length) : loaded;
  const logs = ofWorkers ? logsOfWorkers(approval, assembled) : [logOfRun(approval, { assembled, files })];
  const promotion = { out, record, assembled, logs, by, atMs: Date.now() };
  return promoteReplay(onStep === undefined ? promotion : { ...promotion, onStep });
}

function logOfRun(
  approval: Approval,
  { assembled, files }: { readonly assembled: Assembled; readonly files: WeirFiles },
): PromotedLog {
  const { out: dir, record } = approval;
  const open = (path: string) => openScoring({ dir: path, assembled, files, engine: 'columnar', threads: 1 });
  const log = { dir, shadow: shadowOf(dir, record.replayId), untilOffset: record.untilOffset };
  return { ...log, activation: 'inLog', ...stepsOf(approval, { ...log, assembled, open }) };
}

/** A partition's log as its replay read it: one that came from the topic has its positions, which are others. */
function logsOfWorkers(approval: Approval, assembled: Assembled): PromotedLog[] {
  const { out, record } = approval;
  const { source = '', ends = [] } = record.topic ?? {};
  const directories = directoriesOf(out);
  if (source.startsWith('kafka://') || directories.length !== ends.length || ends.includes(0)) {
    throw new WeirError({
      code: 'REPLAY_OF_TOPIC',
      message: `got the replay ${record.replayId} of ${source} to approve, expected one of the workers' logs with decisions in every partition`,
      fix: 'Stop the workers, replay the same with --source archive, and approve that.',
      facts: { replayId: record.replayId },
    });
  }
  const shadow = shadowOf(out, record.replayId);
  return directories.map((dir, partition) => {
    const open = () => Promise.resolve(openShadowPartition({ shadow, assembled }, partition));
    const log = { dir, shadow: partitionDir(shadow, partition), untilOffset: ends[partition] ?? 0 };
    return { ...log, activation: 'inManifest', ...stepsOf(approval, { ...log, assembled, open }) };
  });
}

function stepsOf(
  { record, signal }: Approval,
  log: {
    readonly dir: string;
    readonly shadow: string;
    readonly assembled: Assembled;
    readonly open: (dir: string) => Promise<Scoring>;
  },
): Pick<PromotedLog, 'manifest' | 'catchUp' | 'rebuild'> {
  const { dir, shadow, assembled, open } = log;
  const manifest = requireRun(dir);
  return {
    manifest,
    rebuild: () => rebuildState({ dir, assembled, engine: manifest.engine }),
    catchUp: async (untilOffset) => {
      const status = await runShadow({ out: dir, shadow, assembled }, { open, pace: breathe, signal }, untilOffset);
      if (status === 'complete') return;
      throw new WeirError({
        code: 'PROMOTION_STOPPED',
        message: `the promotion of ${record.replayId} was stopped before its end`,
        fix: 'Approve it again: nobody opens the run before that.',
        facts: { replayId: record.replayId },
      });
    },
  };
}
