import { join } from 'node:path';
import { loadCheckpoint } from '../adapters/files/checkpoint-store.ts';
import { acquireOwner } from '../adapters/files/owner-lock.ts';
import { openSegmentLog, type SegmentLog } from '../adapters/files/segment-log.ts';
import { WeirError } from '../core/contract/failure.ts';
import { activationTopic } from '../core/engine/record.ts';
import type { Assembled, WeirIdentity } from './assemble.ts';
import { buildGeneration, readGenerations, switchGeneration } from './generations.ts';
import { changeManifest, type Manifest } from './manifest.ts';
import { beginPromotion, endPromotion, type PromotionMark, readPromotion } from './promotion-mark.ts';
import { unfinished } from './rebuild.ts';
import { correctionsOf } from './replay-corrections.ts';
import { moveReplay, type ReplayRecord, requireReplay, shadowOf, writeReplay } from './replay-state.ts';

/** What a promotion needs of whoever calls it. */
export type Promotion = {
  readonly out: string;
  readonly record: ReplayRecord;
  readonly assembled: Assembled;
  /** What the run is, with its identity as it is now. */
  readonly manifest: Manifest;
  /** Takes the replay on to an offset of the run's log. */
  readonly catchUp: (untilOffset: number) => Promise<void>;
  /** Makes the run's state again for what was tried; gives the checkpoint's offset. */
  readonly rebuild: () => Promise<number>;
  readonly by: string;
  readonly atMs: number;
  /** Called after each step, which is durable then: a test ends the process there. */
  readonly onStep?: (step: PromotionStep) => void;
};

/** The steps in their order. Each may be done again, and the whole goes on after a crash wherever it was. */
export const promotionSteps = [
  'approve',
  'begin',
  'catchUp',
  'build',
  'record',
  'rebuild',
  'change',
  'switch',
  'note',
  'end',
] as const;

export type PromotionStep = (typeof promotionSteps)[number];

/**
 * Puts what a replay tried in force: from the end of the log on its definition, rules and model decide, as an activation
 * in the log says, over the state of a run that had them from its start; and its decisions are the lake's next
 * generation. What was answered stays as it is. Throws `REPLAY_STALE` where something else decides than what the replay was
 * compared with, `OWNER_ACTIVE` while the run is up, and `RUN_UNFINISHED` where its last decisions are not in its lake.
 */
export async function promoteReplay(promotion: Promotion): Promise<ReplayRecord> {
  const { out, atMs, by, onStep } = promotion;
  let record = promotion.record;
  if (record.state === 'promoted' && readPromotion(out) === null) return record;
  assertPromotable(promotion);
  if (record.state !== 'promoted') record = moveReplay(out, record, { state: 'approved', atMs, by });
  onStep?.('approve');
  const mark = readPromotion(out) ?? begin(promotion);
  onStep?.('begin');
  const { offset, generation } = mark;
  await buildNext(promotion, mark);
  recordActivation(promotion, mark);
  onStep?.('record');
  // Done before a crash, or nothing to do: the state is that of what was tried.
  if (!isSame(promotion.manifest, promotion.assembled.identity)) {
    const rebuiltTo = await promotion.rebuild();
    if (rebuiltTo !== offset) throw new Error(`got state rebuilt to ${rebuiltTo}, expected ${offset}`);
    onStep?.('rebuild');
    const manifest = { ...promotion.manifest, ...promotion.assembled.identity };
    const { plan } = promotion.assembled.weir.features;
    changeManifest({ dir: out, manifest, plan }, { inactive: [], fromOffset: offset });
  }
  onStep?.('change');
  switchGeneration(out, generation);
  onStep?.('switch');
  record = { ...requireReplay(out, record.replayId), promotion: { offset, generation } };
  writeReplay(out, moveReplay(out, record, { state: 'promoted', atMs, by }));
  onStep?.('note');
  endPromotion(out);
  onStep?.('end');
  return requireReplay(out, record.replayId);
}

function assertPromotable({ out, record, manifest, assembled }: Promotion): void {
  const mark = readPromotion(out);
  if (mark !== null && mark.replayId === record.replayId) return;
  if (mark !== null) throw stateOf(record, `the promotion of the replay ${mark.replayId} has begun`);
  if (record.state !== 'waiting' && record.state !== 'approved') {
    throw stateOf(record, `it is ${record.state}, expected one that waits for approval`);
  }
  if (!isSame(assembled.identity, record.replayed)) {
    throw stateOf(record, 'its definition, rules or model are other ones now than those that were compared');
  }
  if (isSame(manifest, record.live)) return;
  throw new WeirError({
    code: 'REPLAY_STALE',
    message: `the replay ${record.replayId} was compared with what decided then, and something else decides now`,
    fix: 'Replay again, read the new report, then approve that.',
    facts: { replayId: record.replayId },
  });
}

function stateOf({ replayId, state }: ReplayRecord, why: string): WeirError {
  return new WeirError({
    code: 'REPLAY_NOT_WAITING',
    message: `got the replay ${replayId} to approve, but ${why}`,
    fix: 'weir replay status lists the replays; weir replay makes a new one.',
    facts: { replayId, state },
  });
}

function isSame(one: WeirIdentity, other: WeirIdentity): boolean {
  return (['definition', 'rules', 'model'] as const).every((name) => one[name].hash === other[name].hash);
}

/** The offset is the end of the log, and nothing that was decided is outside of the lake. */
function begin({ out, record: { replayId } }: Promotion): PromotionMark {
  return withLog(out, (log) => {
    const { checkpoint } = loadCheckpoint({ dir: join(out, 'checkpoints') });
    const offset = log.endOffset;
    if (checkpoint === null || checkpoint.offset !== offset) throw unfinished(out, offset - (checkpoint?.offset ?? 0));
    const mark = { replayId, offset, generation: readGenerations(out).length + 1 };
    beginPromotion(out, mark);
    return mark;
  });
}

async function buildNext(promotion: Promotion, { offset, generation }: PromotionMark): Promise<void> {
  const { out, record, onStep } = promotion;
  const { replayId, fromMs, toMs, untilOffset } = record;
  const range = { fromMs, toMs, untilOffset };
  const shadow = shadowOf(out, replayId);
  // Both ledgers end where the activation is, as the corrections are of all that was posted.
  await promotion.catchUp(offset);
  onStep?.('catchUp');
  if (readGenerations(out).length < generation) {
    const corrections = await correctionsOf({ out, shadow, replayId, range });
    const next = { ...range, generation, replayId, activeFromOffset: offset };
    await buildGeneration({ out, shadow, generation: next, corrections });
  }
  onStep?.('build');
}

/** The activation is the record at the mark's offset, once. */
function recordActivation({ out, record, assembled, atMs }: Promotion, { offset, generation }: PromotionMark): void {
  withLog(out, (log) => {
    if (log.endOffset > offset) return;
    const activation = { kind: 'activation', replayId: record.replayId, generation, ...assembled.identity };
    const bytes = new TextEncoder().encode(JSON.stringify(activation));
    const sourcePosition = log.lastSourcePosition ?? 0;
    log.append([{ topic: activationTopic, bytes, sourcePosition, ingestTimeMs: atMs }]);
    log.sync();
  });
}

function withLog<Result>(out: string, use: (log: SegmentLog) => Result): Result {
  const owner = acquireOwner(out);
  try {
    const log = openSegmentLog({ dir: join(out, 'log') });
    try {
      return use(log);
    } finally {
      log.close();
    }
  } finally {
    owner.release();
  }
}
