import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { realDisk } from '../../adapters/files/disk.ts';
import { removeTree } from '../../adapters/files/durable-file.ts';
import { WeirError } from '../../core/contract/failure.ts';
import { readGenerations } from '../../runtime/generations.ts';
import { readPromotion } from '../../runtime/promotion-mark.ts';
import { directoriesOf, isPartitioned } from '../../runtime/replay-partitions.ts';
import type { ReplayReport } from '../../runtime/replay-report.ts';
import {
  listReplays,
  lockReplays,
  moveReplay,
  type ReplayRecord,
  requireReplay,
  shadowOf,
} from '../../runtime/replay-state.ts';
import { approveReplay } from '../approve-replay.ts';
import { formatCount, formatRows, formatTime } from '../format.ts';
import { listenForInterruption } from '../interruption.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { requireRun } from '../output-directory.ts';
import { replayText, verdictOf } from '../replay-text.ts';
import { title } from '../summary-text.ts';
import { remark, say, sayJson } from '../terminal.ts';

type Options = { readonly out: string; readonly json?: true };
type ChangeOptions = Options & { readonly yes?: true; readonly by?: string; readonly dryRun?: true };

/** Adds what comes after a replay: `status`, `report`, `approve` and `abort`. */
export function addReplayDecisions(group: Command, invocation: Invocation): void {
  const status = group
    .command('status')
    .summary('the replays of a run, and what counts now')
    .description('Lists the replays of a run with their states, and the generation of the lake that counts.')
    .requiredOption('--out <dir>', 'the folder of the run')
    .addOption(jsonOption());
  addExamples(status, 'weir replay status --out weir-out/demo-1');
  status.action((options: Options) => {
    invocation.exitCode = tellStatus(options);
  });
  const report = withRun(group, 'report')
    .summary('what a replay found')
    .description('Shows the report of a replay again, and what became of it.');
  addExamples(report, 'weir replay report 3f9a0c1b --out weir-out/demo-1');
  report.action((id: string, options: Options) => {
    invocation.exitCode = tellReport(id, options);
  });
  const approve = withChange(withRun(group, 'approve'))
    .summary('put what a replay tried in force')
    .description(
      'Puts what a replay tried in force: from the end of the log on it decides, as if it had from the start, and its decisions are the next generation of the lake. What was answered stays as it is; money is corrected by new entries. The run must be stopped. A promotion that was interrupted goes on.',
    )
    .option('--dry-run', 'only say what would be done');
  addExamples(approve, 'weir replay approve 3f9a0c1b --out weir-out/demo-1 --by ana --yes');
  approve.action(async (id: string, options: ChangeOptions) => {
    invocation.exitCode = await approveAsked(id, options);
  });
  const abort = withChange(withRun(group, 'abort'))
    .summary('decide against a replay')
    .description('Decides against a replay: its report stays, its own run is removed. The run is as it was.');
  addExamples(abort, 'weir replay abort 3f9a0c1b --out weir-out/demo-1 --yes');
  abort.action(async (id: string, options: ChangeOptions) => {
    invocation.exitCode = await abortAsked(id, options);
  });
}

function withRun(group: Command, name: string): Command {
  return group
    .command(name)
    .argument('<id>', 'of the replay, or the beginning of one')
    .requiredOption('--out <dir>', 'the folder of the run')
    .addOption(jsonOption());
}

function withChange(command: Command): Command {
  return command
    .option('--by <name>', 'who decides so (default: the user of this machine)')
    .option('--yes', 'do not ask');
}

function tellStatus({ out, json }: Options): number {
  if (!isPartitioned(out)) requireRun(out);
  const replays = listReplays(out);
  const generations = readGenerations(out);
  const promotion = readPromotion(out);
  if (json) sayJson({ out, replays, generations, promotion });
  else {
    const rows = replays.map((one) => [
      one.replayId,
      one.state,
      formatTime(one.history.at(-1)?.atMs ?? 0),
      triedOf(one),
    ]);
    const current = generations.at(-1);
    const counts =
      current === undefined
        ? 'what was answered (generation 0)'
        : `generation ${current.generation}, of the replay ${current.replayId}; what it tried decides from offset ${formatCount(current.activeFromOffset)} on`;
    say(
      `${title('Replays')}\n${rows.length === 0 ? '  none' : formatRows(rows)}\n\n${title('What counts')}\n  ${counts}`,
    );
    if (promotion !== null) remark(`the promotion of ${promotion.replayId} has not ended: approve it again`);
  }
  return exitCodes.ok;
}

function triedOf({ live, replayed }: ReplayRecord): string {
  const parts = (['definition', 'rules', 'model'] as const).filter((name) => live[name].hash !== replayed[name].hash);
  return parts.length === 0 ? 'the same again' : parts.map((name) => `${name} v${replayed[name].version}`).join(', ');
}

