import { hash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { authorizationContract } from '../core/contract/authorization.ts';
import { WeirError } from '../core/contract/failure.ts';
import { type FeatureSet, hashPlan, type Plan } from '../core/features/plan.ts';
import { type KeptBy, keptBy } from '../core/sinks/kept-event.ts';
import type { Weir } from '../core/steps/state.ts';
import { type Assembled, assemblePlan, loadDefinition, type WeirFiles } from './assemble.ts';

/** Events that an account may hold in the windows of one field: some 600 KB of state. */
const keyEventsMax = 20_000;

/** Writes the files that a function reads in place of a definition's module: the plan, the rules, the model. */
export async function writeDefinition(files: WeirFiles, dir: string): Promise<void> {
  const { plan } = await loadDefinition(files.definition);
  assertOwnKeys(plan);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'plan.json'), JSON.stringify({ hash: hashPlan(plan), plan }));
  for (const part of ['rules', 'model'] as const) writeFileSync(join(dir, `${part}.json`), readFileSync(files[part]));
}

/** Reads them. Throws `DEFINITION_INVALID`, `FOREIGN_KEYS`, and what `assemblePlan` throws. */
export function readDefinition(dir: string): Assembled & { readonly by: KeptBy } {
  const path = join(dir, 'plan.json');
  const written: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (!isWritten(written)) throw changed(path);
  const { plan } = written;
  assertOwnKeys(plan);
  const parts = { rules: join(dir, 'rules.json'), model: join(dir, 'model.json'), keyEventsMax };
  const assembled = assemblePlan(written, parts, 'topic');
  return { ...assembled, by: referencesOf(assembled) };
}

/** A plan is what `writeDefinition` wrote: its hash says so. */
function isWritten(value: unknown): value is FeatureSet {
  if (typeof value !== 'object' || value === null || !('plan' in value) || !('hash' in value)) return false;
  return hash('sha256', JSON.stringify(value.plan), 'hex') === value.hash;
}

/** What the decisions of a run are made by. */
function referencesOf({ scoring, weir }: { readonly scoring: Assembled['scoring']; readonly weir: Weir }): KeptBy {
  const { model, ruleSet, featureSet } = scoring;
  const featureNames = weir.features.plan.features.map(({ name }) => name);
  return keptBy({ model: model.model.reference, ruleSet: ruleSet.reference, featureSet, featureNames });
}

/** State is an account's own: a feature by another key would be spread over all of them. */
function assertOwnKeys({ keys }: Plan): void {
  const { key, nested } = authorizationContract;
  const own: readonly string[] = [key, ...nested];
  const foreign = keys.filter((name) => !own.includes(name));
  if (foreign.length === 0) return;
  throw new WeirError({
    code: 'FOREIGN_KEYS',
    message: `got features by ${foreign.join(', ')}, expected keys that lie in the account: ${own.join(', ')}`,
    fix: 'Take a definition whose features are by those keys, or run a topic of one partition by a worker.',
    facts: { foreign: foreign.join(',') },
  });
}

function changed(path: string): WeirError {
  return new WeirError({
    code: 'DEFINITION_INVALID',
    message: `${path}: got a plan that its hash is not of, expected the one that was written`,
    fix: 'Bundle the functions again: npm run bundle',
    facts: { path },
  });
}
