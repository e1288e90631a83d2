import { WeirError } from '../contract/failure.ts';
import type { Condition, FeatureTest, FieldTest, Rule, RuleSet } from '../contract/rule-set.ts';
import { canonicalHash } from './canonical-hash.ts';
import type { Decision, RuleHit } from './decision.ts';
import { nearestName } from './nearest-name.ts';

export type FieldKind = 'number' | 'text' | 'boolean';

/** What rules may read: the event's fields by name (a nested field by its dotted name), and the feature vector's names in order. */
export type RuleVocabulary = {
  readonly fields: ReadonlyMap<string, { readonly kind: FieldKind }>;
  readonly features: readonly string[];
};

export type RuleInput = {
  readonly event: Readonly<Record<string, unknown>>;
  readonly features: readonly (number | null)[];
};

/** A rule that is ready to run, with the hit that it records. */
export type CompiledRule = {
  readonly rule: Rule;
  readonly hit: RuleHit;
  readonly isHit: (input: RuleInput) => boolean;
};

/** A rule set that is ready to run. Code, not state: it is never part of a checkpoint. */
export type CompiledRules = {
  readonly reference: Decision['ruleSet'];
  readonly thresholds: RuleSet['thresholds'];
  readonly vectorLength: number;
  readonly rules: readonly CompiledRule[];
};

/**
 * Compiles every condition once. Throws RULE_SET_MISMATCH, naming rule and path, when a field or feature does not exist
 * or a test does not suit the field's kind.
 */
export function compileRules(ruleSet: RuleSet, vocabulary: RuleVocabulary): CompiledRules {
  const problems: string[] = [];
  const rules = ruleSet.rules.map((rule) => {
    const compiler = { ruleId: rule.id, vocabulary, problems };
    const { id, version, mode, scoreDelta } = rule;
    return { rule, hit: { id, version, mode, scoreDelta }, isHit: compileCondition(rule.when, 'when', compiler) };
  });
  if (problems.length > 0) throw mismatch(ruleSet, problems);
  return {
    reference: { id: ruleSet.id, version: ruleSet.version, hash: canonicalHash(ruleSet) },
    thresholds: ruleSet.thresholds,
    vectorLength: vocabulary.features.length,
    rules,
  };
}

/** The rules that hit, live and shadow, in the rule set's order. */
export function evaluateRules(compiled: CompiledRules, input: RuleInput): RuleHit[] {
  return matchRules(compiled, input).map(({ hit }) => hit);
}

/** The compiled rules that hit, live and shadow, in the rule set's order. */
export function matchRules(compiled: CompiledRules, input: RuleInput): CompiledRule[] {
  return compiled.rules.filter((rule) => rule.isHit(input));
}

/** A test of one value; undefined and null are a missing one. */
export type Predicate = (value: unknown) => boolean;
type Compiler = { readonly ruleId: string; readonly vocabulary: RuleVocabulary; readonly problems: string[] };

function compileCondition(condition: Condition, path: string, compiler: Compiler): CompiledRule['isHit'] {
  const compileEach = (conditions: readonly Condition[], key: string) =>
    conditions.map((child, index) => compileCondition(child, `${path}.${key}.${index}`, compiler));
  if ('all' in condition) {
    const tests = compileEach(condition.all, 'all');
    return (input) => tests.every((isHit) => isHit(input));
  }
  if ('any' in condition) {
    const tests = compileEach(condition.any, 'any');
    return (input) => tests.some((isHit) => isHit(input));
  }
  if ('not' in condition) {
    const isHit = compileCondition(condition.not, `${path}.not`, compiler);
    return (input) => !isHit(input);
  }
  return 'field' in condition ? compileField(condition, path, compiler) : compileFeature(condition, path, compiler);
}

