import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Authorization } from '../../core/contract/authorization.ts';
import { decisionContract } from '../../core/contract/decision.ts';
import { parseRuleSet } from '../../core/contract/rule-set.ts';
import { createDecider, type Decider, type DecisionInput } from '../../core/score/decide.ts';
import { bindModel, parseModel, predict } from '../../core/score/model.ts';
import { compileRules, type FieldKind } from '../../core/score/rules.ts';
import { readGoldenModel, readGoldenRows } from './golden-model.ts';

const { featureNames, rows } = readGoldenRows('plain');
const model = bindModel(parseModel(readGoldenModel('plain')), featureNames);
const fields = new Map<string, { kind: FieldKind }>([['mcc', { kind: 'text' }]]);
const thresholds = { review: 400, stepUp: 600, decline: 800 };
const always = { not: { field: 'mcc', op: 'isNull' } };

type RuleOptions = { mode?: string; when?: unknown; scoreDelta?: number; outcomeAtLeast?: string };

function deciderWith(...options: RuleOptions[]): Decider {
  const rules = options.map((option, index) => ({
    id: `rule-${index}`,
    version: 1,
    mode: 'live',
    when: always,
    scoreDelta: 0,
    reason: { code: `RULE_${index}`, text: `rule ${index}` },
    ...option,
  }));
  const ruleSet = compileRules(parseRuleSet({ id: 'set', version: 4, thresholds, rules }), {
    fields,
    features: featureNames,
  });
  return createDecider({ model, ruleSet, featureSet: { name: 'book', version: 1, hash: 'f'.repeat(64) } });
}

const event: Authorization = {
  tenantId: 'bank',
  eventId: 'payment-1',
  eventTimeMs: 1_700_000_000_000,
  accountId: 'account-1',
  cardToken: 'card-1',
  merchantId: 'merchant-1',
  terminalId: 'terminal-1',
  amountMinor: 1250,
  currency: 'EUR',
  channel: 'cardPresent',
  entryMode: 'chip',
  mcc: '5411',
  country: 'NL',
};

function inputWith(change: Partial<DecisionInput> = {}): DecisionInput {
  return {
    event,
    decisionId: 'decision-1',
    bodyHash: 'a'.repeat(64),
    topic: 'payments.authorization.v1',
    partition: 3,
    offset: 42,
    features: rows[0]!,
    baseline: featureNames.map(() => null),
    watermarkMs: 1_699_999_995_000,
    late: false,
    tooLate: false,
    ...change,
  };
}

describe('a decision', () => {
  test('keeps its contract', () => {
    const decision = deciderWith({ scoreDelta: 20 }, { mode: 'shadow', scoreDelta: 900 }).decide(inputWith());
    expect(decisionContract.schema.parse(decision)).toEqual(decision);
    expect(decision).toMatchObject({
      contract: 'payments.authorization.v1',
      eventId: 'payment-1',
      offset: 42,
      model: { id: 'golden-plain', version: '7' },
      ruleSet: { id: 'set', version: 4 },
      foreignReads: [],
      fallback: null,
    });
  });

  test('is the same for the same input', () => {
    const decider = deciderWith({ scoreDelta: 20 });
    expect(JSON.stringify(decider.decide(inputWith()))).toBe(JSON.stringify(decider.decide(inputWith())));
  });

  test('keeps the feature values, not the array that they came in', () => {
    const features = [...rows[1]!];
    const decision = deciderWith().decide(inputWith({ features }));
    features.fill(null);
    expect(decision.features).toEqual(rows[1]);
  });
});

describe('score', () => {
  test('without rules it is the probability in thousandths', () => {
    const scores = rows.map((features) => deciderWith().decide(inputWith({ features })).score);
    expect(scores).toEqual(rows.map((features) => Math.round(1000 * predict(model, features).probability)));
    expect(new Set(scores).size).toBeGreaterThan(20);
  });

  test('live rules move it, shadow rules are only recorded', () => {
    const { score } = deciderWith().decide(inputWith());
    const decision = deciderWith({ scoreDelta: 30 }, { scoreDelta: -10 }, { mode: 'shadow', scoreDelta: 900 }).decide(
      inputWith(),
    );
    expect(decision.score).toBe(score + 20);
    expect(decision.ruleHits.map(({ mode }) => mode)).toEqual(['live', 'live', 'shadow']);
    expect(decision.reasonCodes.map(({ code }) => code)).not.toContain('RULE_2');
    expect(decision.reasonCodes[0]).toMatchObject({ code: 'RULE_0', contribution: 30, feature: null });
  });

  test('it stays from 0 to 1000, and only the sum is clamped', () => {
    expect(deciderWith({ scoreDelta: 1000 }, { scoreDelta: 1000 }).decide(inputWith()).score).toBe(1000);
    expect(deciderWith({ scoreDelta: -1000 }).decide(inputWith()).score).toBe(0);
    const { score } = deciderWith().decide(inputWith());
    expect(deciderWith({ scoreDelta: -1000 }, { scoreDelta: 1000 }).decide(inputWith()).score).toBe(score);
  });
});

describe('outcome', () => {
  test.each([
    [399, 'approve'],
    [400, 'review'],
    [599, 'review'],
    [600, 'stepUp'],
    [799, 'stepUp'],
    [800, 'decline'],
    [1000, 'decline'],
  ])('a score of %d is %s', (score, outcome) => {
    const { score: modelScore } = deciderWith().decide(inputWith());
    const decision = deciderWith({ scoreDelta: score - modelScore }).decide(inputWith());
    expect(decision).toMatchObject({ score, outcome });
  });

  test('a live rule raises it and never lowers it', () => {
    const ranks = ['approve', 'review', 'stepUp', 'decline'];
    const outcome = fc.constantFrom('review', 'stepUp', 'decline');
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), fc.array(outcome), outcome, (scoreDelta, live, shadow) => {
        const plain = deciderWith({ scoreDelta }).decide(inputWith());
        const rules = live.map((outcomeAtLeast) => ({ outcomeAtLeast }));
        const raised = deciderWith({ scoreDelta }, ...rules, { mode: 'shadow', outcomeAtLeast: shadow }).decide(
          inputWith(),
        );
        expect(raised.score).toBe(plain.score);
        const highest = Math.max(...[plain.outcome, ...live].map((name) => ranks.indexOf(name)));
        expect(raised.outcome).toBe(ranks[highest]);
      }),
      { numRuns: 50 },
    );
  });

  test('a rule that does not hit changes nothing', () => {
    const when = { field: 'mcc', op: 'eq', value: '0000' };
    const decision = deciderWith({ when, scoreDelta: 500, outcomeAtLeast: 'decline' }).decide(inputWith());
    const { score, outcome } = deciderWith().decide(inputWith());
    expect(decision).toMatchObject({ score, outcome, ruleHits: [] });
  });
});

test('a skipped model leaves the score to the rules', () => {
  const fallback = { stage: 'model', reason: 'deadline' };
  const decision = deciderWith({ scoreDelta: 650 }).decide(inputWith({ fallback }));
  expect(decision).toMatchObject({ score: 650, outcome: 'stepUp', fallback });
  expect(decision.reasonCodes.map(({ code }) => code)).toEqual(['RULE_0']);
});

test('a model and rules over vectors of two lengths do not make a decider', () => {
  const rules = compileRules(parseRuleSet({ id: 'set', version: 1, thresholds, rules: [] }), {
    fields,
    features: ['amount'],
  });
  const featureSet = { name: 'book', version: 1, hash: 'f' };
  expect(() => createDecider({ model, ruleSet: rules, featureSet })).toThrow('got rules over 1 features');
});
