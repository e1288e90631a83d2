import { readdir } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A file `bench/NAME.bench.ts` exports these two. */
export type Bench = {
  readonly name: string;
  /** One run; returns how many events it handled. What it needs is built in the first, unmeasured run and kept. */
  readonly run: () => number | Promise<number>;
};

/** What one measured run took. */
export type Sample = { readonly wallMs: number; readonly cpuMs: number; readonly events: number };

/** Over the samples of one bench; sd is the sample standard deviation. */
export type Spread = { readonly min: number; readonly mean: number; readonly sd: number };

/** Runs a bench without measuring, to warm it, and then as often as asked. Throws when a run handled no event. */
export async function measureBench(
  bench: Bench,
  limits: { readonly warmups: number; readonly repeats: number },
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (let round = 0; round < limits.warmups + limits.repeats; round++) {
    const sample = await measureRun(bench);
    if (round >= limits.warmups) samples.push(sample);
  }
  return samples;
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
    if (!isBench(module)) throw new Error(`got ${file} without name and run, expected both`);
    benches.set(module.name, module);
  }
  return benches;
}

async function measureRun(bench: Bench): Promise<Sample> {
  const cpuStart = process.cpuUsage();
  const startMs = performance.now();
  const events = await bench.run();
  const wallMs = performance.now() - startMs;
  const cpu = process.cpuUsage(cpuStart);
  if (!(events > 0)) throw new Error(`bench ${bench.name} handled ${events} events, expected more than 0`);
  return { wallMs, cpuMs: (cpu.user + cpu.system) / 1000, events };
}

function isBench(module: unknown): module is Bench {
  if (typeof module !== 'object' || module === null) return false;
  return 'name' in module && typeof module.name === 'string' && 'run' in module && typeof module.run === 'function';
}

function printReport(bench: Bench, samples: readonly Sample[]): void {
  const row = (title: string, valueOf: (sample: Sample) => number): void => {
    const { min, mean, sd } = spreadOf(samples.map(valueOf));
    console.log(`${title.padEnd(28)} min ${min.toFixed(3)}   mean ${mean.toFixed(3)} ± ${sd.toFixed(3)}`);
  };
  console.log(`${bench.name}: ${samples[0]?.events ?? 0} events a run, ${samples.length} runs`);
  row('wall ms', (sample) => sample.wallMs);
  row('wall us an event', (sample) => (sample.wallMs * 1000) / sample.events);
  row('CPU s a million events', (sample) => (sample.cpuMs * 1000) / sample.events);
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores`;
  console.log(`${machine}, ${process.platform} ${process.arch}, node ${process.version}, ${new Date().toISOString()}`);
}

async function main(name: string | undefined): Promise<void> {
  const benches = await loadBenches(import.meta.dirname);
  const bench = benches.get(name ?? '');
  if (bench !== undefined) return printReport(bench, await measureBench(bench, { warmups: 3, repeats: 10 }));
  const names = [...benches.keys()];
  if (name === undefined) return names.forEach((known) => console.log(known));
  console.error(`got bench ${name}, expected one of: ${names.join(', ') || 'none'}`);
  process.exitCode = 2;
}

if (import.meta.main) await main(process.argv[2]);