function compileField(test: FieldTest, path: string, compiler: Compiler): CompiledRule['isHit'] {
  const kind = compiler.vocabulary.fields.get(test.field)?.kind;
  if (kind === undefined) {
    reportUnknown({ what: 'field', name: test.field, known: compiler.vocabulary.fields.keys(), path, compiler });
  } else if (!suits(test, kind)) {
    const got = `op ${test.op}${'value' in test ? ` with ${kindsOf(test.value)}` : ''}`;
    report(compiler, { path, problem: `got ${got}, expected one that suits field ${test.field}, a ${kind}` });
  }
  const holds = predicateOf(test);
  const [first = '', ...rest] = test.field.split('.');
  if (rest.length === 0) return ({ event }) => holds(event[first]);
  return ({ event }) => holds(rest.reduce(memberOf, event[first]));
}

function compileFeature(test: FeatureTest, path: string, compiler: Compiler): CompiledRule['isHit'] {
  const column = compiler.vocabulary.features.indexOf(test.feature);
  if (column === -1) {
    reportUnknown({ what: 'feature', name: test.feature, known: compiler.vocabulary.features, path, compiler });
  }
  const holds = predicateOf(test);
  return ({ features }) => holds(features[column]);
}

/** A predicate is false for a missing value, and for one of another kind than its own, unless it asks for the missing. */
export function predicateOf(test: FieldTest | FeatureTest): Predicate {
  switch (test.op) {
    case 'eq':
      return (value) => value === test.value;
    case 'ne':
      return (value) => value !== test.value && value !== null && value !== undefined;
    case 'lt':
      return (value) => typeof value === 'number' && value < test.value;
    case 'lte':
      return (value) => typeof value === 'number' && value <= test.value;
    case 'gt':
      return (value) => typeof value === 'number' && value > test.value;
    case 'gte':
      return (value) => typeof value === 'number' && value >= test.value;
    case 'in':
      return isMemberOf(test.value);
    case 'notIn': {
      const isMember = isMemberOf(test.value);
      return (value) => value !== null && value !== undefined && !isMember(value);
    }
    case 'prefix':
      return (value) => typeof value === 'string' && value.startsWith(test.value);
    case 'contains':
      return (value) => typeof value === 'string' && value.includes(test.value);
    case 'isNull':
      return (value) => value === null || value === undefined;
  }
}

function isMemberOf(list: readonly (number | string)[]): Predicate {
  const members = new Set<unknown>(list);
  return (value) => members.has(value);
}

function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}

/** True when the test's values are of the field's kind, which all its ops but `isNull` compare with. */
function suits(test: FieldTest, kind: FieldKind): boolean {
  return test.op === 'isNull' || kindsOf(test.value) === kind;
}

function kindsOf(value: number | string | boolean | readonly (number | string)[]): FieldKind {
  const sample = typeof value === 'object' ? value[0] : value;
  if (typeof sample === 'number') return 'number';
  return typeof sample === 'boolean' ? 'boolean' : 'text';
}

function report({ ruleId, problems }: Compiler, { path, problem }: { path: string; problem: string }): void {
  problems.push(`rule ${ruleId} at ${path}: ${problem}`);
}

type Unknown = { what: string; name: string; known: Iterable<string>; path: string; compiler: Compiler };

function reportUnknown({ what, name, known, path, compiler }: Unknown): void {
  const nearest = nearestName(name, known);
  const suggestion = nearest === undefined ? '' : `; did you mean ${nearest}?`;
  report(compiler, { path, problem: `got ${what} ${name}, expected a ${what} that exists${suggestion}` });
}

function mismatch({ id, version }: RuleSet, problems: readonly string[]): WeirError {
  const more = problems.length > 10 ? `; and ${problems.length - 10} more` : '';
  return new WeirError({
    code: 'RULE_SET_MISMATCH',
    message: `${problems.slice(0, 10).join('; ')}${more}`,
    fix: `Correct rule set ${id} version ${version}, or use the feature set that it was written for.`,
    facts: { ruleSet: id, version, problems: problems.length },
  });
}
