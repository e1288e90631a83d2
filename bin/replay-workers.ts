import { hostname } from 'node:os';
import { openCluster } from '../adapters/kafka/cluster.ts';
import { platformaticDriver } from '../adapters/kafka/platformatic.ts';
import { plainReader } from '../adapters/registry/record-reader.ts';
import { WeirError } from '../core/contract/failure.ts';
import { assemble } from '../runtime/assemble.ts';
import { contractsOfTopics, parseKafkaSource } from '../runtime/kafka-plan.ts';
import {
  assembledOver,
  comparePartitions,
  lookAtPartitions,
  type PartitionedReplay,
  type PartitionedRun,
  replayArchive,
} from '../runtime/replay-partitions.ts';
import { listReplays, type ReplayRecord, shadowOf } from '../runtime/replay-state.ts';
import { endsOfTopic, replayTopic } from '../runtime/replay-topic.ts';
import type { AuthOptions } from './cluster-options.ts';
import { listenForInterruption } from './interruption.ts';
import { exitCodes } from './invocation.ts';
import { assertMeant, createProgress, replayIdOf, underRecord, writeReport } from './replay-record.ts';
import { replayText } from './replay-text.ts';
import { openScreen } from './screen.ts';
import { breathe } from './tally.ts';
import { remark, say, sayJson } from './terminal.ts';
import { type WeirFileOptions, weirFilesOf } from './weir-files.ts';

type Options = WeirFileOptions &
  AuthOptions & {
    readonly out: string;
    readonly source: string;
    readonly group?: string;
    readonly keyEventsMax: number;
    readonly from: number;
    readonly to: number;
    readonly failOnDifference?: true;
    readonly json?: true;
  };

/** Replays what workers of Kafka decided: from the topic, or from their logs. They go on meanwhile. */
export async function replayWorkers(options: Options): Promise<number> {
  const { out, json, failOnDifference } = options;
  const run = lookAtPartitions(out);
  const files = { ...weirFilesOf(options), keyEventsMax: options.keyEventsMax };
  const assembled = assembledOver(await assemble(files), run.live.length);
  const { identity } = assembled;
  assertMeant(options, { live: run.identity, tried: identity });
  const topic = await boundsOf(run, options, identity);
  const untilOffset = topic.ends.reduce((sum, end) => sum + end, 0);
  const replayId = replayIdOf({ identity, untilOffset, topic });
  const times = { fromMs: options.from, toMs: options.to };
  const planned: PartitionedReplay = { run, shadow: shadowOf(out, replayId), replayId, assembled, ...times };
  const begun = { out, replayId, files, untilOffset, live: run.identity, replayed: identity, topic, ...times };
  return underRecord(begun, async (waiting) => {
    if ((await takeThrough(planned, { options, ends: topic.ends, untilOffset })) === 'stopped') {
      remark('stopped; the same command goes on from here');
      return exitCodes.interrupted;
    }
    const report = await comparePartitions(planned);
    const pages = writeReport(planned.shadow, report);
    waiting();
    if (json) sayJson({ ...report, ...pages });
    else say(replayText(report, pages));
    return failOnDifference && report.differ > 0 ? exitCodes.negative : exitCodes.ok;
  });
}

/** How far the replay goes: as one of the same that was stopped, else to where topic or logs end now. */
async function boundsOf(
  run: PartitionedRun,
  options: Options,
  identity: PartitionedReplay['assembled']['identity'],
): Promise<NonNullable<ReplayRecord['topic']>> {
  const { out, source } = options;
  const begun = listReplays(out).findLast(
    ({ state, topic, replayed }) =>
      (state === 'running' || state === 'failed') &&
      topic?.source === source &&
      JSON.stringify(replayed) === JSON.stringify(identity),
  );
  if (begun?.topic !== undefined) return begun.topic;
  if (!source.startsWith('kafka://')) return { source, ends: run.live.map((one) => one?.untilOffset ?? 0) };
  const { driver, topic } = await openTopic(options, run);
  return { source, ends: await endsOfTopic(driver, topic) };
}

async function takeThrough(
  planned: PartitionedReplay,
  {
    options,
    ends,
    untilOffset,
  }: { readonly options: Options; readonly ends: readonly number[]; readonly untilOffset: number },
): Promise<'complete' | 'stopped'> {
  using interruption = listenForInterruption();
  const { signal } = interruption;
  const progress = createProgress(untilOffset);
  using _screen = openScreen(() => [progress.line()]);
  const { out, source } = options;
  if (!source.startsWith('kafka://')) {
    return await replayArchive(planned, source === 'archive' ? out : source, { pace: breathe, signal });
  }
  const { driver, topic, contract } = await openTopic(options, planned.run);
  const group = options.group ?? `${planned.run.group}-replay-${planned.replayId}`;
  const replayed = { driver, topic, contract, group, ends, read: plainReader };
  return await replayTopic(planned, replayed, { onProgress: progress.note, signal });
}

async function openTopic({ source, auth }: Options, { topics, group }: PartitionedRun) {
  const { brokers, topics: named } = parseKafkaSource(source);
  const [topic = ''] = named;
  if (named.length > 1 || topics.length > 1 || !topics.includes(topic)) {
    throw new WeirError({
      code: 'USAGE',
      message: `got the topics ${named.join(', ')}, and workers of ${topics.join(', ')}; expected one, the same`,
      fix: 'Replay with --source archive: the order of several topics is in the logs of the workers alone.',
      facts: { topics: topics.length },
    });
  }
  const cluster = await openCluster({ clientId: `weir-${group}-replay-${hostname()}`, brokers, auth });
  return { driver: platformaticDriver(cluster), topic, contract: contractsOfTopics([topic]).get(topic) ?? topic };
}
