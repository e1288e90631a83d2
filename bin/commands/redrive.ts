import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { loadMapping } from '../../adapters/files/source-mapping.ts';
import { WeirError } from '../../core/contract/failure.ts';
import { assemble } from '../../runtime/assemble.ts';
import { claimManifest, type Manifest } from '../../runtime/manifest.ts';
import {
  countByCode,
  type DeadLetterRow,
  exportLate,
  exportLetters,
  openDeadLetters,
  readFixed,
} from '../dead-letters.ts';
import { openScoring } from '../engine-options.ts';
import { formatCount, formatRows } from '../format.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { requireRun } from '../output-directory.ts';
import { type Redriven, redriveLetters, takeAll } from '../redrive-letters.ts';
import { title } from '../summary-text.ts';
import { remark, say, sayJson } from '../terminal.ts';
import { addWeirFileOptions, weirFilesOf, type WeirFileOptions } from '../weir-files.ts';

type RedriveOptions = WeirFileOptions & {
  readonly out: string;
  readonly code?: readonly string[];
  readonly dryRun?: true;
  readonly yes?: true;
  readonly fixed?: string;
  readonly export?: string;
  readonly late?: true;
  readonly mapping?: string;
  readonly json?: true;
};

/** Adds `weir redrive`. */
export function addRedrive(program: Command, invocation: Invocation): void {
  const command = program
    .command('redrive')
    .summary('put dead letters back after a fix')
    .description(
      'Puts dead letters back: their original bytes, or corrected events in their place, go to the end of the log and through the core. Each letter once; ids make a repeat harmless.',
    )
    .requiredOption('--out <dir>', 'the folder of a run')
    .option('--code <code...>', 'letters of this code only, such as contractViolation')
    .option('--dry-run', 'only count what would be put back')
    .option('--yes', 'do not ask')
    .option('--export <file>', 'write the letters as JSON lines instead, to correct them')
    .option('--fixed <file>', 'put back these corrected events: JSON lines with offset and event')
    .option('--late', 'with --export: the late events in place of the dead letters')
    .option('--mapping <file>', 'give rows that could not be mapped to this mapping')
    .addOption(jsonOption());
  addWeirFileOptions(command);
  addExamples(
    command,
    'weir redrive --out weir-out/demo-1 --dry-run',
    'weir redrive --out weir-out/demo-1 --export letters.jsonl',
    'weir redrive --out weir-out/demo-1 --fixed letters.jsonl --yes',
    'weir redrive --out weir-out/demo-1 --late --export late.jsonl',
  );
  command.action(async (options: RedriveOptions) => {
    invocation.exitCode = await redrive(options);
  });
}

async function redrive(options: RedriveOptions): Promise<number> {
  const { out } = options;
  const manifest = requireRun(out);
  if (options.late && options.export === undefined) throw usage('got --late without --export', 'Add --export FILE.');
  if (options.export !== undefined) return writeExport(options, options.export);
  const letters = await chosenLetters(options);
  if (options.dryRun) {
    tellPlan({ options, letters });
    return exitCodes.ok;
  }
  if (letters.length === 0) remark('no dead letters in the lake to put back');
  else if (!(await isAgreed(options, letters))) {
    remark('nothing was put back');
    return exitCodes.ok;
  }
  const redriven = await putBack(options, manifest);
  if (options.json) sayJson({ out, ...redriven });
  else say(redrivenText(redriven));
  return exitCodes.ok;
}

async function writeExport({ out, code = [], late, json }: RedriveOptions, path: string): Promise<number> {
  const lines = late ? await exportLate(out, path) : await exportLetters(path, await openDeadLetters(out, code));
  if (json) sayJson({ out, export: path, lines });
  else say(`wrote ${formatCount(lines)} ${late ? 'late events' : 'dead letters'} to ${path}`);
  return exitCodes.ok;
}

/** With corrected events, their letters alone. */
async function chosenLetters({ out, code = [], fixed }: RedriveOptions): Promise<DeadLetterRow[]> {
  const letters = await openDeadLetters(out, code);
  if (fixed === undefined) return letters;
  const events = readFixed(fixed);
  return letters.filter(({ offset }) => events.has(offset));
}

async function putBack(options: RedriveOptions, manifest: Manifest): Promise<Redriven> {
  const { out, fixed, mapping } = options;
  const loadedMapping = mapping === undefined ? null : await loadMapping(mapping);
  const files = weirFilesOf(options);
  const assembled = await assemble(files);
  const { engine, source } = manifest;
  claimManifest({ dir: out, manifest: { ...assembled.identity, engine, source }, plan: assembled.weir.features.plan });
  const scoring = await openScoring({ dir: out, assembled, files, engine, threads: 1 });
  try {
    // What a stopped run left in the log comes first: it may have dead letters too.
    await takeAll(scoring);
    return await redriveLetters({
      out,
      scoring,
      letters: await chosenLetters(options),
      fixed: fixed === undefined ? null : readFixed(fixed),
      mapping: loadedMapping,
      source,
    });
  } finally {
    await scoring.close();
  }
}

function tellPlan({
  options,
  letters,
}: {
  readonly options: RedriveOptions;
  readonly letters: readonly DeadLetterRow[];
}): void {
  const byCode = countByCode(letters);
  if (options.json) return sayJson({ out: options.out, dryRun: true, letters: letters.length, byCode });
  say(`${title('Dead letters that would be put back')}\n${codeRows(letters, byCode)}`);
}

function codeRows(letters: readonly DeadLetterRow[], byCode: Readonly<Record<string, number>>): string {
  const rows = Object.entries(byCode).map(([code, count]) => [code, formatCount(count).padStart(10)]);
  return formatRows([['all', formatCount(letters.length).padStart(10)], ...rows]);
}

async function isAgreed({ yes }: RedriveOptions, letters: readonly DeadLetterRow[]): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY)
    throw usage('got no --yes, and no terminal to ask on', 'Look with --dry-run, then add --yes.');
  remark(codeRows(letters, countByCode(letters)));
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question('Put these back? [y/N] ')).trim());
  } finally {
    terminal.close();
  }
}

function redrivenText({ letters, stayed, events, counts }: Redriven): string {
  const of = (prefix: string): number =>
    Object.entries(counts).reduce((sum, [name, count]) => (name.startsWith(prefix) ? sum + count : sum), 0);
  return formatRows([
    ['put back', formatCount(letters).padStart(10), `as ${formatCount(events)} ${events === 1 ? 'event' : 'events'}`],
    ['stayed', formatCount(stayed).padStart(10), stayed === 0 ? '' : 'rows that no mapping makes events of'],
    ['decided', formatCount(of('decisions.')).padStart(10)],
    ['too late', formatCount(of('tooLate')).padStart(10), 'scored with the flag, and kept in lake/late'],
    ['duplicates', formatCount(of('duplicates')).padStart(10)],
    ['refused again', formatCount(of('deadLetters.')).padStart(10), 'dead letters as before'],
  ]);
}

function usage(message: string, fix: string): WeirError {
  return new WeirError({ code: 'USAGE', message, fix });
}
