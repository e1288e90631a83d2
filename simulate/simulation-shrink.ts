import { simulate } from './simulation.ts';
import type { LifePlan, SimulationPlan } from './simulation-plan.ts';

/** A plan that still fails, as small as it was found. */
export type Shrunk = { readonly plan: SimulationPlan; readonly problems: readonly string[]; readonly runs: number };

/** Leaves out processes, faults and records for as long as the plan still fails, in at most `runsMax` runs. */
export async function shrinkPlan(failing: SimulationPlan, { runsMax }: { readonly runsMax: number }): Promise<Shrunk> {
  let small = failing;
  let { problems } = await simulate(failing);
  let runs = 1;
  const tryOut = async (smaller: SimulationPlan): Promise<boolean> => {
    if (runs >= runsMax) return false;
    runs++;
    const result = await simulate(smaller).catch((error: unknown) => ({ problems: [String(error)] }));
    if (result.problems.length === 0) return false;
    small = smaller;
    ({ problems } = result);
    return true;
  };
  for (let before = null as SimulationPlan | null; before !== small && runs < runsMax;) {
    before = small;
    await leaveOutLives(() => small, tryOut);
    await leaveOutItems(() => small, tryOut);
  }
  return { plan: small, problems, runs };
}

type Current = () => SimulationPlan;
type TryOut = (smaller: SimulationPlan) => Promise<boolean>;

async function leaveOutLives(current: Current, tryOut: TryOut): Promise<void> {
  for (let index = 0; index < current().lives.length;) {
    const lives = current().lives.filter((_, other) => other !== index);
    if (!(await tryOut({ ...current(), lives }))) index++;
  }
  for (const [index] of current().lives.entries()) {
    for (const simpler of simplerLives(current().lives[index])) {
      await tryOut({ ...current(), lives: current().lives.map((life, other) => (other === index ? simpler : life)) });
    }
  }
}

function simplerLives(life: LifePlan | undefined): LifePlan[] {
  if (life === undefined) return [];
  const fewerFaults = life.faults.map((_, index) => ({
    ...life,
    faults: life.faults.filter((_fault, other) => other !== index),
  }));
  return [
    ...fewerFaults,
    { ...life, takenOver: null },
    { ...life, clockSkewMs: 0 },
    { ...life, hasOtherDefinition: false },
    { ...life, stopsAfter: null },
  ];
}

async function leaveOutItems(current: Current, tryOut: TryOut): Promise<void> {
  for (let piece = Math.ceil(current().items.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let start = 0; start < current().items.length;) {
      const items = current().items.filter((_, index) => index < start || index >= start + piece);
      if (items.length === 0 || !(await tryOut({ ...current(), items }))) start += piece;
    }
  }
}

/** A plan in lines, for people. */
export function planLines({ seed, items, lives, ...plan }: SimulationPlan): string[] {
  const { engine, featureSet, watermarkPer, batchRecordsMax, cutRecords, chunkRecordsMax, atEnd } = plan;
  return [
    `seed ${seed}: ${engine} engine, ${featureSet.plan.name}, watermark per ${watermarkPer}, ${atEnd}`,
    `batches of ${batchRecordsMax}, cuts of ${cutRecords}, chunks of at most ${chunkRecordsMax}`,
    ...lives.map((life, index) => `process ${index + 1}: ${JSON.stringify(life)}`),
    ...items.map(({ meaning }, index) => `record ${index}: ${JSON.stringify(meaning)}`),
  ];
}
