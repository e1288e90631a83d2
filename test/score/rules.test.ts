import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Condition, type FeatureTest, type FieldTest, parseRuleSet } from '../../core/contract/rule-set.ts';
import { compileRules, evaluateRules, type FieldKind, type RuleInput } from '../../core/score/rules.ts';

const fields = new Map<string, { kind: FieldKind }>([
  ['mcc', { kind: 'text' }],
  ['amountMinor', { kind: 'number' }],
  ['isRecurring', { kind: 'boolean' }],
  ['location.latitude', { kind: 'number' }],
]);
const vocabulary = { fields, features: ['customer_count_1d', 'amount'] };

function ruleSetOf(when: unknown, mode: 'live' | 'shadow' = 'live') {
  const reason = { code: 'TEST', text: 'a test' };
  const rules = [{ id: 'test', version: 1, mode, when, scoreDelta: 5, reason }];
  return parseRuleSet({ id: 'set', version: 1, thresholds: { review: 1, stepUp: 2, decline: 3 }, rules });
}

function isHit(when: unknown, input: RuleInput): boolean {
  return evaluateRules(compileRules(ruleSetOf(when), vocabulary), input).length === 1;
}

/** Reads a condition as one would aloud. */
function naive(condition: Condition, input: RuleInput): boolean {
  if ('all' in condition) return !condition.all.some((child) => !naive(child, input));
  if ('any' in condition) return condition.any.some((child) => naive(child, input));
  if ('not' in condition) return !naive(condition.not, input);
  const value =
    'field' in condition
      ? new Map<string, unknown>(Object.entries(input.event)).get(condition.field)
      : input.features[vocabulary.features.indexOf(condition.feature)];
  if (condition.op === 'isNull') return isNothing(value);
  return isNothing(value) ? false : compare(condition, value);
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined;
}

function compare(condition: Exclude<FieldTest | FeatureTest, { op: 'isNull' }>, value: unknown): boolean {
  const { op } = condition;
  if (op === 'eq' || op === 'ne') return (value === condition.value) === (op === 'eq');
  if (op === 'in' || op === 'notIn') return condition.value.some((item) => item === value) === (op === 'in');
  if (op === 'prefix') return String(value).indexOf(condition.value) === 0;
  if (op === 'contains') return String(value).indexOf(condition.value) >= 0;
  if (typeof condition.value !== 'number') throw new Error(`got op ${op}, expected one that the reading knows`);
  const difference = Number(value) - condition.value;
  if (difference === 0) return op === 'lte' || op === 'gte';
  return difference < 0 === (op === 'lt' || op === 'lte');
}

const small = fc.integer({ min: 0, max: 3 });
const shortText = fc.constantFrom('5', '54', '5411', '411');
const numberOp = fc.constantFrom('eq', 'ne', 'lt', 'lte', 'gt', 'gte');
const textTest = fc.record({
  field: fc.constant('mcc'),
  op: fc.constantFrom('eq', 'ne', 'prefix', 'contains'),
  value: shortText,
});
const inTest = fc.record({
  field: fc.constant('mcc'),
  op: fc.constantFrom('in', 'notIn'),
  value: fc.array(shortText, { minLength: 1 }),
});
const leaf: fc.Arbitrary<unknown> = fc.oneof(
  textTest,
  inTest,
  fc.record({ field: fc.constant('amountMinor'), op: numberOp, value: small }),
  fc.record({ field: fc.constant('isRecurring'), op: fc.constantFrom('eq', 'ne'), value: fc.boolean() }),
  fc.record({ feature: fc.constantFrom(...vocabulary.features), op: numberOp, value: small }),
  fc.record({ feature: fc.constant('amount'), op: fc.constantFrom('in', 'notIn'), value: fc.tuple(small, small) }),
  fc.record({ field: fc.constantFrom('mcc', 'amountMinor', 'isRecurring'), op: fc.constant('isNull') }),
  fc.record({ feature: fc.constantFrom(...vocabulary.features), op: fc.constant('isNull') }),
);
const { condition } = fc.letrec<{ condition: unknown }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.record({ all: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie('condition') }),
  ),
}));
const event = fc.record(
  { mcc: shortText, amountMinor: small, isRecurring: fc.option(fc.boolean()) },
  { requiredKeys: ['isRecurring'] },
);
const features = fc.tuple(fc.option(small), fc.option(small));