function tellReport(id: string, { out, json }: Options): number {
  const record = requireReplay(out, id);
  const { report, pages } = readReport(out, record);
  if (json) sayJson({ ...report, ...pages, state: record.state, history: record.history, promotion: record.promotion });
  else say(`${replayText(report, pages)}\n\n${title('What became of it')}\n${formatRows(historyOf(record))}`);
  return exitCodes.ok;
}

function historyOf({ history }: ReplayRecord): string[][] {
  return history.map(({ state, atMs, by, why }) => [formatTime(atMs), state, by ?? '', why ?? '']);
}

/** As much of a report as says that it is one: the program wrote it. */
const reportShape = z.looseObject({ replayId: z.string(), compared: z.number(), samples: z.array(z.unknown()) });
const reportSchema = z.custom<ReplayReport>((value) => reportShape.safeParse(value).success, 'a report of a replay');

function readReport(out: string, { replayId, state }: ReplayRecord) {
  const shadow = shadowOf(out, replayId);
  const pages = { reportJson: join(shadow, 'report.json'), reportHtml: join(shadow, 'report.html') };
  try {
    return { report: reportSchema.parse(JSON.parse(readFileSync(pages.reportJson, 'utf8'))), pages };
  } catch (error) {
    throw new WeirError({
      code: 'REPLAY_UNFINISHED',
      message: `the replay ${replayId} is ${state} and has no report yet`,
      fix: 'The same weir replay goes on with it.',
      facts: { replayId, state },
      cause: error,
    });
  }
}

async function approveAsked(id: string, options: ChangeOptions): Promise<number> {
  using interruption = listenForInterruption();
  const { out, json, dryRun } = options;
  const lock = lockReplays(out);
  try {
    const record = requireReplay(out, id);
    const { report } = readReport(out, record);
    const question = `${verdictOf(report)} Let ${triedOf(record)} decide from here on?`;
    if (dryRun) {
      if (json) sayJson({ replayId: record.replayId, state: record.state, differ: report.differ, money: report.money });
      else say(`${question} Nothing was done.`);
      return exitCodes.ok;
    }
    if (!(await isAgreed(question, options))) return exitCodes.ok;
    const by = options.by ?? userInfo().username;
    const promoted = await approveReplay({ out, record, by, signal: interruption.signal });
    const { offset = 0, generation = 0, offsets = [] } = promoted.promotion ?? {};
    if (json) sayJson({ replayId: promoted.replayId, state: promoted.state, offset, generation, offsets });
    else {
      const { definition, rules, model } = promoted.files;
      say(
        `${promoted.replayId} is promoted: from offset ${offsets.map(formatCount).join(', ')} on it decides, and its decisions are generation ${generation} of the lake\n\n` +
          `${title('Next')}\n  the command of the run, with --definition ${definition} --rules ${rules} --model ${model}\n` +
          `  ${join(isPartitioned(out) ? '... of each partition' : out, 'generations', 'current.sql')} has the views of what counts`,
      );
    }
    return exitCodes.ok;
  } finally {
    lock.release();
  }
}

function hasBegun(out: string, replayId: string): boolean {
  const dirs = isPartitioned(out) ? directoriesOf(out) : [out];
  return dirs.some((dir) => readPromotion(dir)?.replayId === replayId);
}

async function abortAsked(id: string, options: ChangeOptions): Promise<number> {
  const { out, json } = options;
  const lock = lockReplays(out);
  try {
    const record = requireReplay(out, id);
    const { replayId, state } = record;
    if (state === 'promoted' || hasBegun(out, replayId)) {
      throw new WeirError({
        code: 'REPLAY_CLOSED',
        message: `the replay ${replayId} is ${state}: its promotion has begun`,
        fix: 'What it put in force goes by another replay, with the files of before.',
        facts: { replayId, state },
      });
    }
    if (!(await isAgreed(`Decide against ${replayId}, which is ${state}?`, options))) return exitCodes.ok;
    const by = options.by ?? userInfo().username;
    const aborted = moveReplay(out, record, { state: 'aborted', atMs: Date.now(), by });
    const shadow = shadowOf(out, replayId);
    for (const { name, isDirectory } of realDisk.list(shadow))
      if (isDirectory) removeTree(realDisk, join(shadow, name));
    if (json) sayJson({ replayId, state: aborted.state });
    else say(`${replayId} is aborted; its report stays in ${shadowOf(out, replayId)}`);
    return exitCodes.ok;
  } finally {
    lock.release();
  }
}

async function isAgreed(question: string, { yes }: ChangeOptions): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY) {
    throw new WeirError({
      code: 'USAGE',
      message: 'got no --yes and no terminal to ask at',
      fix: 'Add --yes, or --dry-run to see what would be done.',
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${question} [y/N] `);
  terminal.close();
  const agreed = /^y(es)?$/i.test(answer.trim());
  if (!agreed) remark('nothing was done');
  return agreed;
}
