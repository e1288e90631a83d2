import type { Command } from 'commander';
import { assemble } from '../../runtime/assemble.ts';
import { claimManifest } from '../../runtime/manifest.ts';
import { runSource } from '../../runtime/run-source.ts';
import type { Scoring } from '../../runtime/scoring.ts';
import { demoLines } from '../demo-view.ts';
import { openDemoStream, type DemoStream, type Verdicts } from '../demo-stream.ts';
import { openScoring } from '../engine-options.ts';
import { formatAmount, formatCount, formatRows, formatShare } from '../format.ts';
import { listenForInterruption } from '../interruption.ts';
import { addExamples, exitCodes, type Invocation, jsonOption, numberAboveZero, wholeNumber } from '../invocation.ts';
import { demoDirectory } from '../output-directory.ts';
import { paceOf } from '../pace.ts';
import { type RunSummary, summarise } from '../run-summary.ts';
import { openScreen } from '../screen.ts';
import { summaryText, title } from '../summary-text.ts';
import { addProgress, createTally } from '../tally.ts';
import { remark, say, sayJson } from '../terminal.ts';
import { telemetryDemo } from '../telemetry-demo.ts';
import { addWeirFileOptions, weirFilesOf, type WeirFileOptions } from '../weir-files.ts';

type DemoOptions = WeirFileOptions & {
  readonly rate?: number;
  readonly events?: number;
  readonly seed: number;
  readonly once?: true;
  readonly out?: string;
  readonly json?: true;
  readonly telemetry?: true;
};

/** Authorizations of a demonstration that nobody watches, without saying how many. */
const onceEvents = 20_000;

/** Adds `weir demo`. */
export function addDemo(program: Command, invocation: Invocation): void {
  const command = program
    .command('demo')
    .summary('payments scored, or plants watched, live')
    .description(
      'Generates payments of a made-up world, disturbs them a little (late, twice, damaged) and scores them, with a live view on a terminal. Runs until Ctrl-C, or --events. With --telemetry the same for readings of plants: 200,000 of them, or --events.',
    )
    .option('--telemetry', 'readings of plants instead of payments')
    .option('--rate <n>', 'events a second (default: as fast as it goes)', numberAboveZero)
    .option('--events <n>', 'stop after this many authorizations, or readings', wholeNumber(1))
    .option('--seed <n>', 'another seed is another world', wholeNumber(0), 1)
    .option(
      '--once',
      `without a live view, as without a terminal: ${formatCount(onceEvents)} authorizations unless --events says`,
    )
    .option('--out <dir>', 'where to write (default: a new folder in weir-out)')
    .addOption(jsonOption());
  addWeirFileOptions(command);
  addExamples(
    command,
    'weir demo',
    'weir demo --rate 500',
    'weir demo --once --events 5000 --seed 7 --json',
    'weir demo --telemetry',
  );
  command.action(async (options: DemoOptions) => {
    invocation.exitCode = await (options.telemetry ? telemetryDemo(options) : demo(options));
  });
}

async function demo(options: DemoOptions): Promise<number> {
  const { seed, json, once } = options;
  // Nobody can stop what nobody watches: without a terminal it ends by itself.
  const isWatched = once !== true && process.stderr.isTTY;
  const authorizationsMax = options.events ?? (isWatched ? Infinity : onceEvents);
  const files = weirFilesOf(options);
  const assembled = await assemble(files);
  const out = demoDirectory({ out: options.out, name: `demo-${seed}` });
  const stream = openDemoStream({ seed, authorizationsMax });
  // Generated payments may be ahead of this machine's clock; they count as taken when they happened.
  const clockMs = (): number => Math.max(Date.now(), stream.streamTimeMs());
  const engine = 'columnar';
  const scoring = await openScoring({ dir: out, assembled, files, engine, threads: 1, tells: 'all', clockMs });
  try {
    const source = { path: `demo of seed ${seed}`, sizeBytes: null, format: 'jsonl', mapping: null };
    const manifest = { ...assembled.identity, engine, source } as const;
    claimManifest({ dir: out, manifest, plan: assembled.weir.features.plan });
    remark(`weir demo: made-up payments of seed ${seed}; everything is kept in ${out}`);
    const { summary, interrupted } = await score({ options, out, scoring, stream });
    const report = { ...summary, seed, labelled: stream.verdicts, next: nextCommands(summary) };
    if (json) sayJson(report);
    else say(demoText(report));
    // Ctrl-C is how a demonstration without an end is ended.
    return interrupted && options.events !== undefined ? exitCodes.interrupted : exitCodes.ok;
  } finally {
    await scoring.close();
  }
}

type Demo = {
  readonly options: DemoOptions;
  readonly out: string;
  readonly scoring: Scoring;
  readonly stream: DemoStream;
};

async function score({ options, out, scoring, stream }: Demo): Promise<{ summary: RunSummary; interrupted: boolean }> {
  using interruption = listenForInterruption();
  const tally = createTally();
  const { rate } = options;
  const heading = `weir demo · seed ${options.seed} · ${rate === undefined ? 'full speed' : `${rate} events/s`}`;
  using _screen = options.once ? null : openScreen(() => demoLines({ scoring, tally, title: heading }));
  const status = await runSource({
    scoring,
    items: stream.items,
    atEnd: 'stayOpen',
    signal: interruption.signal,
    onProgress: (progress) => {
      addProgress(tally, progress);
      progress.decisions.forEach(stream.judge);
    },
    ...paceOf(rate, interruption.signal),
  });
  const summary = await summarise({ status, out, scoring, tally });
  return { summary, interrupted: interruption.signal.aborted };
}

function nextCommands({ out, lastDeclines }: RunSummary): readonly string[] {
  const explained = lastDeclines[0]?.decisionId;
  return [
    ...(explained === undefined ? [] : [`weir explain ${explained} --out ${out}`]),
    `weir ledger verify --out ${out}`,
    `weir redrive --out ${out} --dry-run`,
  ];
}

function demoText(report: RunSummary & { readonly labelled: Verdicts; readonly next: readonly string[] }): string {
  return [
    summaryText(report),
    `${title('Against what the generator knows')}\n${verdictLines(report)}`,
    `${title('What this is')}\n${honestLines}`,
    `${title('Next')}\n${report.next.map((command) => `  ${command}`).join('\n')}`,
  ].join('\n\n');
}

const honestLines = [
  '  The payments are made up. The stream stops at its last payment, so holds are',
  '  open: their clearings would come days later. What is listed is durable.',
].join('\n');

function verdictLines({ labelled, ledger }: RunSummary & { readonly labelled: Verdicts }): string {
  const { payments, frauds, fraudsNotApproved, fraudMinor, fraudNotApprovedMinor, genuineDeclined } = labelled;
  const genuine = payments - frauds;
  const currency = Object.keys(ledger.currencies)[0] ?? 'EUR';
  return formatRows([
    [
      'frauds',
      formatCount(frauds).padStart(9),
      `of ${formatCount(payments)} payments, worth ${formatAmount(fraudMinor, currency)}`,
    ],
    [
      'not approved',
      formatShare(fraudsNotApproved, frauds).padStart(9),
      `of them, ${formatShare(fraudNotApprovedMinor, fraudMinor)} of their amount`,
    ],
    [
      'declined',
      formatShare(genuineDeclined, genuine).padStart(9),
      `of the genuine payments (${formatCount(genuineDeclined)})`,
    ],
  ]);
}
