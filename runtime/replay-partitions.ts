import { join } from 'node:path';
import { z } from 'zod';
import { realDisk } from '../adapters/files/disk.ts';
import { existsOn, readTextIfAny } from '../adapters/files/durable-file.ts';
import { openLake } from '../adapters/files/lake.ts';
import { WeirError } from '../core/contract/failure.ts';
import type { Assembled, WeirIdentity } from './assemble.ts';
import { Columnar } from './columnar.ts';
import { overPartitions } from './foreign-assembly.ts';
import { mergeReports } from './merge-reports.ts';
import { latestPartitionDirectory } from './partition-directory.ts';
import { partitionDir } from './partitions.ts';
import { assertNoPromotion } from './promotion-mark.ts';
import { compareReplay, type LiveRun, lookAtRun, type ReplaySteps, runShadow } from './replay.ts';
import type { ReplayReport } from './replay-report.ts';

/** What the workers of a group keep of their topics, a run a partition. */
export type PartitionedRun = {
  readonly state: string;
  readonly group: string;
  readonly topics: readonly string[];
  readonly identity: WeirIdentity;
  /** By partition; null where its lake holds no decision yet. */
  readonly live: readonly (LivePartition | null)[];
};

export type LivePartition = LiveRun & { readonly dir: string };

/** A replay of all partitions, each into `shadow/partition-NN`. */
export type PartitionedReplay = {
  readonly run: PartitionedRun;
  readonly shadow: string;
  readonly replayId: string;
  readonly assembled: Assembled;
  readonly fromMs: number;
  readonly toMs: number;
};

const workerSchema = z.object({ group: z.string(), topics: z.array(z.string()), partitions: z.number() });

/** Whether a directory is the state of workers, and not a run of its own. */
export function isPartitioned(state: string): boolean {
  return existsOn(realDisk, join(state, 'worker.json'));
}

function readWorker(state: string): z.infer<typeof workerSchema> {
  return workerSchema.parse(JSON.parse(readTextIfAny(realDisk, join(state, 'worker.json')) ?? 'null'));
}

/** By partition, the directory that counts of it. */
export function directoriesOf(state: string): string[] {
  return Array.from({ length: readWorker(state).partitions }, (_, partition) => {
    const kept = partitionDir(state, partition);
    return join(kept, latestPartitionDirectory(kept) ?? '0001');
  });
}

/** Looks at the state of a group's workers. Throws `RUN_UNKNOWN` where no partition has a decision in its lake. */
export function lookAtPartitions(state: string): PartitionedRun {
  const worker = readWorker(state);
  const live = directoriesOf(state).map((dir) => {
    assertNoPromotion(dir);
    if (openLake({ dir: join(dir, 'lake') }).listFiles('decisions').length === 0) return null;
    return { ...lookAtRun(dir), dir };
  });
  const identity = live.find((one) => one !== null)?.identity;
  if (identity !== undefined) return { ...worker, state, identity, live };
  throw new WeirError({
    code: 'RUN_UNKNOWN',
    message: `got ${state}, expected the state of workers with decisions in the lake of a partition`,
    fix: 'Lakes are written cut by cut: wait for the first one, or stop a worker, which ends its cut.',
    facts: { state },
  });
}

/**
 * What is tried, as workers of so many partitions run it. Throws `USAGE` for features by keys that are spread over the
 * partitions: what a decision read of them came from other owners.
 */
export function assembledOver(assembled: Assembled, partitions: number): Assembled {
  const over = overPartitions(assembled, partitions);
  const fields = (over.foreign ?? []).map(({ field }) => field);
  if (fields.length === 0) return over;
  throw new WeirError({
    code: 'USAGE',
    message: `got features by ${fields.join(', ')}, whose windows other partitions hold, expected keys that lie in one`,
    fix: 'Replay a run from files that has the same events.',
    facts: { fields: fields.join(', ') },
  });
}

/** Opens the replay's own run of a partition. */
export function openShadowPartition(
  { shadow, assembled }: Pick<PartitionedReplay, 'shadow' | 'assembled'>,
  partition: number,
): Columnar {
  return new Columnar({ dir: partitionDir(shadow, partition), assembled, partition });
}

/**
 * Takes the logs of all partitions, one after the other, through what is tried. A log keeps topic, partition, offset and
 * order, however long ago the records left the topic: `archive` is such a state, the workers' own or a copy of it.
 */
export async function replayArchive(
  replay: PartitionedReplay,
  archive: string,
  steps: Omit<ReplaySteps, 'open'>,
): Promise<'complete' | 'stopped'> {
  const { run, shadow, assembled } = replay;
  for (const [partition, live] of run.live.entries()) {
    if (live === null) continue;
    const kept = partitionDir(archive, partition);
    const out = join(kept, latestPartitionDirectory(kept) ?? '0001');
    const open = () => Promise.resolve(openShadowPartition(replay, partition));
    const into = { out, shadow: partitionDir(shadow, partition), assembled };
    if ((await runShadow(into, { ...steps, open }, live.untilOffset)) === 'stopped') return 'stopped';
  }
  return 'complete';
}

/** Compares what the workers decided with what was replayed, as far as both have it in their lakes. */
export async function comparePartitions(replay: PartitionedReplay): Promise<ReplayReport> {
  const { run, shadow, replayId, assembled, fromMs, toMs } = replay;
  const reports: ReplayReport[] = [];
  for (const [partition, live] of run.live.entries()) {
    if (live === null) continue;
    const dir = partitionDir(shadow, partition);
    const untilOffset = Math.min(live.untilOffset, lookAtRun(dir).untilOffset);
    const compared = { out: live.dir, shadow: dir, replayId, assembled, live: { ...live, untilOffset }, fromMs, toMs };
    reports.push(await compareReplay(compared));
  }
  return mergeReports(reports, { replayId, out: run.state });
}
