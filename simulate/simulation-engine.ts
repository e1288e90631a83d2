import type { Assembled } from '../runtime/assemble.ts';
import { Columnar } from '../runtime/columnar.ts';
import { Embedded } from '../runtime/embedded.ts';
import type { ClaimedRun } from '../runtime/manifest.ts';
import type { Scoring } from '../runtime/scoring.ts';
import { type SmallWeir, smallWeir } from './hostile/small-weir.ts';
import type { SimulatedMachine, SimulatedProcess } from './simulated-machine.ts';
import type { SimulationPlan } from './simulation-plan.ts';

/** The output directory of every simulated run. */
export const outputDir = '/weir/out';

const weirs = new Map<string, SmallWeir>();

/** Leaves of the model: scores differ a little, outcomes do not. */
const leaves = [3, 3.05, 2.95];

/**
 * What a plan runs, made once. Scores differ a little by process, as they do where a value came from elsewhere: what was
 * decided before is what counts, and may not be made again.
 */
export function weirOf({ featureSet, watermarkPer }: SimulationPlan, pid = 0): SmallWeir {
  const leaf = leaves[pid % leaves.length] ?? 3;
  const name = `${featureSet.hash} ${watermarkPer} ${leaf}`;
  const known = weirs.get(name) ?? smallWeir(featureSet, { watermarkPer, leaf });
  weirs.set(name, known);
  return known;
}

/** Opens the shipped engine of a plan over a simulated process. */
export function openEngine(
  { plan, machine }: { readonly plan: SimulationPlan; readonly machine: SimulatedMachine },
  { pid, disk, processes }: SimulatedProcess,
): Scoring {
  const { batchRecordsMax, cutRecords } = plan;
  const clockMs = (): number => machine.clockMs;
  const options = { dir: outputDir, batchRecordsMax, cutRecords, clockMs, disk, processes };
  if (plan.engine === 'readable') return new Embedded({ ...options, weir: weirOf(plan, pid).weir });
  return new Columnar({ ...options, assembled: assembledOf(plan, pid), tells: 'all' });
}

/** What a plan's directory is claimed for. */
export function manifestOf(plan: SimulationPlan): ClaimedRun {
  const engine = plan.engine === 'readable' ? 'twin' : 'columnar';
  const source = { path: 'simulated', sizeBytes: null, format: 'simulated', mapping: null };
  const manifest = { ...assembledOf(plan, 0).identity, engine, source } as const;
  return { dir: outputDir, manifest, plan: plan.featureSet.plan };
}

/** As `manifestOf`, with another definition. */
export function changedManifestOf(plan: SimulationPlan): ClaimedRun {
  const claimed = manifestOf(plan);
  const { name, version } = claimed.manifest.definition;
  return { ...claimed, manifest: { ...claimed.manifest, definition: { name, version: version + 1, hash: 'another' } } };
}

function assembledOf(plan: SimulationPlan, pid: number): Assembled {
  const { weir, scoring, ruleSet } = weirOf(plan, pid);
  const identity = {
    definition: scoring.featureSet,
    rules: scoring.ruleSet.reference,
    model: scoring.model.model.reference,
  };
  return { weir, scoring, ruleSet, identity };
}
