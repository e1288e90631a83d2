import { readdir } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';

/** One thing to measure. */
export type Variant = {
  readonly name: string;
  /** One run; returns how many events it handled. What it needs is built in the first, unmeasured run and kept. */
  readonly run: () => number | Promise<number>;
};

/**
 * What a file `bench/NAME.bench.ts` exports: a name with one thing to measure, or with several that are measured in turn,
 * so that the machine's moods meet them all.
 */
export type Bench = (Variant | { readonly name: string; readonly variants: readonly Variant[] }) & {
  /** Lines with figures beside the times, read after the last run. */
  readonly report?: () => readonly string[] | Promise<readonly string[]>;
};

/** The samples of one variant. */
export type Measured = { readonly name: string; readonly samples: readonly Sample[] };

/** What one measured run took. */
export type Sample = { readonly wallMs: number; readonly cpuMs: number; readonly events: number };

/** Over the samples of one bench; sd is the sample standard deviation. */
export type Spread = { readonly min: number; readonly mean: number; readonly sd: number };

/** Runs a bench without measuring, to warm it, and then as often as asked. Throws when a run handled no event. */
export async function measureBench(
  bench: Bench,
  limits: { readonly warmups: number; readonly repeats: number },
): Promise<readonly Measured[]> {
  const variants = 'run' in bench ? [bench] : bench.variants;
  const measured = variants.map(({ name, run }) => ({ name, run, samples: new Array<Sample>() }));
  for (let round = 0; round < limits.warmups + limits.repeats; round++) {
    for (const variant of measured) {
      const sample = await measureRun(variant);
      if (round >= limits.warmups) variant.samples.push(sample);
    }
  }
  return measured.map(({ name, samples }) => ({ name, samples }));
}

/** Minimum, mean and standard deviation of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('got no values, expected at least one');
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { min: Math.min(...values), mean, sd: values.length === 1 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}

/** The benches of a folder, by name. Throws on a bench file that exports none. */
export async function loadBenches(folder: string): Promise<ReadonlyMap<string, Bench>> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.bench.ts')).sort();
  const benches = new Map<string, Bench>();
  for (const file of files) {
    const module: unknown = await import(pathToFileURL(join(folder, file)).href);
    if (!isBench(module)) throw new Error(`got ${file} without name and run or variants, expected both`);
    benches.set(module.name, module);
  }
  return benches;
}

async function measureRun(bench: Variant): Promise<Sample> {
  const cpuStart = process.cpuUsage();
  const startMs = performance.now();
  const events = await bench.run();
  const wallMs = performance.now() - startMs;
  const cpu = process.cpuUsage(cpuStart);
  // What was observed meanwhile, such as pauses of the collector, is told in a turn of its own.
  await turn();
  if (!(events > 0)) throw new Error(`bench ${bench.name} handled ${events} events, expected more than 0`);
  return { wallMs, cpuMs: (cpu.user + cpu.system) / 1000, events };
}

function isBench(module: unknown): module is Bench {
  if (typeof module !== 'object' || module === null) return false;
  if ('report' in module && typeof module.report !== 'function') return false;
  if (isVariant(module)) return true;
  if (!('name' in module && 'variants' in module)) return false;
  const { name, variants } = module;
  return typeof name === 'string' && Array.isArray(variants) && variants.length > 0 && variants.every(isVariant);
}

function isVariant(value: unknown): value is Variant {
  if (typeof value !== 'object' || value === null || !('name' in value && 'run' in value)) return false;
  return typeof value.name === 'string' && typeof value.run === 'function';
}

async function printReport(bench: Bench, measured: readonly Measured[]): Promise<void> {
  const [first] = measured;
  console.log(`${bench.name}: ${first?.samples.length ?? 0} runs in turn, microseconds an event`);
  const width = Math.max(...measured.map(({ name }) => name.length));
  for (const { name, samples } of measured) {
    const wall = describeSpread(samples.map((sample) => (sample.wallMs * 1000) / sample.events));
    const cpu = describeSpread(samples.map((sample) => (sample.cpuMs * 1000) / sample.events));
    const events = `${samples[0]?.events ?? 0} events`.padStart(14);
    console.log(`${name.padEnd(width)} ${events}   wall ${wall}   CPU ${cpu}`);
  }
  for (const line of (await bench.report?.()) ?? []) console.log(line);
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores`;
  console.log(`${machine}, ${process.platform} ${process.arch}, node ${process.version}, ${new Date().toISOString()}`);
}

function describeSpread(values: readonly number[]): string {
  const { min, mean, sd } = spreadOf(values);
  return `min ${min.toFixed(3).padStart(8)} mean ${mean.toFixed(3).padStart(8)} ± ${sd.toFixed(3).padEnd(7)}`;
}

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      warmups: { type: 'string', default: '3' },
      repeats: { type: 'string', default: '10' },
      keys: { type: 'string' },
      seconds: { type: 'string' },
      rate: { type: 'string' },
      rates: { type: 'string' },
      warmth: { type: 'string' },
      'fetch-wait': { type: 'string' },
      cards: { type: 'string' },
      events: { type: 'string' },
      engines: { type: 'string' },
    },
  });
  const [name] = positionals;
  const benches = await loadBenches(import.meta.dirname);
  const bench = benches.get(name ?? '');
  const limits = { warmups: Number(values.warmups), repeats: Number(values.repeats) };
  if (bench !== undefined) return printReport(bench, await measureBench(bench, limits));
  const names = [...benches.keys()];
  if (name === undefined) return names.forEach((known) => console.log(known));
  console.error(`got bench ${name}, expected one of: ${names.join(', ') || 'none'}`);
  process.exitCode = 2;
}

// `npm run bench -- NAME [--warmups 3] [--repeats 10]`, of `state` with `--keys 1000000` too; without a name it lists what there is.
if (import.meta.main) await main(process.argv.slice(2));
