import type { Command } from 'commander';
import type { Source } from '../../adapters/files/source.ts';
import { assemble } from '../../runtime/assemble.ts';
import { rebuildState } from '../rebuild-state.ts';
import { planRun, type RunPlan } from '../../runtime/definition-change.ts';
import { changeManifest, claimManifest } from '../../runtime/manifest.ts';
import { runSource } from '../../runtime/run-source.ts';
import type { Scoring } from '../../runtime/scoring.ts';
import { addEngineOptions, type EngineOptions, openScoring } from '../engine-options.ts';
import { clip, formatCount, formatDuration } from '../format.ts';
import { listenForInterruption } from '../interruption.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { type RunSummary, summarise } from '../run-summary.ts';
import { addKafkaOptions, type KafkaRunOptions, missing } from '../kafka-options.ts';
import { openScreen, screenWidth } from '../screen.ts';
import { addSourceOptions, openAskedSource, type SourceFileOptions, untilAborted } from '../source-options.ts';
import { summaryText, title } from '../summary-text.ts';
import { addProgress, breathe, createTally, recentPace, type Tally } from '../tally.ts';
import { remark, say, sayJson } from '../terminal.ts';
import { addWeirFileOptions, weirFilesOf, type WeirFileOptions } from '../weir-files.ts';
import { tellRecovery } from '../weir-session.ts';

type RunOptions = WeirFileOptions &
  EngineOptions &
  SourceFileOptions &
  KafkaRunOptions & {
    readonly out?: string;
    readonly openEnded?: true;
    readonly rebuild?: true;
    readonly json?: true;
  };

const appendRecordsMax = 4096;
/** How far reading a source may be ahead of the decisions of other threads. */
const lagRecordsMax = 65_536;

/** Adds `weir run`. */
export function addRun(program: Command, invocation: Invocation): void {
  const command = program
    .command('run')
    .summary('score the payments of a file, of Kafka topics, or of a Kinesis stream')
    .description(
      'Scores the payments of a file into a folder: log, decisions, features, ledger. After a crash or Ctrl-C the same command goes on where it stopped. From kafka:// or kinesis:// it runs as a worker of a group until it is stopped.',
    );
  addSourceOptions(command)
    .option('--out <dir>', 'where to write, from a file')
    .option('--open-ended', 'the input may go on later: leave what is waiting open')
    .option('--rebuild', 'make the state again from the log for a changed definition, then go on with it')
    .addOption(jsonOption());
  addKafkaOptions(addEngineOptions(addWeirFileOptions(command)));
  addExamples(
    command,
    'weir run --source examples/small/payments.csv --out weir-out/small',
    'weir run --source - --out weir-out/piped --json',
    'weir run --source examples/small/shop.csv --mapping examples/small/mapping.ts --out weir-out/shop',
    'weir run --source kafka://127.0.0.1:9092/payments.authorization.v1 --group scorer --state weir-out/scorer',
  );
  command.action(async (options: RunOptions) => {
    const { source, out } = options;
    if (source.startsWith('kafka://')) {
      // Its libraries take a moment to load, which no other command waits for.
      const { runFromKafka } = await import('../run-kafka.ts');
      invocation.exitCode = await runFromKafka(options);
    } else if (source.startsWith('kinesis://')) {
      const { runFromKinesis } = await import('../run-kinesis.ts');
      invocation.exitCode = await runFromKinesis(options);
    } else if (out !== undefined) invocation.exitCode = await run({ ...options, out });
    else throw missing('--out <dir>', 'a file');
  });
}

type FileRunOptions = RunOptions & { readonly out: string };

