import { faultKinds, tally, type Tally } from './faults.ts';
import { type SimulationResult, simulateSeed } from './simulation.ts';

/** A seed whose run is wrong. */
export type FailingSeed = { readonly seed: number; readonly problems: readonly string[] };

/** Which seeds: `count` of them from the first, every `step`-th. */
export type Seeds = { readonly firstSeed: number; readonly count: number; readonly step: number };

/** Runs seeds one after the other until one fails; gives that one, null when all are well. */
export async function runSeeds(
  { firstSeed, count, step }: Seeds,
  onSeed: (result: SimulationResult) => void,
): Promise<FailingSeed | null> {
  for (let number = 0; number < count; number++) {
    const seed = firstSeed + number * step;
    const result = await simulateSeed(seed);
    onSeed(result);
    if (result.problems.length > 0) return { seed, problems: result.problems };
  }
  return null;
}

/** Adds one tally to another. */
export function addTally(all: Tally, more: ReadonlyMap<string, number>): void {
  for (const [name, by] of more) tally(all, name, by);
}

/** From so many seeds on every fault and everything that the workloads are about must have happened. */
export const seedsForEverything = 200;

/** What must have happened in many seeds and did not. */
export function missingIn(counts: ReadonlyMap<string, number>): string[] {
  return everything.filter((name) => (counts.get(name) ?? 0) === 0);
}

const everything: readonly string[] = [
  ...faultKinds.map((kind) => `fault.${kind}`),
  ...['append', 'commit'].map((when) => `takeover.${when}`),
  ...['complete', 'crashed', 'failed', 'fenced', 'refused'].map((how) => `life.${how}`),
  ...['lost', 'torn', 'garbage', 'names'].map((what) => `powerLoss.${what}`),
  ...['adopted', 'replayed', 'repairedLog'].map((what) => `recovery.${what}`),
  ...['readable', 'columnar'].map((engine) => `engine.${engine}`),
  ...['late', 'tooLate', 'duplicates', 'revised', 'unknownAuthorization', 'ledgerEntries', 'labels.applied'].map(
    (what) => `events.${what}`,
  ),
  ...['conflict', 'future', 'notJson', 'notUtf8', 'unknownContract', 'contractViolation', 'unmappable'].map(
    (code) => `events.deadLetters.${code}`,
  ),
];
