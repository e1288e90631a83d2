import { planOf, type SimulationPlan } from '../simulation-plan.ts';
import { simulate } from '../simulation.ts';

type Found = { readonly seed: number; readonly problems: readonly string[] };

// Run inside a mutated copy of the tree: says which seed finds the bug, as JSON; `null` when none does.
const [seeds = '200', engine = ''] = process.argv.slice(2);
process.stdout.write(JSON.stringify(await hunt(Number(seeds))));

async function hunt(count: number): Promise<Found | null> {
  for (let seed = 1; seed <= count; seed++) {
    const problems = await problemsOf(engineOf(planOf(seed)));
    if (problems.length > 0) return { seed, problems };
  }
  return null;
}

function engineOf(plan: SimulationPlan): SimulationPlan {
  return engine === 'readable' || engine === 'columnar' ? { ...plan, engine } : plan;
}

/** A bug may also throw where nobody expects it. */
async function problemsOf(plan: SimulationPlan): Promise<readonly string[]> {
  try {
    return (await simulate(plan)).problems;
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
