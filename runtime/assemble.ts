import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { authorizationContract } from '../core/contract/authorization.ts';
import { contracts } from '../core/contract/contracts.ts';
import { WeirError } from '../core/contract/failure.ts';
import { fieldKinds } from '../core/contract/fields.ts';
import { parseRuleSet, type RuleSet } from '../core/contract/rule-set.ts';
import type { ForeignKey } from '../core/features/foreign-plan.ts';
import type { FeatureSet } from '../core/features/plan.ts';
import { createFeatureEngine } from '../core/features/engine.ts';
import type { Plan } from '../core/features/plan.ts';
import { createDecider, type Scoring } from '../core/score/decide.ts';
import { bindModel, parseModel } from '../core/score/model.ts';
import { compileRules } from '../core/score/rules.ts';
import type { Weir } from '../core/steps/state.ts';

/** The files that say what runs; see `shippedFiles` for those that come with the project. */
export type WeirFiles = {
  readonly definition: string;
  readonly rules: string;
  readonly model: string;
  /** The plan that runs in place of the definition's own: some of its features wait to be rebuilt. */
  readonly plan?: Plan;
  /** Events that a key may hold in the windows of one field; a key takes no more until some have left. */
  readonly keyEventsMax?: number | undefined;
};

/** What ran, so that a resumed run can tell that it is the same. */
export type WeirIdentity = {
  readonly definition: { readonly name: string; readonly version: number; readonly hash: string };
  readonly rules: { readonly id: string; readonly version: number; readonly hash: string };
  readonly model: { readonly id: string; readonly version: string; readonly hash: string };
};

export type Assembled = {
  readonly weir: Weir;
  readonly identity: WeirIdentity;
  readonly scoring: Scoring;
  readonly ruleSet: RuleSet;
  /** The keys whose windows other partitions hold, see `foreign-assembly.ts`. */
  readonly foreign?: readonly ForeignKey[];
  /** Set where this is the windows of a foreign key alone: how many source partitions feed them. */
  readonly sourcePartitions?: number;
};

/** The definition, rules and model that come with the project. */
export const shippedFiles: WeirFiles = {
  definition: shipped('../examples/handbook/fraud-features.ts'),
  rules: shipped('../examples/handbook/rules.json'),
  model: shipped('../examples/handbook/model.json'),
};

/** Loads and binds a definition, rules and a model. Throws a `WeirError` that names the file and what is wrong in it. */
export async function assemble(files: WeirFiles, watermarkPer: Weir['watermarkPer'] = 'input'): Promise<Assembled> {
  const { plan: defined, hash } = await loadDefinition(files.definition);
  return assemblePlan({ plan: files.plan ?? defined, hash }, files, watermarkPer);
}

/** Binds a plan, rules and a model. Throws a `WeirError` that names the file and what is wrong in it. */
export function assemblePlan(
  { plan, hash }: FeatureSet,
  files: Omit<WeirFiles, 'definition' | 'plan'>,
  watermarkPer: Weir['watermarkPer'],
): Assembled {
  const names = plan.features.map((feature) => feature.name);
  const model = readPart(files.model, 'MODEL', (json) => parseModel(json));
  const boundModel = inFile(files.model, 'MODEL', () => bindModel(model, names));
  const ruleSet = readPart(files.rules, 'RULES', parseRuleSet);
  const vocabulary = { fields: fieldKinds(authorizationContract), features: names };
  const rules = inFile(files.rules, 'RULES', () => compileRules(ruleSet, vocabulary));
  const featureSet = { name: plan.name, version: plan.version, hash };
  const scoring = { model: boundModel, ruleSet: rules, featureSet };
  const decider = createDecider(scoring);
  const features = createFeatureEngine(plan, allowedLatenessMsOf(plan), files.keyEventsMax);
  return {
    weir: { features, decider, ledger: {}, watermarkPer },
    identity: { definition: featureSet, rules: rules.reference, model: model.reference },
    scoring,
    ruleSet,
  };
}

/** Imports a definition: a module whose default export is what `defineFeatures` returns. It runs as part of the program. */
export async function loadDefinition(path: string): Promise<FeatureSet> {
  try {
    const module: unknown = await import(pathToFileURL(resolve(path)).href);
    if (isFeatureModule(module)) return module.default;
  } catch (error) {
    throw failure({ path, code: 'DEFINITION_INVALID', cause: error });
  }
  throw failure({
    path,
    code: 'DEFINITION_INVALID',
    cause: new Error('got no default export of defineFeatures(...), expected one'),
  });
}

function shipped(relative: string): string {
  return new URL(relative, import.meta.url).pathname;
}

function isFeatureModule(module: unknown): module is { readonly default: FeatureSet } {
  if (typeof module !== 'object' || module === null || !('default' in module)) return false;
  const set = module.default;
  return typeof set === 'object' && set !== null && 'plan' in set && 'hash' in set;
}

function readPart<T>(path: string, part: 'MODEL' | 'RULES', parse: (json: unknown) => T): T {
  return inFile(path, part, () => {
    const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return parse(json);
  });
}

/** Runs a loader of one file and says in its failure which file it was. */
function inFile<T>(path: string, part: 'MODEL' | 'RULES', load: () => T): T {
  try {
    return load();
  } catch (error) {
    throw failure({ path, code: `${part}_INVALID`, cause: error });
  }
}

function failure({
  path,
  code,
  cause,
}: {
  readonly path: string;
  readonly code: string;
  readonly cause: unknown;
}): WeirError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  return new WeirError({
    code: missing ? 'FILE_MISSING' : cause instanceof WeirError ? cause.code : code,
    message: missing ? `got no file at ${path}` : `${path}: ${reason}`,
    fix:
      cause instanceof WeirError && cause.fix !== ''
        ? cause.fix
        : 'Correct the file, or leave the flag out to use the one that comes with Weir.',
    facts: { path },
    cause,
  });
}

/** The longest allowed lateness of the topics that a plan reads, in milliseconds. */
export function allowedLatenessMsOf({ topic, label }: Plan): number {
  const topics = label === null ? [topic] : [topic, label.topic];
  return Math.max(...topics.map((name) => contracts.get(name)?.allowedLatenessMs ?? 0));
}
