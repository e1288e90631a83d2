import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';

// `npm run faults -- [--times 3] [--definition FILE --model FILE]`: every fault of a worker on Kafka so many times in a row,
// and how long each was felt; with a definition of one key that is spread over partitions, in place of nested keys alone.
const { values } = parseArgs({
  options: { times: { type: 'string', default: '3' }, definition: { type: 'string' }, model: { type: 'string' } },
});
const { definition, model } = values;
const suite = definition === undefined ? 'kafka-worker' : 'kafka-foreign';
const noted = z.object({ fault: z.string(), compared: z.int(), recoveriesMs: z.array(z.number()) });
const dir = mkdtempSync(join(tmpdir(), 'weir-faults-'));
const file = join(dir, 'faults.jsonl');
let failed = 0;
for (let time = 1; time <= Number(values.times); time++) {
  process.stderr.write(`run ${time} of ${values.times}\n`);
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--project', 'integration', `test/integration/${suite}.test.ts`];
  const asked = {
    ...(definition === undefined ? {} : { WEIR_FAULTS_DEFINITION: resolve(definition) }),
    ...(model === undefined ? {} : { WEIR_FAULTS_MODEL: resolve(model) }),
  };
  const env = { ...process.env, ...asked, WEIR_FAULTS_FILE: file };
  const child = spawn(process.execPath, args, { stdio: ['ignore', 2, 2], env });
  await once(child, 'exit');
  if (child.exitCode !== 0) failed++;
}

const faults = new Map<string, { runs: number; compared: number; secondsMax: number; seconds: number[] }>();
for (const line of existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []) {
  const { fault, compared, recoveriesMs } = noted.parse(JSON.parse(line));
  const known = faults.get(fault) ?? { runs: 0, compared: 0, secondsMax: 0, seconds: [] };
  known.runs++;
  known.compared += compared;
  known.seconds.push(...recoveriesMs.map((recoveryMs) => recoveryMs / 1000));
  known.secondsMax = Math.max(0, ...known.seconds);
  faults.set(fault, known);
}
for (const [fault, { runs, compared, seconds, secondsMax }] of faults) {
  const mean = seconds.reduce((sum, one) => sum + one, 0) / Math.max(1, seconds.length);
  const felt = seconds.length === 0 ? '' : `, felt ${mean.toFixed(1)} s, ${secondsMax.toFixed(1)} s at most`;
  process.stdout.write(`${fault}: ${runs} runs, ${compared.toLocaleString('en')} decisions the same${felt}\n`);
}
process.stdout.write(`${Number(values.times) - failed} of ${values.times} runs passed\n`);
rmSync(dir, { recursive: true, force: true });
process.exitCode = failed === 0 ? 0 : 1;
