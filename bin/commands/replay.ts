import { hash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { WeirError } from '../../core/contract/failure.ts';
import { type Assembled, assemble, type WeirFiles } from '../../runtime/assemble.ts';
import { type LiveRun, lookAtRun, type Replay, replayRun } from '../../runtime/replay.ts';
import type { ReplayReport } from '../../runtime/replay-report.ts';
import { lockReplays, moveReplay, readReplay, type ReplayRecord, shadowOf } from '../../runtime/replay-state.ts';
import { addEngineOptions, type EngineOptions, openScoring } from '../engine-options.ts';
import { formatCount, formatDuration } from '../format.ts';
import { listenForInterruption } from '../interruption.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { replayPage } from '../replay-page.ts';
import { replayText } from '../replay-text.ts';
import { openScreen } from '../screen.ts';
import { breathe } from '../tally.ts';
import { remark, say, sayJson } from '../terminal.ts';
import { addWeirFileOptions, type WeirFileOptions, weirFilesOf } from '../weir-files.ts';
import { addReplayDecisions } from './replay-decisions.ts';

type Options = WeirFileOptions &
  Pick<EngineOptions, 'threads' | 'stateMibMax' | 'keyEventsMax'> & {
    readonly out: string;
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
    .requiredOption('--out <dir>', 'the folder of the run')
    .option(
      '--from <time>',
      'the first event time that counts, such as 2026-01-02 or 2026-01-02T08:00:00Z',
      time,
      -8.64e15,
    )
    .option('--to <time>', 'the event time before which they count', time, 8.64e15)
    .option('--fail-on-difference', 'exit with 3 when any decision differs');
  addEngineOptions(addWeirFileOptions(command)).addOption(jsonOption());
  addExamples(
    command,
    'weir replay --out weir-out/demo-1',
    'weir replay --out weir-out/demo-1 --rules my-rules.json --from 2026-01-02 --to 2026-01-03 --json',
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
  const { out, json, failOnDifference } = options;
  const live = lookAtRun(out);
  const files = { ...weirFilesOf(options), keyEventsMax: options.keyEventsMax };
  const assembled = await assemble(files);
  assertMeant(options, { live, assembled });
  const shadowed = { identity: assembled.identity, untilOffset: live.untilOffset };
  const replayId = hash('sha256', JSON.stringify(shadowed), 'hex').slice(0, 12);
  const planned: Replay = {
    out,
    shadow: shadowOf(out, replayId),
    replayId,
    assembled,
    live,
    fromMs: options.from,
    toMs: options.to,
  };
  const lock = lockReplays(out);
  let record = beginRecord(planned, files);
  try {
    const report = await takeThrough(planned, { options, files });
    if (report === 'stopped') {
      remark('stopped; the same command goes on from here');
      return exitCodes.interrupted;
    }
    const pages = writeReport(planned.shadow, report);
    record = moveReplay(out, record, { state: 'waiting', atMs: Date.now() });
    if (json) sayJson({ ...report, ...pages });
    else say(replayText(report, pages));
    return failOnDifference && report.differ > 0 ? exitCodes.negative : exitCodes.ok;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    moveReplay(out, record, { state: 'failed', atMs: Date.now(), why });
    throw error;
  } finally {
    lock.release();
  }
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

/** Writes down that a replay runs. Throws `REPLAY_CLOSED` where it has been approved: its report stays what was read. */
function beginRecord(
  { out, replayId, live, assembled, fromMs, toMs }: Replay & { readonly assembled: Assembled },
  files: WeirFiles,
): ReplayRecord {
  const known = readReplay(out, replayId);
  if (known !== null && (known.state === 'approved' || known.state === 'promoted')) {
    throw new WeirError({
      code: 'REPLAY_CLOSED',
      message: `the replay ${replayId} is ${known.state}, and its report is what was approved`,
      fix: `weir replay report ${replayId} --out ${out} shows it.`,
      facts: { replayId, state: known.state },
    });
  }
  const { definition, rules, model, keyEventsMax } = files;
  const record: ReplayRecord = {
    replayId,
    state: 'running',
    files: { definition: resolve(definition), rules: resolve(rules), model: resolve(model) },
    ...(keyEventsMax === undefined ? {} : { keyEventsMax }),
    fromMs,
    toMs,
    untilOffset: live.untilOffset,
    live: live.identity,
    replayed: assembled.identity,
    history: known?.history ?? [],
    promotion: null,
  };
  return moveReplay(out, record, { state: 'running', atMs: Date.now() });
}

/** What is left out stays as it was: a run with files of one's own must name them, or all of it would differ. */
function assertMeant(
  { definition, rules, model }: WeirFileOptions,
  { live, assembled }: { readonly live: LiveRun; readonly assembled: { readonly identity: LiveRun['identity'] } },
): void {
  const given = { definition, rules, model };
  for (const name of ['definition', 'rules', 'model'] as const) {
    const before = live.identity[name];
    if (given[name] !== undefined || before.hash === assembled.identity[name].hash) continue;
    const title = 'name' in before ? before.name : before.id;
    throw new WeirError({
      code: 'REPLAY_INCOMPLETE',
      message: `the run was decided by the ${name} ${title} version ${before.version}, which is not the one that comes with Weir: got no --${name}, expected the file`,
      fix: `Give --${name}: the file that the run was given, or the one to try.`,
      facts: { name, hash: before.hash },
    });
  }
}

function writeReport(shadow: string, report: ReplayReport) {
  const pages = { json: join(shadow, 'report.json'), html: join(shadow, 'report.html') };
  const text = `${JSON.stringify(report, null, 2)}\n`;
  if (!existsSync(pages.json) || readFileSync(pages.json, 'utf8') !== text) writeFileSync(pages.json, text);
  writeFileSync(pages.html, replayPage(report));
  return { reportJson: pages.json, reportHtml: pages.html };
}

function createProgress(untilOffset: number) {
  const startMs = performance.now();
  let first: number | null = null;
  let nextOffset = 0;
  return {
    note: (offset: number): void => {
      first ??= offset;
      nextOffset = offset;
    },
    line: (): string => {
      const elapsedMs = performance.now() - startMs;
      const done = nextOffset - (first ?? 0);
      const left = done > 0 ? formatDuration((elapsedMs * (untilOffset - nextOffset)) / done) : 'an unknown time';
      const pace = formatCount((done / Math.max(1, elapsedMs)) * 1000);
      return `replaying   ${formatCount(nextOffset)} of ${formatCount(untilOffset)} records   ${pace} a second   about ${left} left`;
    },
  };
}
