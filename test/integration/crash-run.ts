import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { type EngineOptions, runWeir, runWithKills } from './crash.ts';
import { type Digest, digestOf } from './digest.ts';

// `npm run crash -- --source FILE --out DIR [--kills 20] [--seed 1] [--twin]`: runs a source undisturbed in one thread and
// split over threads, and split with kills; with --twin through the readable core too. Compares every row of every table.
const { values } = parseArgs({
  options: {
    source: { type: 'string' },
    out: { type: 'string' },
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    twin: { type: 'boolean', default: false },
    definition: { type: 'string' },
    model: { type: 'string' },
  },
});
const { source, out, definition, model } = values;
if (source === undefined || out === undefined) {
  process.stderr.write('got no --source or no --out, expected both\n');
  process.exit(2);
}
const files = { ...(definition === undefined ? {} : { definition }), ...(model === undefined ? {} : { model }) };
const digests: Record<string, Digest> = {};
const seconds: Record<string, number> = {};

async function undisturbed(name: string, engine: EngineOptions): Promise<void> {
  const dir = join(String(out), name);
  const startMs = performance.now();
  const run = await runWeir({ source: String(source), out: dir, engine: { ...engine, ...files } }, null);
  if (run.code !== 0) throw new Error(run.stderr);
  seconds[name] = (performance.now() - startMs) / 1000;
  process.stderr.write(`${name}: ${seconds[name].toFixed(1)} s\n`);
  digests[name] = await digestOf(dir);
}

await undisturbed('split', { threads: 2 });
await undisturbed('oneThread', { threads: 1 });
const report = await runWithKills({
  source,
  out: join(out, 'killed'),
  engine: { threads: 2, ...files },
  kills: Number(values.kills),
  seed: Number(values.seed),
  durationMs: (seconds['split'] ?? 0) * 1000,
  onKill: (kill, afterMs) => process.stderr.write(`kill ${kill} after ${(afterMs / 1000).toFixed(1)} s\n`),
});
digests['killed'] = await digestOf(join(out, 'killed'));
if (values.twin) await undisturbed('twin', { engine: 'twin' });
const same = new Set(Object.values(digests).map((digest) => JSON.stringify(digest))).size === 1;
const { killed, resumedFrom } = report;
process.stdout.write(`${JSON.stringify({ seconds, killed, resumedFrom, digests, same }, null, 2)}\n`);
process.exitCode = same ? 0 : 3;
