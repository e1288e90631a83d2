import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Mutant, mutants } from './mutants.ts';

const root = new URL('../..', import.meta.url).pathname;
const copied = ['core', 'adapters', 'runtime', 'simulate', 'examples', 'package.json'];
const seedsMax = 200;

/**
 * Plants one bug after the other in a copy of the tree and lets the simulator look for it: `npm run mutants`, or with a part
 * of a name `npm run mutants -- fence`. Exit code 1 when a bug survives.
 */
async function main(): Promise<void> {
  const [wanted = ''] = process.argv.slice(2);
  const chosen = mutants.filter(({ name }) => name.includes(wanted));
  if (chosen.length === 0) throw new Error(`got ${wanted}, expected a part of a mutant's name`);
  const healthy = await hunt({ name: 'the product as it is', patches: [] });
  if (healthy !== 'null') throw new Error(`the product as it is fails: ${healthy}`);
  let survivors = 0;
  for (const mutant of chosen) {
    const found = await hunt(mutant);
    if (found === 'null') survivors++;
    console.log(found === 'null' ? `SURVIVES  ${mutant.name}` : `caught    ${mutant.name}\n          ${brief(found)}`);
  }
  console.log(
    `${chosen.length - survivors} of ${chosen.length} planted bugs were caught, each by at most ${seedsMax} seeds`,
  );
  process.exitCode = survivors === 0 ? 0 : 1;
}

/** What the simulator says of a mutated copy, as JSON. */
async function hunt(mutant: Mutant): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'weir-mutant-'));
  try {
    for (const name of copied) cpSync(join(root, name), join(dir, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'));
    for (const patch of mutant.patches) apply(dir, mutant.name, patch);
    const child = spawn(process.execPath, ['simulate/mutants/hunt.ts', String(seedsMax), mutant.engine ?? ''], {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const answer = await text(child.stdout);
    if (answer === '') throw new Error(`${mutant.name}: got no answer from the simulator, expected one`);
    return answer;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function apply(dir: string, name: string, { file, find, replace }: Mutant['patches'][number]): void {
  const path = join(dir, file);
  const source = readFileSync(path, 'utf8');
  const times = source.split(find).length - 1;
  if (times !== 1) throw new Error(`${name}: got the text ${times} times in ${file}, expected it once: ${find}`);
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
}

/** The seed and the first line of what the auditor said. */
function brief(found: string): string {
  const parsed: unknown = JSON.parse(found);
  if (typeof parsed !== 'object' || parsed === null || !('seed' in parsed) || !('problems' in parsed)) return found;
  const first: unknown = Array.isArray(parsed.problems) ? parsed.problems[0] : parsed.problems;
  return `seed ${String(parsed.seed)}: ${String(first).split('\n')[0]}`;
}

await main();
