import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { runWeir, runWithKills } from './crash.ts';
import { digestOf } from './digest.ts';

// `npm run crash -- --source FILE --out DIR [--kills 20] [--seed 1]`: runs a source once undisturbed, once with kills, and
// compares every row of every table.
const { values } = parseArgs({
  options: {
    source: { type: 'string' },
    out: { type: 'string' },
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
  },
});
const { source, out } = values;
if (source === undefined || out === undefined) {
  process.stderr.write('got no --source or no --out, expected both\n');
  process.exit(2);
}
const startMs = performance.now();
const expectedDir = join(out, 'undisturbed');
const undisturbed = await runWeir({ source, out: expectedDir }, null);
if (undisturbed.code !== 0) throw new Error(undisturbed.stderr);
const durationMs = performance.now() - startMs;
process.stderr.write(`undisturbed: ${(durationMs / 1000).toFixed(1)} s\n`);
const report = await runWithKills({
  source,
  out: join(out, 'killed'),
  kills: Number(values.kills),
  seed: Number(values.seed),
  durationMs,
  onKill: (kill, afterMs) => process.stderr.write(`kill ${kill} after ${(afterMs / 1000).toFixed(1)} s\n`),
});
const expected = await digestOf(expectedDir);
const actual = await digestOf(join(out, 'killed'));
const same = JSON.stringify(expected) === JSON.stringify(actual);
const { killed, resumedFrom } = report;
process.stdout.write(`${JSON.stringify({ killed, resumedFrom, expected, actual, same }, null, 2)}\n`);
process.exitCode = same ? 0 : 3;
