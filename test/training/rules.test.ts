import { describe, expect, test } from 'vitest';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { fieldKinds } from '../../core/contract/fields.ts';
import { compileRules, evaluateRules } from '../../core/score/rules.ts';
import { assemble, shippedFiles } from '../../runtime/assemble.ts';
import { featureNames, ruleSet, vectorOf } from './shipped.ts';

const compiled = compileRules(ruleSet, { fields: fieldKinds(authorizationContract), features: featureNames });

const everydayEvent = { amountMinor: 4500, channel: 'cardPresent', entryMode: 'chip', mcc: '5411', country: 'BE' };

type Hitting = {
  readonly event?: Readonly<Record<string, unknown>>;
  readonly features?: Readonly<Record<string, number>>;
};

/** A payment for each rule that it alone hits. */
const hitting: Readonly<Record<string, Hitting>> = {
  'terminal-all-fraud': { features: { terminal_fraud_rate_7d: 1 } },
  'amount-above-limit': { event: { amountMinor: 50_001 } },
  'amount-far-above-average': { features: { amount: 120, customer_avg_amount_30d: 20 } },
  'large-cash-withdrawal': { event: { channel: 'atm', amountMinor: 20_001 } },
  'many-payments-in-a-day': { features: { customer_count_1d: 15 } },
  'high-amount-without-history': { event: { amountMinor: 20_001 }, features: { customer_count_30d: 1 } },
  'terminal-with-some-fraud': { features: { terminal_fraud_rate_30d: 0.1 } },
  'online-at-night': { event: { channel: 'ecommerce', amountMinor: 15_001 }, features: { night: 1 } },
  'magnetic-stripe-abroad': { event: { entryMode: 'magstripe', country: 'FR' } },
  'small-amount-of-a-regular': { event: { amountMinor: 999 } },
};

function hitsOf({ event, features }: Hitting): readonly string[] {
  const input = { event: { ...everydayEvent, ...event }, features: vectorOf(features) };
  return evaluateRules(compiled, input).map(({ id }) => id);
}

describe('the shipped rules', () => {
  test('go with the shipped definition and model', async () => {
    const { identity, weir } = await assemble(shippedFiles);
    expect(identity.rules).toEqual(compiled.reference);
    expect(identity.model.id).toBe('weir-demo');
    expect(weir.decider).not.toBeNull();
  });

  test('are some live, some shadow, each with a case below', () => {
    const modes = new Set(ruleSet.rules.map(({ mode }) => mode));
    expect(modes).toEqual(new Set(['live', 'shadow']));
    expect(ruleSet.rules.map(({ id }) => id)).toEqual(Object.keys(hitting));
  });

  test('leave an everyday payment alone', () => {
    expect(hitsOf({})).toEqual([]);
  });

  test.each(Object.entries(hitting))('%s hits its case, and no other rule does', (id, payment) => {
    expect(hitsOf(payment)).toEqual([id]);
  });

  test('only live rules ask for an outcome, and every reason has a code of its own', () => {
    for (const rule of ruleSet.rules) expect('outcomeAtLeast' in rule).toBe(rule.mode === 'live');
    const codes = ruleSet.rules.map(({ reason }) => reason.code);
    expect(new Set(codes).size).toBe(codes.length);
  });
});