async function run(options: FileRunOptions): Promise<number> {
  const { out, json } = options;
  const source = await openAskedSource(options);
  const { engine, threads, stateMibMax, keyEventsMax } = options;
  const planned = await planRun({
    dir: out,
    files: { ...weirFilesOf(options), keyEventsMax },
    whenChanged: options.rebuild ? 'rebuild' : 'refuse',
  });
  const { files } = planned;
  tellPlan(planned);
  const assembled = await assemble(files);
  const manifest = { ...assembled.identity, engine, source: source.identity };
  const claimed = { dir: out, manifest, plan: assembled.weir.features.plan };
  if (planned.action === 'rebuild') {
    const fromOffset = await rebuildState({ dir: out, assembled, engine });
    changeManifest(claimed, { inactive: [], fromOffset });
  }
  const scoring = await openScoring({ dir: out, assembled, files, engine, threads, stateMibMax });
  try {
    if (planned.action === 'adopt') {
      changeManifest(claimed, { inactive: planned.inactive, fromOffset: scoring.recovery.logEndOffset });
    }
    claimManifest(claimed);
    const { recovery } = scoring;
    const wasComplete = scoring.totals().watermarkMs === Infinity && scoring.lagRecords === 0;
    if (wasComplete) remark(`${out} is complete: nothing is left to do`);
    else tellRecovery(out, recovery);
    const summary = await (wasComplete
      ? summarise({ status: 'alreadyComplete', out, scoring, tally: createTally() })
      : score({ options, source, scoring }));
    const report = { ...summary, source: source.identity, recovered: recovery };
    if (json) sayJson(report);
    else say(`${summaryText(report)}\n\n${nextText(report)}`);
    if (summary.status !== 'stopped') return exitCodes.ok;
    remark('stopped and committed; the same command goes on from here');
    return exitCodes.interrupted;
  } finally {
    await scoring.close();
  }
}

/** Says what goes on differently than before. */
function tellPlan({ action, changes, inactive }: RunPlan): void {
  for (const change of changes) remark(change);
  if (action === 'rebuild') remark('making the state again from the log');
  else if (inactive.length > 0) remark(`without values until a run with --rebuild: ${inactive.join(', ')}`);
}

type Run = { readonly options: FileRunOptions; readonly source: Source; readonly scoring: Scoring };

async function score({ options, source, scoring }: Run): Promise<RunSummary> {
  using interruption = listenForInterruption();
  const { signal } = interruption;
  const tally = createTally();
  const doneAtStart = rowsDone(scoring);
  using _screen = openScreen(() => [progressLine({ source, scoring, tally, doneAtStart })]);
  const status = await runSource({
    scoring,
    items: untilAborted(source.events(), signal),
    atEnd: options.openEnded ? 'stayOpen' : 'endOfInput',
    appendRecordsMax,
    lagRecordsMax: options.engine === 'columnar' && options.threads > 1 ? lagRecordsMax : 0,
    signal,
    pace: breathe,
    onProgress: (progress) => addProgress(tally, progress),
  });
  return await summarise({ status, out: options.out, scoring, tally });
}

function progressLine(view: {
  readonly source: Source;
  readonly scoring: Scoring;
  readonly tally: Tally;
  readonly doneAtStart: number;
}): string {
  const { source, scoring, tally, doneAtStart } = view;
  const parts = [
    `${formatCount(scoring.nextOffset)} events`,
    `${formatCount(recentPace(tally))} a second`,
    `lag ${formatCount(scoring.lagRecords)} records`,
  ];
  const done = rowsDone(scoring);
  if (source.rowsTotal !== null && done > doneAtStart) {
    const elapsedMs = performance.now() - tally.startMs;
    parts.push(`about ${formatDuration((elapsedMs * (source.rowsTotal - done)) / (done - doneAtStart))} left`);
  } else parts.push(`for ${formatDuration(performance.now() - tally.startMs)}`);
  return clip(parts.join('   '), screenWidth());
}

/** Rows of the source that were taken: each is one authorization, or none that could be mapped. */
function rowsDone({ counts }: Scoring): number {
  return (counts.get('accepted.payments.authorization.v1') ?? 0) + (counts.get('deadLetters.unmappable') ?? 0);
}

function nextText({ out, lastDeclines, deadLetters }: RunSummary): string {
  const explained = lastDeclines[0]?.decisionId ?? 'DECISION_ID';
  const commands = [`weir explain ${explained} --out ${out}`, `weir ledger verify --out ${out}`];
  if (deadLetters > 0) commands.push(`weir redrive --out ${out} --dry-run`);
  return `${title('Next')}\n${commands.map((command) => `  ${command}`).join('\n')}`;
}
