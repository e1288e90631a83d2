import { InvalidArgumentError, type Command } from 'commander';
import { WeirError } from '../../core/contract/failure.ts';
import { assemble, type WeirFiles } from '../../runtime/assemble.ts';
import { lookAtRun, type Replay, replayRun } from '../../runtime/replay.ts';
import type { ReplayReport } from '../../runtime/replay-report.ts';
import { isPartitioned } from '../../runtime/replay-partitions.ts';
import { shadowOf } from '../../runtime/replay-state.ts';
import { addEngineOptions, type EngineOptions, openScoring } from '../engine-options.ts';
import { listenForInterruption } from '../interruption.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { addAuthOption, type AuthOptions } from '../cluster-options.ts';
import { assertMeant, createProgress, replayIdOf, underRecord, writeReport } from '../replay-record.ts';
import { replayText } from '../replay-text.ts';
import { openScreen } from '../screen.ts';
import { breathe } from '../tally.ts';
import { remark, say, sayJson } from '../terminal.ts';
import { addWeirFileOptions, type WeirFileOptions, weirFilesOf } from '../weir-files.ts';
import { addReplayDecisions } from './replay-decisions.ts';

type Options = WeirFileOptions &
  AuthOptions &
  Pick<EngineOptions, 'threads' | 'stateMibMax' | 'keyEventsMax'> & {
    readonly out: string;
    readonly source?: string;
    readonly group?: string;
    readonly from: number;
    readonly to: number;
    readonly failOnDifference?: true;
    readonly json?: true;
  };

/** Adds `weir replay` and what comes after a replay: `status`, `report`, `approve`, `abort`. */
export function addReplay(program: Command, invocation: Invocation): void {
  const group = program
    .command('replay')
    .summary('what would another definition, rules or model have decided')
    .description('Tries another definition, rules or model on the past of a run, and puts it in force once approved.');
  addExamples(
    group,
    'weir replay --out weir-out/demo-1 --rules my-rules.json',
    'weir replay status --out weir-out/demo-1',
  );
  addReplayRun(group, invocation);
  addReplayDecisions(group, invocation);
}

function addReplayRun(group: Command, invocation: Invocation): void {
  const command = group
    .command('run', { isDefault: true })
    .summary('replay and compare (what weir replay does without another word)')
    .description(
      'Takes the log of a run again through another definition, rules or model, beside the run and without touching it, and says which decisions would differ, why, and what money that is: as text, as report.json, and as report.html for whoever approves it. Stopped and started again, it goes on.',
    )
    .requiredOption('--out <dir>', 'the folder of the run, or the --state of workers')
    .option(
      '--source <source>',
      'of workers: kafka://HOST:PORT/TOPIC, archive (their own logs), or a copy of their --state',
    )
    .option('--group <group>', 'from Kafka: the group of the replay (default: made from that of the workers)')
    .option(
      '--from <time>',
      'the first event time that counts, such as 2026-01-02 or 2026-01-02T08:00:00Z',
      time,
      -8.64e15,
    )
    .option('--to <time>', 'the event time before which they count', time, 8.64e15)
    .option('--fail-on-difference', 'exit with 3 when any decision differs');
  addAuthOption(addEngineOptions(addWeirFileOptions(command))).addOption(jsonOption());
  addExamples(
    command,
    'weir replay --out weir-out/demo-1',
    'weir replay --out weir-out/demo-1 --rules my-rules.json --from 2026-01-02 --to 2026-01-03 --json',
    'weir replay --out weir-out/scorer --source kafka://127.0.0.1:9092/payments.authorization.v1 --rules my-rules.json',
  );
  command.action(async (options: Options) => {
    invocation.exitCode = await replay(options);
  });
}

function time(text: string): number {
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) throw new InvalidArgumentError('Expected a date, or a date and time with its zone.');
  return timeMs;
}

async function replay(options: Options): Promise<number> {
  const { out, source, json, failOnDifference } = options;
  if (isPartitioned(out)) {
    // Its libraries take a moment to load, which no other replay waits for.
    const { replayWorkers } = await import('../replay-workers.ts');
    return replayWorkers({ ...options, source: source ?? 'archive' });
  }
  if (source !== undefined) throw noWorkers(out, source);
  const live = lookAtRun(out);
  const files = { ...weirFilesOf(options), keyEventsMax: options.keyEventsMax };
  const assembled = await assemble(files);
  const { identity } = assembled;
  assertMeant(options, { live: live.identity, tried: identity });
  const { untilOffset } = live;
  const replayId = replayIdOf({ identity, untilOffset });
  const times = { fromMs: options.from, toMs: options.to };
  const planned: Replay = { out, shadow: shadowOf(out, replayId), replayId, assembled, live, ...times };
  const begun = { out, replayId, files, untilOffset, live: live.identity, replayed: identity, ...times };
  return underRecord(begun, async (waiting) => {
    const report = await takeThrough(planned, { options, files });
    if (report === 'stopped') {
      remark('stopped; the same command goes on from here');
      return exitCodes.interrupted;
    }
    const pages = writeReport(planned.shadow, report);
    waiting();
    if (json) sayJson({ ...report, ...pages });
    else say(replayText(report, pages));
    return failOnDifference && report.differ > 0 ? exitCodes.negative : exitCodes.ok;
  });
}

function noWorkers(out: string, source: string): WeirError {
  return new WeirError({
    code: 'USAGE',
    message: `got --source ${source} with --out ${out}, which is no state of workers`,
    fix: 'Give their --state as --out; a run from a file is replayed without --source, from its own log.',
    facts: { out },
  });
}

async function takeThrough(
  planned: Replay,
  { options, files }: { readonly options: Options; readonly files: WeirFiles },
): Promise<ReplayReport | 'stopped'> {
  using interruption = listenForInterruption();
  const { assembled, live } = planned;
  const progress = createProgress(live.untilOffset);
  using _screen = openScreen(() => [progress.line()]);
  return await replayRun(planned, {
    open: (dir) => openScoring({ ...options, dir, assembled, files, engine: 'columnar' }),
    onProgress: progress.note,
    pace: breathe,
    signal: interruption.signal,
  });
}
