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
import { moveReplay, type ReplayRecord, requireReplay } from './replay-state.ts';

/** One log that a promotion changes: that of a run, or of a partition. */
export type PromotedLog = {
  /** What the log is in, with state and lake. */
  readonly dir: string;
  /** The replay's own run of it. */
  readonly shadow: string;
  /** How much of it was compared. */
  readonly untilOffset: number;
  /** What the run is, with its identity as it is now. */
  readonly manifest: Manifest;
  /** The log of a partition holds what its topics do and nothing else: there `run.json` alone says what is active. */
  readonly activation: 'inLog' | 'inManifest';
  /** Takes the replay on to an offset of the log. */
  readonly catchUp: (untilOffset: number) => Promise<void>;
  /** Makes the state again for what was tried; gives the checkpoint's offset. */
  readonly rebuild: () => Promise<number>;
};

/** What a promotion needs of whoever calls it. */
export type Promotion = {
  readonly out: string;
  readonly record: ReplayRecord;
  readonly assembled: Assembled;
  /** All of them or none: none is opened by others before the last one is done. */
  readonly logs: readonly PromotedLog[];
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
  const { out, record, logs, atMs, by, onStep } = promotion;
  if (record.state !== 'promoted') {
    assertPromotable(promotion);
    const approved = moveReplay(out, record, { state: 'approved', atMs, by });
    onStep?.('approve');
    const marks = logs.map(({ dir }) => readPromotion(dir) ?? begin(dir, record));
    onStep?.('begin');
    for (const [index, log] of logs.entries()) await promoteLog(promotion, { log, mark: marks[index]! });
    const [{ offset, generation } = { offset: 0, generation: 0 }] = marks;
    const offsets = marks.map((mark) => mark.offset);
    moveReplay(out, { ...approved, promotion: { offset, generation, offsets } }, { state: 'promoted', atMs, by });
    onStep?.('note');
  }
  for (const { dir } of logs) endPromotion(dir);
  onStep?.('end');
  return requireReplay(out, record.replayId);
}

type LogPromotion = { readonly log: PromotedLog; readonly mark: PromotionMark };

async function promoteLog(promotion: Promotion, { log, mark }: LogPromotion): Promise<void> {
  const { assembled, onStep } = promotion;
  const { dir, manifest } = log;
  await buildNext(promotion, { log, mark });
  if (log.activation === 'inLog') recordActivation(promotion, { log, mark });
  onStep?.('record');
  // Done before a crash, or nothing to do: the state is that of what was tried.
  if (!isSame(manifest, assembled.identity)) {
    const rebuiltTo = await log.rebuild();
    if (rebuiltTo !== mark.offset) throw new Error(`got state rebuilt to ${rebuiltTo}, expected ${mark.offset}`);
    onStep?.('rebuild');
    const changed = { dir, manifest: { ...manifest, ...assembled.identity }, plan: assembled.weir.features.plan };
    changeManifest(changed, { inactive: [], fromOffset: mark.offset });
  }
  onStep?.('change');
  switchGeneration(dir, mark.generation);
  onStep?.('switch');
}

function assertPromotable({ record, logs, assembled }: Promotion): void {
  const marks = logs.flatMap(({ dir }) => readPromotion(dir) ?? []);
  const other = marks.find(({ replayId }) => replayId !== record.replayId);
  if (other !== undefined) throw stateOf(record, `the promotion of the replay ${other.replayId} has begun`);
  if (record.state !== 'waiting' && record.state !== 'approved') {
    throw stateOf(record, `it is ${record.state}, expected one that waits for approval`);
  }
  if (!isSame(assembled.identity, record.replayed)) {
    throw stateOf(record, 'its definition, rules or model are other ones now than those that were compared');
  }
  if (marks.length > 0 || logs.every(({ manifest }) => isSame(manifest, record.live))) return;
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
function begin(dir: string, { replayId }: ReplayRecord): PromotionMark {
  return withLog(dir, (log) => {
    const { checkpoint } = loadCheckpoint({ dir: join(dir, 'checkpoints') });
    const offset = log.endOffset;
    if (checkpoint === null || checkpoint.offset !== offset) throw unfinished(dir, offset - (checkpoint?.offset ?? 0));
    const mark = { replayId, offset, generation: readGenerations(dir).length + 1 };
    beginPromotion(dir, mark);
    return mark;
  });
}

async function buildNext({ record, onStep }: Promotion, { log, mark }: LogPromotion): Promise<void> {
  const { offset, generation } = mark;
  const { dir: out, shadow, untilOffset } = log;
  const { replayId, fromMs, toMs } = record;
  const range = { fromMs, toMs, untilOffset };
  // Both ledgers end where the activation is, as the corrections are of all that was posted.
  await log.catchUp(offset);
  onStep?.('catchUp');
  if (readGenerations(out).length < generation) {
    const corrections = await correctionsOf({ out, shadow, replayId, range });
    const next = { ...range, generation, replayId, activeFromOffset: offset };
    await buildGeneration({ out, shadow, generation: next, corrections });
  }
  onStep?.('build');
}

/** The activation is the record at the mark's offset, once. */
function recordActivation({ record, assembled, atMs }: Promotion, { log: { dir }, mark }: LogPromotion): void {
  const { offset, generation } = mark;
  withLog(dir, (log) => {
    if (log.endOffset > offset) return;
    const activation = { kind: 'activation', replayId: record.replayId, generation, ...assembled.identity };
    const bytes = new TextEncoder().encode(JSON.stringify(activation));
    const sourcePosition = log.lastSourcePosition ?? 0;
    log.append([{ topic: activationTopic, bytes, sourcePosition, ingestTimeMs: atMs }]);
    log.sync();
  });
}

function withLog<Result>(dir: string, use: (log: SegmentLog) => Result): Result {
  const owner = acquireOwner(dir);
  try {
    const log = openSegmentLog({ dir: join(dir, 'log') });
    try {
      return use(log);
    } finally {
      log.close();
    }
  } finally {
    owner.release();
  }
}
