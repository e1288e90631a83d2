import { describe, expect, test } from 'vitest';
import { parseRuleSet, ruleSetLimits } from '../../core/contract/rule-set.ts';

const rule = {
  id: 'velocity',
  version: 1,
  mode: 'live',
  when: { feature: 'customer_count_1d', op: 'gt', value: 10 },
  scoreDelta: 200,
  reason: { code: 'VELOCITY', text: 'many payments in a day' },
};
const ruleSet = { id: 'default', version: 3, thresholds: { review: 500, stepUp: 700, decline: 900 }, rules: [rule] };
const withRules = (...rules: unknown[]) => ({ ...ruleSet, rules });
const withCondition = (when: unknown) => withRules({ ...rule, when });

function nested(depth: number): unknown {
  return depth === 1 ? { field: 'mcc', op: 'isNull' } : { not: nested(depth - 1) };
}

test('a rule set is read as it was written', () => {
  const when = {
    all: [
      { any: [{ field: 'mcc', op: 'in', value: ['5411', '5999'] }, { not: { field: 'deviceId', op: 'isNull' } }] },
      { feature: 'amount', op: 'gte', value: 12.5 },
    ],
  };
  const json = withRules({ ...rule, when, outcomeAtLeast: 'stepUp' });
  expect(parseRuleSet(json)).toEqual(json);
});

describe('what is refused, with the path, what came and what was expected', () => {
  test.each([
    ['nothing', undefined, 'got nothing at the rule set'],
    ['a field too many', { ...ruleSet, note: 1 }, 'Unrecognized key: "note"'],
    [
      'thresholds out of order',
      { ...ruleSet, thresholds: { review: 700, stepUp: 500, decline: 900 } },
      'at thresholds: expected review <= stepUp <= decline',
    ],
    ['a threshold above 1000', { ...ruleSet, thresholds: { review: 1, stepUp: 2, decline: 1001 } }, 'got 1001'],
    ['a delta above 1000', withRules({ ...rule, scoreDelta: 1001 }), 'got 1001 at rules.0.scoreDelta'],
    ['part of a point', withRules({ ...rule, scoreDelta: 0.5 }), 'got 0.5 at rules.0.scoreDelta'],
    ['an unknown mode', withRules({ ...rule, mode: 'off' }), 'got "off" at rules.0.mode'],
    ['to approve at least', withRules({ ...rule, outcomeAtLeast: 'approve' }), 'at rules.0.outcomeAtLeast'],
    ['a code in lower case', withRules({ ...rule, reason: { code: 'x', text: 'x' } }), 'at rules.0.reason.code'],
    ['the same version twice', withRules(rule, { ...rule, mode: 'shadow' }), 'expected every version of a rule once'],
    ['two live versions', withRules(rule, { ...rule, version: 2 }), 'expected at most one live version of a rule'],
    ['an unknown op', withCondition({ field: 'mcc', op: 'matches', value: '.*' }), 'got "matches" at rules.0.when.op'],
    ['a prefix of a feature', withCondition({ feature: 'a', op: 'prefix', value: '1' }), 'got "prefix"'],
    ['an order of texts', withCondition({ field: 'mcc', op: 'lt', value: '5' }), 'got "5" at rules.0.when.value'],
    ['a mixed list', withCondition({ field: 'mcc', op: 'in', value: [1, '1'] }), 'at rules.0.when.value'],
    ['a number that is none', withCondition({ feature: 'a', op: 'lt', value: Number.NaN }), 'at rules.0.when.value'],
    ['an empty all', withCondition({ all: [] }), 'got a list of 0 at rules.0.when.all'],
    ['two kinds at once', withCondition({ all: [rule.when], op: 'lt' }), 'Unrecognized key: "op"'],
    ['no kind', withCondition({ op: 'lt' }), 'expected exactly one of the keys all, any, not, field, feature'],
    ['a bad test deep inside', withCondition({ any: [rule.when, { not: 5 }] }), 'got 5 at rules.0.when.any.1.not'],
  ])('%s', (_, json, message) => {
    expect(() => parseRuleSet(json)).toThrow(message);
  });

  test('a card number is not quoted', () => {
    const json = withCondition({ feature: 'a', op: 'eq', value: '4111111111111111' });
    expect(() => parseRuleSet(json)).toThrow('got a card number at rules.0.when.value');
  });

  test('two versions, one live and one shadow, are welcome', () => {
    expect(parseRuleSet(withRules(rule, { ...rule, version: 2, mode: 'shadow' })).rules).toHaveLength(2);
  });
});

describe('limits', () => {
  test('16 levels are read, 17 are not, and 100,000 do no harm', () => {
    expect(parseRuleSet(withCondition(nested(ruleSetLimits.depthMax))).rules).toHaveLength(1);
    expect(() => parseRuleSet(withCondition(nested(ruleSetLimits.depthMax + 1)))).toThrow('expected at most 16 levels');
    let hostile: unknown = nested(1);
    for (let depth = 1; depth < 100_000; depth += 1) hostile = { any: [hostile] };
    expect(() => parseRuleSet(withCondition(hostile))).toThrow('expected at most 16 levels');
  });

  test('500 rules are read, 501 are not', () => {
    const rules = Array.from({ length: 501 }, (_, index) => ({ ...rule, id: `rule-${index}` }));
    expect(parseRuleSet(withRules(...rules.slice(1))).rules).toHaveLength(500);
    expect(() => parseRuleSet(withRules(...rules))).toThrow('got a list of 501 at rules');
  });

  test('10,000 items of a list are read, 10,001 are not', () => {
    const value = Array.from({ length: 10_001 }, (_, index) => index);
    const json = withCondition({ feature: 'amount', op: 'in', value: value.slice(1) });
    expect(parseRuleSet(json)).toEqual(json);
    expect(() => parseRuleSet(withCondition({ feature: 'amount', op: 'in', value }))).toThrow('got a list of 10001');
  });
});
