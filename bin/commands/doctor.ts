import { spawnSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import type { Command } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { compareShapes } from '../../core/contract/compatibility.ts';
import { contracts } from '../../core/contract/contracts.ts';
import { contractsLock, parseContractsLock } from '../../core/contract/contracts-lock.ts';
import { WeirError } from '../../core/contract/failure.ts';
import { assemble } from '../../runtime/assemble.ts';
import { shippedLock } from './contracts.ts';
import { formatBytes, wrap } from '../format.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { title } from '../summary-text.ts';
import { paint, say, sayJson } from '../terminal.ts';
import { addWeirFileOptions, weirFilesOf, type WeirFileOptions } from '../weir-files.ts';

type DoctorOptions = WeirFileOptions & { readonly out: string; readonly json?: true };

/** One thing that was looked at; `needed` things that are not ok make the exit code 3. */
type Finding = {
  readonly name: string;
  readonly needed: boolean;
  readonly ok: boolean;
  readonly found: string;
  /** The empty string when there is nothing to do. */
  readonly fix: string;
};

const freeBytesMin = 1024 ** 3;
const memoryBytesMin = 2 * 1024 ** 3;

/** Adds `weir doctor`. */
export function addDoctor(program: Command, invocation: Invocation): void {
  const command = program
    .command('doctor')
    .summary('what this machine can run, and what is missing')
    .description('Looks at this machine and changes nothing. Exit code 3 when something needed is missing.')
    .option('--out <dir>', 'the folder whose disk is looked at', '.')
    .addOption(jsonOption());
  addWeirFileOptions(command);
  addExamples(command, 'weir doctor', 'weir doctor --json');
  command.action(async (options: DoctorOptions) => {
    invocation.exitCode = await examine(options);
  });
}

async function examine(options: DoctorOptions): Promise<number> {
  const findings = [
    nodeVersion(),
    machine(),
    disk(options.out),
    await shippedParts(options),
    lock(),
    ...optionalTools(),
  ];
  const ok = findings.every((finding) => finding.ok || !finding.needed);
  if (options.json) sayJson({ ok, findings });
  else say(findingsText(findings));
  return ok ? exitCodes.ok : exitCodes.negative;
}

function nodeVersion(): Finding {
  const pinned = manifest.devDependencies.node;
  const [major = 0] = process.versions.node.split('.').map(Number);
  const isPinned = process.versions.node === pinned;
  return {
    name: 'Node.js',
    needed: true,
    ok: major >= 24,
    found: `${process.versions.node}${isPinned ? ', the pinned version' : `; ${pinned} is the pinned version`}`,
    fix: isPinned ? '' : 'Start Weir with `npm run weir --`, which uses the pinned version.',
  };
}

function machine(): Finding {
  const ok = totalmem() >= memoryBytesMin;
  return {
    name: 'Processor and memory',
    needed: true,
    ok,
    found: `${availableParallelism()} cores, ${formatBytes(totalmem())} of memory, ${formatBytes(freemem())} free`,
    fix: ok ? '' : `Use a machine with ${formatBytes(memoryBytesMin)} of memory or more.`,
  };
}

function disk(path: string): Finding {
  const name = 'Disk';
  try {
    const { bavail, bsize } = statfsSync(path);
    const ok = bavail * bsize >= freeBytesMin;
    const fix = ok ? '' : `Free some space: a million payments take about ${formatBytes(freeBytesMin)}.`;
    return { name, needed: true, ok, found: `${formatBytes(bavail * bsize)} free at ${path}`, fix };
  } catch {
    return {
      name,
      needed: true,
      ok: false,
      found: `no folder at ${path}`,
      fix: 'Name a folder that exists with --out.',
    };
  }
}

async function shippedParts(options: WeirFileOptions): Promise<Finding> {
  const name = 'Definition, rules, model';
  try {
    const { identity, weir } = await assemble(weirFilesOf(options));
    const { definition, rules, model } = identity;
    const features = weir.features.plan.features.length;
    const found = `${definition.name} v${definition.version} (${features} features), ${rules.id} v${rules.version}, ${model.id} ${model.version}: they fit`;
    return { name, needed: true, ok: true, found, fix: '' };
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return { name, needed: true, ok: false, found, fix: error instanceof WeirError ? error.fix : '' };
  }
}

function lock(): Finding {
  const name = 'Contracts';
  try {
    const locked = parseContractsLock(readFileSync(shippedLock, 'utf8'));
    const broken = compareShapes({ locked, current: contractsLock() }).length;
    const found = broken === 0 ? `${contracts.size}, compatible with the lock` : `${broken} breaking changes`;
    return { name, needed: true, ok: broken === 0, found, fix: broken === 0 ? '' : 'See `weir contracts check`.' };
  } catch {
    return {
      name,
      needed: true,
      ok: false,
      found: 'the lock cannot be read',
      fix: 'Restore contracts.lock.json from version control.',
    };
  }
}

function optionalTools(): Finding[] {
  const modules = ['duckdb', 'pyarrow', 'xgboost'];
  const missing = modules.filter((module) => !succeeds('python3', ['-c', `import ${module}`]));
  const duckdb = succeeds(process.execPath, ['--input-type=module', '-e', "import('@duckdb/node-api')"]);
  const java = succeeds('java', ['-version']);
  return [
    {
      name: 'Python for training',
      needed: false,
      ok: missing.length === 0,
      found: missing.length === 0 ? `python3 with ${modules.join(', ')}` : `python3 lacks ${missing.join(', ')}`,
      fix: missing.length === 0 ? '' : `To train a model of your own: pip install ${missing.join(' ')}`,
    },
    {
      name: 'DuckDB for Node.js',
      needed: false,
      ok: duckdb,
      found: duckdb ? '@duckdb/node-api loads' : '@duckdb/node-api does not load',
      fix: duckdb ? '' : 'To run the tests that compare with SQL: npm ci',
    },
    {
      name: 'Java',
      needed: false,
      ok: java,
      found: java ? 'java answers' : 'none; nothing here needs it yet',
      fix: '',
    },
    { name: 'Kafka', needed: false, ok: true, found: 'not needed: the log is a folder', fix: '' },
  ];
}

function succeeds(program: string, args: readonly string[]): boolean {
  return (
    spawnSync(program, [...args], { stdio: 'ignore', timeout: 20_000, cwd: new URL('../../', import.meta.url) })
      .status === 0
  );
}

function findingsText(findings: readonly Finding[]): string {
  const needed = findings.filter((finding) => finding.needed);
  const missing = needed.filter(({ ok }) => !ok);
  const verdict =
    missing.length === 0
      ? paint('This machine can run Weir: try `weir demo`.', { tone: 'good', on: 'out' })
      : paint(`Missing: ${missing.map(({ name }) => name).join(', ')}.`, { tone: 'bad', on: 'out' });
  return [
    `${title('Needed')}\n${needed.map(findingText).join('\n')}`,
    `${title('Optional')}\n${findings
      .filter((finding) => !finding.needed)
      .map(findingText)
      .join('\n')}`,
    verdict,
  ].join('\n\n');
}

function findingText({ name, needed, ok, found, fix }: Finding): string {
  const tone = ok ? 'good' : needed ? 'bad' : 'dim';
  const mark = paint(ok ? 'ok' : needed ? 'no' : '--', { tone, on: 'out' });
  const [first = '', ...more] = wrap(found, 48);
  const indent = ' '.repeat(31);
  const lines = [`  ${mark}  ${name.padEnd(24)} ${first}`, ...more.map((line) => indent + line)];
  return [...lines, ...(fix === '' ? [] : wrap(fix, 48).map((line) => indent + line))].join('\n');
}
