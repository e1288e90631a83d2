import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bindModel, parseModel, predict } from '../../core/score/model.ts';
import handbook from '../../examples/handbook/features.ts';
import { featureNames, model, modelBytes, ruleSet, vectorOf } from './shipped.ts';

const scoreOf = (changes: Readonly<Record<string, number | null>> = {}): number =>
  Math.round(1000 * predict(model, vectorOf(changes)).probability);

/** What is known of a terminal whose payments were all frauds from 17 days ago to 7 days ago. */
const compromisedTerminal = {
  terminal_fraud_rate_1d: 1,
  terminal_fraud_rate_7d: 1,
  terminal_fraud_rate_30d: 0.4,
  terminal_first_fraud_age_days: 17,
  terminal_last_fraud_age_days: 7.5,
  terminal_last_genuine_age_days: 18,
  terminal_fraud_count_43d: 11,
  terminal_frauds_in_a_row: 11,
  terminal_genuine_in_a_row: 0,
  terminal_min_fraud_amount_14d: 8,
  terminal_fraud_customers_14d: 9,
};

/** What is known of a terminal with one fraud among its payments. */
const terminalWithOneFraud = {
  terminal_fraud_rate_30d: 0.03,
  terminal_first_fraud_age_days: 20,
  terminal_last_fraud_age_days: 20,
  terminal_fraud_count_43d: 1,
  terminal_genuine_in_a_row: 12,
};

/** What is known of a terminal that was compromised, and has had three genuine payments since. */
const terminalThatWasCompromised = {
  ...compromisedTerminal,
  terminal_fraud_rate_1d: 0,
  terminal_fraud_rate_7d: 0.5,
  terminal_first_fraud_age_days: 38,
  terminal_last_fraud_age_days: 10.5,
  terminal_last_genuine_age_days: 7.5,
  terminal_frauds_in_a_row: 0,
  terminal_genuine_in_a_row: 3,
};

describe('the shipped model', () => {
  test('reads exactly the 33 features of the shipped definition, in their order', () => {
    expect(featureNames).toHaveLength(33);
    expect(model.model.featureNames).toEqual(featureNames);
    expect([...model.columns]).toEqual(featureNames.map((_, index) => index));
  });

  test('names itself, has 100 trees and is small', () => {
    expect(model.model.reference).toMatchObject({ id: 'weir-demo', version: '2' });
    expect(model.model.trees.roots).toHaveLength(100);
    expect(modelBytes.length).toBeLessThan(300_000);
  });

  test('splits on money, on the customer and on the terminal', () => {
    const split = new Set([...model.model.trees.feature].filter((feature) => feature >= 0));
    const names = [...split].map((feature) => featureNames[feature]);
    expect(names).toEqual(
      expect.arrayContaining([
        'amount',
        'amount_over_median_30d',
        'amount_z_score_genuine_60d',
        'terminal_fraud_rate_7d',
        'terminal_frauds_in_a_row',
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
    const some = scoreOf(terminalWithOneFraud);
    const past = scoreOf(terminalThatWasCompromised);
    const now = scoreOf(compromisedTerminal);
    expect(some).toBeLessThan(ruleSet.thresholds.review);
    expect(past).toBeLessThan(now / 2);
    expect(now).toBeGreaterThanOrEqual(ruleSet.thresholds.decline);
  });
});

describe("the book's model", () => {
  test('reads exactly the 15 features of the handbook, in their order, and has 100 trees', () => {
    const names = handbook.plan.features.map(({ name }) => name);
    const path = new URL('../../examples/handbook/book-model.json', import.meta.url);
    const { model: book, columns } = bindModel(parseModel(JSON.parse(readFileSync(path, 'utf8'))), names);
    expect([...columns]).toEqual(names.map((_, index) => index));
    expect(columns).toHaveLength(15);
    expect(book.reference).toMatchObject({ id: 'weir-demo-book', version: '1' });
    expect(book.trees.roots).toHaveLength(100);
  });
});
