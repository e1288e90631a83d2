import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Source } from '../../adapters/files/source.ts';
import { durationMs } from '../../core/contract/duration.ts';
import { contractShape } from '../../core/contract/shape.ts';
import type { FlowSet } from '../../core/features/flow-plan.ts';
import { createFlow, type Flow } from '../../core/flow-pipeline.ts';
import type { Counts } from '../../core/sinks/effects.ts';
import { flowTableRow } from '../../core/steps/flow-tables.ts';
import { FlowRun } from '../../runtime/flow.ts';
import { claimFlow, loadFlow } from '../../runtime/flow-files.ts';
import { streamFlow } from '../../runtime/flow-stream.ts';
import { runSource } from '../../runtime/run-source.ts';
import { formatCount, formatRows } from '../format.ts';
import { listenForInterruption } from '../interruption.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { addSourceOptions, openAskedSource, type SourceFileOptions, untilAborted } from '../source-options.ts';
import { breathe } from '../tally.ts';
import { remark, say, sayJson } from '../terminal.ts';
import { tellRecovery } from '../weir-session.ts';

type FlowOptions = SourceFileOptions & {
  readonly definition: string;
  readonly watermarkPer: Flow['watermarkPer'];
  readonly out?: string;
  readonly ndjson?: true;
  readonly openEnded?: true;
  readonly tick?: number;
  readonly json?: true;
};

/** Adds `weir flow`. */
export function addFlow(program: Command, invocation: Invocation): void {
  const flow = program
    .command('flow')
    .summary('panes, sessions and joins over a file')
    .description('Panes, sessions and joins over the events of a file, as a definition says.');
  addExamples(flow, 'weir flow check --definition examples/flows/payments.ts');
  addRunFlow(flow, invocation);
  addCheckFlow(flow, invocation);
}

function addRunFlow(flow: Command, invocation: Invocation): void {
  const run = flow
    .command('run')
    .summary('compute the outputs of a flow')
    .description(
      'Computes the outputs of a flow: into a folder, a Parquet table each, where the same command goes on after a crash or Ctrl-C; or with --ndjson as lines on standard output, which keeps nothing. Of a row the highest revision counts.',
    )
    .requiredOption('--definition <file>', 'the flow');
  addSourceOptions(run)
    .option('--out <dir>', 'where to write')
    .option('--ndjson', 'write rows to standard output, a JSON object a line')
    .option('--open-ended', 'the input may go on later: leave what is waiting open')
    .addOption(
      new Option('--watermark-per <what>', 'one watermark, for a sorted file, or one a topic')
        .choices(['input', 'topic'])
        .default('input'),
    )
    .option('--tick <duration>', 'of live input: how often to look for topics that are silent', tickMs)
    .addOption(jsonOption());
  addExamples(
    run,
    'weir flow run --definition examples/flows/payments.ts --source examples/small/payments.csv --out weir-out/flow',
    'weir flow run --definition examples/flows/merchants.ts --source examples/flows/merchants.jsonl --ndjson',
  );
  run.action(async (options: FlowOptions) => {
    invocation.exitCode = await runFlow(run, options);
  });
}

function addCheckFlow(flow: Command, invocation: Invocation): void {
  const check = flow
    .command('check')
    .summary('say what a flow makes')
    .description(
      'Loads a flow and says what it reads and makes, its hash, and whether its partitions can have owners of their own.',
    )
    .requiredOption('--definition <file>', 'the flow')
    .addOption(jsonOption());
  addExamples(check, 'weir flow check --definition examples/flows/payments.ts');
  check.action(async ({ definition, json }: Pick<FlowOptions, 'definition' | 'json'>) => {
    const set = await loadFlow(definition);
    if (json) sayJson({ ...set.plan, inputs: set.contracts.map(contractShape), hash: set.hash });
    else say(checkText(set));
    invocation.exitCode = exitCodes.ok;
  });
}

