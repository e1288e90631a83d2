import { z } from 'zod';
import { comparePlans, describeChange } from '../core/features/plan-change.ts';
import type { Plan } from '../core/features/plan.ts';
import { loadDefinition, type WeirFiles } from './assemble.ts';
import { readManifest, runChanged } from './manifest.ts';
import { assertNoPromotion } from './promotion-mark.ts';

/** How a run over a directory goes on, given what the directory was run with before. */
export type RunPlan = {
  /** What to assemble: with the plan that runs, where some features of the definition wait to be rebuilt. */
  readonly files: WeirFiles;
  /** `adopt`: the definition has new features, the others go on; `rebuild`: the state is made again from the log. */
  readonly action: 'begin' | 'resume' | 'adopt' | 'rebuild';
  /** Features that have no values in this run. */
  readonly inactive: readonly string[];
  /** What is different, a line each. */
  readonly changes: readonly string[];
};

/**
 * Compares a definition with the one that a directory was run with. Features that were added are compatible: the run
 * goes on without them until they are rebuilt. Any other change throws `RUN_CHANGED` with what changed, unless
 * `whenChanged` asks for a rebuild.
 */
export async function planRun(asked: {
  readonly dir: string;
  readonly files: WeirFiles;
  readonly whenChanged: 'refuse' | 'rebuild';
}): Promise<RunPlan> {
  const { dir, files, whenChanged } = asked;
  assertNoPromotion(dir);
  const before = historyOf(dir);
  if (before === null) return { files, action: 'begin', inactive: [], changes: [] };
  const after = await loadDefinition(files.definition);
  const change = comparePlans(before.plan, after.plan);
  const changes = change.features.map(describeChange);
  if (whenChanged === 'rebuild') return { files, action: 'rebuild', inactive: [], changes };
  if (!change.isCompatible) throw runChanged(dir, changes);
  const inactive = change.features.map(({ feature }) => feature);
  const action = before.hash === after.hash ? 'resume' : 'adopt';
  if (inactive.length === 0) return { files, action, inactive, changes };
  return { files: { ...files, plan: before.plan }, action, inactive, changes };
}

const historySchema = z.object({
  definition: z.object({ hash: z.string() }),
  plan: z.custom<Plan>((value) => planShape.safeParse(value).success, 'a compiled definition'),
});

/** As much of a plan as says that it is one: the rest is what `compilePlan` made of it. */
const planShape = z.looseObject({
  topic: z.string(),
  keys: z.array(z.string()),
  windowColumns: z.array(z.looseObject({ op: z.string() })),
  aggregates: z.array(z.looseObject({ kind: z.string(), key: z.number() })),
  rowFields: z.array(z.string()),
  features: z.array(z.object({ name: z.string(), expression: z.looseObject({ op: z.string() }) })),
});

/** What a directory was run with; null when it is new. Throws `RUN_CHANGED` when its manifest does not say. */
function historyOf(dir: string): { readonly hash: string; readonly plan: Plan } | null {
  const manifest = readManifest(dir);
  if (manifest === null) return null;
  const history = historySchema.safeParse(manifest);
  if (history.success) return { hash: history.data.definition.hash, plan: history.data.plan };
  throw runChanged(dir, ['its run.json does not hold the plan that ran, expected one as weir run writes it']);
}
