import { describe, expect, test } from 'vitest';
import { predict } from '../../core/score/model.ts';
import { featureNames, model, modelBytes, ruleSet, vectorOf } from './shipped.ts';

const scoreOf = (changes: Readonly<Record<string, number>> = {}): number =>
  Math.round(1000 * predict(model, vectorOf(changes)).probability);

/** What is known of a terminal from its payments of the window that ends 7 days ago. */
const compromisedTerminal = {
  terminal_fraud_rate_1d: 1,
  terminal_fraud_rate_7d: 1,
  terminal_fraud_rate_30d: 0.4,
};

describe('the shipped model', () => {
  test('reads exactly the 15 features of the shipped definition, in their order', () => {
    expect(featureNames).toHaveLength(15);
    expect(model.model.featureNames).toEqual(featureNames);
    expect([...model.columns]).toEqual(featureNames.map((_, index) => index));
  });

  test('names itself, has 100 trees and is small', () => {
    expect(model.model.reference).toMatchObject({ id: 'weir-demo', version: '1' });
    expect(model.model.trees.roots).toHaveLength(100);
    expect(modelBytes.length).toBeLessThan(300_000);
  });

  test('splits on money, on the customer and on the terminal', () => {
    const split = new Set([...model.model.trees.feature].filter((feature) => feature >= 0));
    const names = [...split].map((feature) => featureNames[feature]);
    expect(names).toEqual(
      expect.arrayContaining([
        'amount',
        'customer_avg_amount_30d',
        'terminal_fraud_rate_7d',
        'terminal_fraud_rate_30d',
      ]),
    );
  });

  test('approves an everyday payment by far', () => {
    expect(scoreOf()).toBeLessThan(ruleSet.thresholds.review / 5);
  });

  test('declines an amount beyond everything that the simulated world holds for genuine', () => {
    expect(scoreOf({ amount: 400 })).toBeGreaterThanOrEqual(ruleSet.thresholds.decline);
  });

  test('declines at a terminal whose payments were all frauds a week ago', () => {
    expect(scoreOf(compromisedTerminal)).toBeGreaterThanOrEqual(ruleSet.thresholds.decline);
  });

  test('finds an amount stranger the less the customer spends', () => {
    const spends = (average: number): number =>
      scoreOf({
        amount: 150,
        customer_avg_amount_1d: (average + 150) / 2,
        customer_avg_amount_7d: average + 8,
        customer_avg_amount_30d: average + 2,
      });
    expect(spends(20)).toBeGreaterThan(spends(45));
    expect(spends(45)).toBeGreaterThan(spends(90));
    expect(spends(90)).toBeLessThan(ruleSet.thresholds.review);
  });

  test('orders a terminal by how much fraud is known of it', () => {
    const clean = scoreOf();
    const some = scoreOf({ terminal_fraud_rate_30d: 0.1 });
    const much = scoreOf({ terminal_fraud_rate_7d: 0.5, terminal_fraud_rate_30d: 0.3 });
    const all = scoreOf(compromisedTerminal);
    expect([clean, some, much, all]).toEqual([clean, some, much, all].toSorted((left, right) => left - right));
    expect(all).toBeGreaterThan(much);
    expect(much).toBeGreaterThan(clean);
  });
});