async function runFlow(command: Command, options: FlowOptions): Promise<number> {
  const { definition, watermarkPer, out, ndjson, json } = options;
  if ((out === undefined) === (ndjson === undefined)) {
    command.error('error: got --out and --ndjson both or neither, expected one of them');
  }
  if (ndjson && (options.openEnded || options.tick !== undefined)) {
    command.error('error: got --open-ended or --tick with --ndjson, expected --out: only what is kept can go on later');
  }
  const set = await loadFlow(definition);
  const flow = createFlow(set, { watermarkPer, partitions: 1 });
  const source = await openAskedSource(options);
  const startMs = performance.now();
  const done =
    out === undefined
      ? { status: 'complete', counts: await printRows(flow, source) }
      : await writeRows({ flow, source, out, options });
  const seconds = (performance.now() - startMs) / 1000;
  const report = { status: done.status, out: out ?? null, flow: identityOf(flow), counts: done.counts, seconds };
  if (json && ndjson === undefined) sayJson(report);
  else remark(runText(report));
  return done.status === 'stopped' ? exitCodes.interrupted : exitCodes.ok;
}

type Done = { readonly status: string; readonly counts: Counts };

async function writeRows(asked: {
  readonly flow: Flow;
  readonly source: Source;
  readonly out: string;
  readonly options: FlowOptions;
}): Promise<Done> {
  const { flow, source, out, options } = asked;
  const { watermarkPer, openEnded, tick } = options;
  const run = new FlowRun({ dir: out, flow, ...(tick === undefined ? {} : { tickMs: tick }) });
  try {
    claimFlow(out, { flow: identityOf(flow), watermarkPer, source: source.identity });
    if (run.isComplete) {
      remark(`${out} is complete: nothing is left to do`);
      return { status: 'alreadyComplete', counts: run.counts };
    }
    tellRecovery(out, run.recovery);
    using interruption = listenForInterruption();
    const { signal } = interruption;
    const status = await runSource({
      scoring: run,
      items: untilAborted(source.events(), signal),
      atEnd: openEnded ? 'stayOpen' : 'endOfInput',
      signal,
      pace: breathe,
    });
    return { status, counts: run.counts };
  } finally {
    await run.close();
  }
}

function printRows(flow: Flow, source: Source): Promise<Counts> {
  return streamFlow({
    flow,
    items: source.events(),
    onRows: (rows) => {
      for (const row of rows) say(JSON.stringify({ output: row.output, ...flowTableRow(row) }));
    },
    onLate: (events) => {
      for (const { topic, eventId, reason } of events) remark(`left out (${reason}): ${topic} ${eventId}`);
    },
  });
}

function identityOf({ plan, hash }: Flow): { readonly name: string; readonly version: number; readonly hash: string } {
  return { name: plan.name, version: plan.version, hash };
}

function runText(report: {
  readonly status: string;
  readonly out: string | null;
  readonly counts: Counts;
  readonly seconds: number;
}): string {
  const { status, out, counts, seconds } = report;
  const rows = [...counts].toSorted(([left], [right]) => (left < right ? -1 : 1));
  return formatRows([
    ['status', status],
    ...rows.map(([name, count]) => [name, formatCount(count)] as const),
    ['took', `${seconds.toFixed(1)} s`],
    ...(out === null ? [] : [['written', out] as const]),
  ]);
}

function checkText({ plan, hash }: FlowSet): string {
  const owners =
    plan.scope === 'partition'
      ? 'each partition can have an owner of its own: every output is keyed by its topics'
      : 'one owner takes all partitions: an output is keyed by something else than its topics';
  return formatRows([
    ['flow', `${plan.name}, version ${plan.version}`],
    ['hash', hash],
    ['reads', plan.inputs.map(({ topic }) => topic).join(', ')],
    ...plan.outputs.map(({ name, kind }) => ['makes', `${name} (${kindNames[kind]})`] as const),
    ['owners', owners],
  ]);
}

const kindNames = {
  panes: 'panes',
  sessions: 'sessions',
  intervalJoin: 'interval join',
  temporalJoin: 'temporal join',
} as const;

/** Parses a duration of ticks. */
function tickMs(text: string): number {
  try {
    return durationMs(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
