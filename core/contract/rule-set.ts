import { z } from 'zod';
import { WeirError } from './failure.ts';
import { looksLikeCardNumber } from './identifier.ts';

/** How scores become outcomes, as data: the thresholds and the rules beside the model. */
export type RuleSet = z.infer<typeof ruleSetSchema>;

/** One rule: live ones move the score and the outcome, shadow ones are only recorded. */
export type Rule = RuleSet['rules'][number];

/** A tree of tests. A comparison with a missing value is false, `ne` and `notIn` too; only `isNull` is true of one. */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | FieldTest
  | FeatureTest;

/** A test of one field of the event; a nested field has a dotted name, such as `location.latitude`. */
export type FieldTest = z.infer<typeof fieldTest>;

/** A test of one number of the feature vector. */
export type FeatureTest = z.infer<typeof featureTest>;

/** How much a rule set may hold. A test alone has a depth of 1. */
export const ruleSetLimits = { rulesMax: 500, depthMax: 16, listItemsMax: 10_000 };

/**
 * Reads a rule set from JSON. Throws RULE_SET_INVALID with the path of everything that is wrong, what came and what was
 * expected.
 */
export function parseRuleSet(json: unknown): RuleSet {
  const result = ruleSetSchema.safeParse(json);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, { json, path: [] }));
  const shown = problems.slice(0, 10).join('; ');
  throw new WeirError({
    code: 'RULE_SET_INVALID',
    message: problems.length > 10 ? `${shown}; and ${problems.length - 10} more` : shown,
    fix: 'Correct the rule set at the paths given.',
    facts: { problems: problems.length },
  });
}

const name = z.string().min(1).max(128);
const text = z.string().max(256);
const number = z.number();
const points = z.int().min(-1000).max(1000);
const threshold = z.int().min(0).max(1000);
const numbers = z.array(number).min(1).max(ruleSetLimits.listItemsMax).readonly();
const texts = z.array(text).min(1).max(ruleSetLimits.listItemsMax).readonly();
const equality = z.enum(['eq', 'ne']);
const order = z.enum(['lt', 'lte', 'gt', 'gte']);
const membership = z.enum(['in', 'notIn']);

const fieldTest = z.discriminatedUnion(
  'op',
  [
    z.strictObject({
      field: name,
      op: equality,
      value: z.union([number, text, z.boolean()], 'expected a number, a text, true or false'),
    }),
    z.strictObject({ field: name, op: order, value: number }),
    z.strictObject({
      field: name,
      op: membership,
      value: z.union([numbers, texts], 'expected a list of numbers or a list of texts'),
    }),
    z.strictObject({ field: name, op: z.enum(['prefix', 'contains']), value: text.min(1) }),
    z.strictObject({ field: name, op: z.literal('isNull') }),
  ],
  'expected eq, ne, lt, lte, gt, gte, in, notIn, prefix, contains or isNull',
);

const featureTest = z.discriminatedUnion(
  'op',
  [
    z.strictObject({ feature: name, op: equality, value: number }),
    z.strictObject({ feature: name, op: order, value: number }),
    z.strictObject({ feature: name, op: membership, value: numbers }),
    z.strictObject({ feature: name, op: z.literal('isNull') }),
  ],
  'expected eq, ne, lt, lte, gt, gte, in, notIn or isNull',
);

const condition: z.ZodType<Condition> = z.lazy(() => z.union([allOf, anyOf, notOf, fieldTest, featureTest]));
const conditions = z.array(condition).min(1).max(ruleSetLimits.listItemsMax).readonly();
const allOf = z.strictObject({ all: conditions });
const anyOf = z.strictObject({ any: conditions });
const notOf = z.strictObject({ not: condition });

/** The alternatives of a condition in the order of its union: each is told by the one key that only it has. */
const conditionKeys = ['all', 'any', 'not', 'field', 'feature'];

const when = z
  .unknown()
  .refine((value) => !isDeeperThan(value, ruleSetLimits.depthMax), `expected at most ${ruleSetLimits.depthMax} levels`)
  .pipe(condition);

const rule = z.strictObject({
  id: name,
  version: z.int().min(1),
  mode: z.enum(['live', 'shadow']),
  when,
  scoreDelta: points,
  /** What a live rule raises the outcome to, whatever the score. */
  outcomeAtLeast: z.enum(['review', 'stepUp', 'decline']).exactOptional(),
  reason: z.strictObject({
    code: z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/, 'expected 1 to 64 upper-case letters, digits and underscores'),
    text: z.string().min(1).max(500),
  }),
});

/** The schema of a rule set. A rule id may be there in several versions, of which one at most is live. */
const ruleSetSchema = z.strictObject({
  id: name,
  version: z.int().min(1),
  thresholds: z
    .strictObject({ review: threshold, stepUp: threshold, decline: threshold })
    .refine(
      ({ review, stepUp, decline }) => review <= stepUp && stepUp <= decline,
      'expected review <= stepUp <= decline',
    ),
  rules: z
    .array(rule)
    .max(ruleSetLimits.rulesMax)
    .refine((rules) => !hasDuplicate(rules.map(({ id, version }) => `${version} ${id}`)), {
      error: 'expected every version of a rule once',
    })
    .refine((rules) => !hasDuplicate(rules.filter(({ mode }) => mode === 'live').map(({ id }) => id)), {
      error: 'expected at most one live version of a rule',
    })
    .readonly(),
});

function hasDuplicate(keys: readonly string[]): boolean {
  return new Set(keys).size < keys.length;
}

/** Looks no deeper than the limit, so that a hostile depth cannot exhaust the stack. */
function isDeeperThan(value: unknown, depthMax: number): boolean {
  if (depthMax === 0) return true;
  const lists = [memberOf(value, 'all'), memberOf(value, 'any'), [memberOf(value, 'not')]];
  const children: unknown[] = lists.filter((list) => Array.isArray(list)).flat();
  return children.some((child) => typeof child === 'object' && child !== null && isDeeperThan(child, depthMax - 1));
}

type Place = { readonly json: unknown; readonly path: readonly PropertyKey[] };

/** One line a problem. Of a union's alternatives only the one that the condition's key tells is reported. */
function problemsOf(issue: z.core.$ZodIssue, { json, path: parentPath }: Place): string[] {
  const path = [...parentPath, ...issue.path];
  const value = path.reduce(memberOf, json);
  const where = path.length === 0 ? 'the rule set' : path.join('.');
  if (issue.code !== 'invalid_union' || issue.errors.length !== conditionKeys.length) {
    return [`got ${shown(value)} at ${where}: ${issue.message}`];
  }
  const keys = conditionKeys.filter((key) => memberOf(value, key) !== undefined);
  if (keys.length !== 1) {
    return [`got ${shown(value)} at ${where}: expected exactly one of the keys ${conditionKeys.join(', ')}`];
  }
  const alternative = issue.errors[conditionKeys.indexOf(keys[0]!)] ?? [];
  return alternative.flatMap((inner) => problemsOf(inner, { json, path }));
}

function memberOf(value: unknown, key: PropertyKey): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null)
    return `an object with the keys [${Object.keys(value).join(', ').slice(0, 60)}]`;
  if (typeof value === 'string' && looksLikeCardNumber(value)) return 'a card number';
  return JSON.stringify(value).slice(0, 60);
}
