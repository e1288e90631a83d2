import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import type { Tally } from '../../simulate/faults.ts';
import { type FailingSeed, missingIn, seedsForEverything } from '../../simulate/simulation-seeds.ts';
import { planOf } from '../../simulate/simulation-plan.ts';
import { planLines, shrinkPlan } from '../../simulate/simulation-shrink.ts';
import { runSeedsInThreads } from '../../simulate/simulation-threads.ts';
import { formatCount, formatRows } from '../format.ts';
import { addExamples, exitCodes, type Invocation, jsonOption, wholeNumber } from '../invocation.ts';
import { openScreen } from '../screen.ts';
import { title } from '../summary-text.ts';
import { paint, say, sayJson } from '../terminal.ts';

type SimulateOptions = {
  readonly seeds: number;
  readonly seed: number;
  readonly threads: number;
  readonly json?: true;
};

/** Runs of a failing seed with ever less in it. */
const shrinkRunsMax = 400;

/** Adds `weir simulate`. */
export function addSimulate(program: Command, invocation: Invocation): void {
  const command = program
    .command('simulate')
    .summary('run the engine over a disk, a clock and dice that fail')
    .description(
      'Runs the shipped engine over a simulated disk, clock and dice: crashes between any two steps, loss of power, torn files, a full disk, owners that come back; then audits what is on the disk. The same seed gives the same run. Exit code 3 when a seed is not as it must be.',
    )
    .option('--seeds <n>', 'how many seeds', wholeNumber(1), seedsForEverything)
    .option('--seed <n>', 'the first seed', wholeNumber(0), 1)
    .option('--threads <n>', 'threads that share the seeds', wholeNumber(1), Math.min(2, availableParallelism()))
    .addOption(jsonOption());
  addExamples(command, 'weir simulate --seeds 10000', 'weir simulate --seed 17 --seeds 1');
  command.action(async (options: SimulateOptions) => {
    invocation.exitCode = await simulateSeeds(options);
  });
}

async function simulateSeeds({ seeds, seed, threads, json }: SimulateOptions): Promise<number> {
  const counts: Tally = new Map();
  const startMs = performance.now();
  const failing = await runShown({ seeds, seed, threads }, counts);
  const durationMs = Math.round(performance.now() - startMs);
  const missing = failing === null && seeds >= seedsForEverything ? missingIn(counts) : [];
  const ok = failing === null && missing.length === 0;
  const smallest = failing === null ? null : await shrinkPlan(planOf(failing.seed), { runsMax: shrinkRunsMax });
  const repeat = failing === null ? null : `weir simulate --seed ${failing.seed} --seeds 1`;
  const lines = smallest === null ? [] : planLines(smallest.plan);
  if (json) {
    const shrunk = smallest === null ? null : { problems: smallest.problems, plan: lines };
    sayJson({ ok, firstSeed: seed, seeds, durationMs, failing, repeat, shrunk, missing, counts: sorted(counts) });
  } else {
    say(summary({ seeds, seed, durationMs, counts }));
    for (const name of missing) say(paint(`${name} never happened in ${seeds} seeds`, { tone: 'bad', on: 'out' }));
    if (failing !== null)
      say(failureText(failing, { repeat: repeat ?? '', lines, problems: smallest?.problems ?? [] }));
  }
  return ok ? exitCodes.ok : exitCodes.negative;
}

async function runShown(
  { seeds, seed, threads }: Pick<SimulateOptions, 'seeds' | 'seed' | 'threads'>,
  counts: Tally,
): Promise<FailingSeed | null> {
  using _screen = openScreen(() => {
    const events = formatCount(counts.get('events.records') ?? 0);
    return [`${formatCount(counts.get('seeds') ?? 0)} of ${formatCount(seeds)} seeds, ${events} records`];
  });
  return await runSeedsInThreads({ firstSeed: seed, count: seeds, threads: Math.min(threads, seeds) }, counts);
}

type Summary = { readonly seeds: number; readonly seed: number; readonly durationMs: number; readonly counts: Tally };

function summary({ seeds, seed, durationMs, counts }: Summary): string {
  const rows = [...sorted(counts)].map(([name, count]) => [name, formatCount(count)]);
  const done = counts.get('seeds') ?? 0;
  const pace = `${(durationMs / 1000).toFixed(1)} s, ${(durationMs / Math.max(1, done)).toFixed(0)} ms a seed`;
  return `${title('Simulation')}\n${formatCount(done)} of ${formatCount(seeds)} seeds from ${seed} on in ${pace}\n${formatRows(rows)}`;
}

function failureText(
  failing: FailingSeed,
  of: { readonly repeat: string; readonly lines: readonly string[]; readonly problems: readonly string[] },
): string {
  const { repeat, lines, problems } = of;
  const head = paint(`seed ${failing.seed} fails; repeat it with: ${repeat}`, { tone: 'bad', on: 'out' });
  const smallest = ['the smallest that was found to fail:', ...lines, ...problems];
  return [head, ...failing.problems.slice(0, 10), '', ...smallest].join('\n');
}

function sorted(counts: Tally): Tally {
  return new Map([...counts].toSorted(([left], [right]) => (left < right ? -1 : 1)));
}
