import { spawnSync } from 'node:child_process';
import { delimiter, join, relative } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { listTree } from './tree.ts';

/** One part of the gate: a command, and how to read from its output what it looked at. */
export type Step = {
  readonly name: string;
  readonly command: readonly [program: string, ...args: readonly string[]];
  readonly unit: 'files' | 'tests';
  /** How many units the step must have seen at least. */
  readonly floor: number;
  readonly countSeen: (output: string) => number;
  /** What to print of the output when the step failed; all of it when there is no such function. */
  readonly explain?: (output: string) => string;
};

/** What a step's command did. */
export type Run = { readonly exitCode: number | null; readonly output: string };

/** A step passes when its command did and it saw no less than its floor; a step that saw nothing never passes. */
export function judgeStep(step: Step, run: Run): { readonly ok: boolean; readonly message: string } {
  const seen = step.countSeen(run.output);
  if (run.exitCode !== 0) return { ok: false, message: `exit code ${run.exitCode}` };
  const floor = Math.max(1, step.floor);
  if (seen < floor) return { ok: false, message: `saw ${seen} ${step.unit}, expected ${floor} or more` };
  return { ok: true, message: `${seen} ${step.unit}` };
}

/** The gate in order; the floor of each step is the number of TypeScript files of the repository, read from the tree. */
export function gate(typeScriptFiles: readonly string[]): readonly Step[] {
  const floor = typeScriptFiles.length;
  return [
    {
      name: 'types',
      command: ['tsc', '--noEmit', '--listFiles'],
      unit: 'files',
      floor,
      countSeen: (output) => typeScriptFiles.length - missedFiles(output, typeScriptFiles).length,
      explain: (output) => explainTypes(output, typeScriptFiles),
    },
    { name: 'lint', command: ['oxlint'], unit: 'files', floor, countSeen: countBy(/ on (\d+) files? with /) },
    {
      name: 'format',
      command: ['oxfmt', '--check'],
      unit: 'files',
      floor,
      countSeen: countBy(/ on (\d+) files? using /),
    },
    {
      name: 'tidy',
      command: ['vitest', 'run', '--project', 'unit', 'test/tidy'],
      unit: 'tests',
      floor: 1,
      countSeen: countBy(/Tests\s.*?(\d+) passed/),
    },
    {
      name: 'dead code',
      command: ['knip', '--reporter', 'symbols', '--reporter', './scripts/knip-count.ts'],
      unit: 'files',
      floor,
      countSeen: countBy(/^Analysed (\d+) files$/m),
    },
  ];
}

/** Reads the count that a tool prints; 0 when it printed none. */
function countBy(pattern: RegExp): (output: string) => number {
  return (output) => Number(pattern.exec(output)?.[1] ?? 0);
}

/** The files that the compiler's listing lacks. */
function missedFiles(output: string, expected: readonly string[]): readonly string[] {
  const listed = new Set(output.split('\n').map((line) => relative(process.cwd(), line)));
  return expected.filter((path) => !listed.has(path));
}

/** The compiler lists every file that it reads; the reader of a failure wants the errors and what was not read. */
function explainTypes(output: string, expected: readonly string[]): string {
  const errors = output.split('\n').filter((line) => !line.startsWith('/'));
  const missed = missedFiles(output, expected).map((path) => `${path}: not compiled, expected in tsconfig.json`);
  return [...missed, ...errors].join('\n');
}

function runStep(step: Step): Run {
  const [program, ...args] = step.command;
  const bin = join(process.cwd(), 'node_modules', '.bin');
  const env = { ...process.env, NO_COLOR: '1', PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', env, maxBuffer: 2 ** 28 });
  if (error !== undefined) throw error;
  return { exitCode: status, output: `${stdout}${stderr}` };
}

function main(): void {
  const pinned = `v${manifest.devDependencies.node}`;
  console.log(`node       ${process.version}`);
  if (process.version !== pinned) throw new Error(`got node ${process.version}, expected ${pinned}: use npm run check`);
  const startMs = performance.now();
  const failed = gate(listTree().filter((path) => path.endsWith('.ts'))).filter((step) => !passes(step));
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  if (failed.length > 0) process.exitCode = 1;
  const verdict = failed.length === 0 ? 'passed' : `failed: ${failed.map((step) => step.name).join(', ')}`;
  console.log(`check ${verdict} (${seconds} s)`);
}

function passes(step: Step): boolean {
  const startMs = performance.now();
  const run = runStep(step);
  const { ok, message } = judgeStep(step, run);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${step.name.padEnd(10)} ${ok ? 'ok' : 'FAILED'}, ${message}, ${seconds} s`);
  if (!ok) console.log(step.explain?.(run.output) ?? run.output);
  return ok;
}

if (import.meta.main) main();