test('a compiled condition is true where a naive reading of it is', () => {
  const seen = { true: 0, false: 0 };
  fc.assert(
    fc.property(condition, event, features, (when, fieldsOfEvent, values) => {
      const input = { event: fieldsOfEvent, features: values };
      const ruleSet = ruleSetOf(when);
      const expected = naive(ruleSet.rules[0]!.when, input);
      seen[`${expected}`] += 1;
      expect(evaluateRules(compileRules(ruleSet, vocabulary), input).length === 1).toBe(expected);
    }),
    { numRuns: 500 },
  );
  expect(Math.min(seen.true, seen.false)).toBeGreaterThan(50);
});

describe('missing values', () => {
  const nothing = { event: {}, features: [null, null] };

  test.each([
    { field: 'mcc', op: 'eq', value: '5411' },
    { field: 'mcc', op: 'ne', value: '5411' },
    { field: 'mcc', op: 'notIn', value: ['5411'] },
    { field: 'amountMinor', op: 'lt', value: 5 },
    { field: 'location.latitude', op: 'gte', value: -90 },
    { feature: 'amount', op: 'lte', value: 5 },
    { feature: 'amount', op: 'ne', value: 5 },
  ])('%j is false of nothing', (when) => {
    expect(isHit(when, nothing)).toBe(false);
  });

  test('isNull is true of nothing, and of nothing else', () => {
    expect(isHit({ field: 'location.latitude', op: 'isNull' }, nothing)).toBe(true);
    expect(isHit({ feature: 'amount', op: 'isNull' }, nothing)).toBe(true);
    expect(isHit({ feature: 'amount', op: 'isNull' }, { event: {}, features: [null, 0] })).toBe(false);
  });
});

test('a dotted name reads a nested field', () => {
  const when = { field: 'location.latitude', op: 'gt', value: 50 };
  expect(isHit(when, { event: { location: { latitude: 52, longitude: 4 } }, features: [] })).toBe(true);
  expect(isHit(when, { event: { location: { latitude: 48, longitude: 4 } }, features: [] })).toBe(false);
});

test('a hit says the rule, its version, its mode and its delta', () => {
  const compiled = compileRules(ruleSetOf({ field: 'mcc', op: 'eq', value: '1' }, 'shadow'), vocabulary);
  const hit = { id: 'test', version: 1, mode: 'shadow', scoreDelta: 5 };
  expect(evaluateRules(compiled, { event: { mcc: '1' }, features: [] })).toEqual([hit]);
  expect(evaluateRules(compiled, { event: { mcc: '2' }, features: [] })).toEqual([]);
});

describe('what does not suit the event or the feature set is refused', () => {
  test.each([
    [
      { all: [{ not: { field: 'amountMinr', op: 'lt', value: 5 } }] },
      'rule test at when.all.0.not: got field amountMinr, expected a field that exists; did you mean amountMinor?',
    ],
    [{ feature: 'zzz', op: 'isNull' }, 'rule test at when: got feature zzz, expected a feature that exists'],
    [{ field: 'mcc', op: 'lt', value: 5 }, 'got op lt with number, expected one that suits field mcc, a text'],
    [{ field: 'amountMinor', op: 'eq', value: true }, 'got op eq with boolean'],
    [{ field: 'amountMinor', op: 'in', value: ['1'] }, 'got op in with text'],
    [{ field: 'isRecurring', op: 'prefix', value: 't' }, 'got op prefix with text'],
    [{ field: 'toString', op: 'isNull' }, 'got field toString'],
  ])('%j', (when, message) => {
    expect(() => compileRules(ruleSetOf(when), vocabulary)).toThrow(message);
  });

  test('all problems are told at once', () => {
    const when = {
      any: [
        { feature: 'x', op: 'isNull' },
        { feature: 'y', op: 'isNull' },
      ],
    };
    expect(() => compileRules(ruleSetOf(when), vocabulary)).toThrow(/feature x.*feature y/);
  });
});

test('the hash of a rule set changes with any threshold', () => {
  const ruleSet = ruleSetOf({ field: 'mcc', op: 'isNull' });
  const { hash } = compileRules(ruleSet, vocabulary).reference;
  expect(compileRules(structuredClone(ruleSet), vocabulary).reference.hash).toBe(hash);
  const other = { ...ruleSet, thresholds: { ...ruleSet.thresholds, decline: 4 } };
  expect(compileRules(other, vocabulary).reference.hash).not.toBe(hash);
});
