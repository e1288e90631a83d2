import { describe, expect, test } from 'vitest';
import { type Authorization, authorizationContract } from '../../core/contract/authorization.ts';
import { durationMs } from '../../core/contract/duration.ts';
import { createFeatureEngine } from '../../core/features/engine.ts';
import { applyLabel } from '../../core/features/labels.ts';
import { observe } from '../../core/features/observe.ts';
import { createFeatureState, labelKeyOf } from '../../core/features/state.ts';
import handbook from '../../examples/handbook/features.ts';
import fraud from '../../examples/handbook/fraud-features.ts';
import { payment } from '../features/vectors.ts';

const dayMs = durationMs('1d');
const featureNames = fraud.plan.features.map(({ name }) => name);

describe('the features of the shipped model', () => {
  test('begin with those of the handbook, in their order', () => {
    const names = handbook.plan.features.map(({ name }) => name);
    expect(names).toHaveLength(15);
    expect(featureNames.slice(0, 15)).toEqual(names);
    expect(featureNames).toHaveLength(33);
  });

  test('read no label that is younger than 7 days', () => {
    const labelled = fraud.plan.aggregates.filter(({ usesLabel }) => usesLabel);
    expect(labelled.length).toBeGreaterThan(10);
    for (const { delayedByMs } of labelled) expect(delayedByMs).toBeGreaterThanOrEqual(7 * dayMs);
  });

  // Another hash is another definition: it then needs a new version, since decisions name the hash that they used.
  test('have the hash of version 1', () => {
    expect(fraud.plan).toMatchObject({ name: 'weir_fraud', version: 1 });
    expect(fraud.hash).toBe('7006b759612191266e2a590977a3dcde644ca9886521a84239e19d80ab72b27b');
  });

  test('measure an amount by what the customer paid before it', () => {
    const amounts = [1000, 2000, 6000, 9000];
    const vectors = decided(amounts.map((amountMinor, day) => payment({ eventTimeMs: day * dayMs, amountMinor })));
    expect(vectors.at(-1)).toMatchObject({
      customer_median_amount_30d: 20,
      amount_over_median_30d: 4.5,
      amount_over_avg_30d: 3,
      amount_over_max_30d: 1.5,
      amount_z_score_30d: expect.closeTo(6000 / Math.sqrt(14_000_000 / 3), 9),
      customer_last_payment_age_seconds: 86_400,
    });
    expect(vectors[0]).toMatchObject({ customer_median_amount_30d: null, amount_over_max_30d: null });
  });

  test('hold what is recent against what is known as genuine', () => {
    const of = (day: number, amountMinor: number) => payment({ eventTimeMs: day * dayMs, amountMinor });
    // The fraud of day 1 is known as such on day 8: on day 12 it counts for nothing.
    const vectors = decided([of(0, 2000), of(1, 9000), of(2, 4000), of(10, 1500), of(12, 6000)], { frauds: [1] });
    expect(vectors.at(-1)).toMatchObject({
      amount_over_genuine_avg_60d: 2,
      amount_z_score_genuine_60d: 3,
      customer_max_7d_over_genuine_max: 0.375,
      customer_avg_14d_over_genuine_avg: 4125 / 3000,
    });
  });

  test('tell how far the known frauds of a terminal go', () => {
    const of = (day: number, accountId: string, amountMinor: number) =>
      payment({ eventTimeMs: day * dayMs, accountId, amountMinor });
    const payments = [of(0, 'a1', 1000), of(1, 'a2', 3000), of(2, 'a3', 2000), of(3, 'a3', 2500), of(10, 'a4', 500)];
    expect(decided(payments, { frauds: [1, 2, 3] }).at(-1)).toMatchObject({
      terminal_first_fraud_age_days: 9,
      terminal_last_fraud_age_days: 7,
      terminal_last_genuine_age_days: 10,
      terminal_fraud_count_43d: 3,
      terminal_frauds_in_a_row: 3,
      terminal_genuine_in_a_row: 0,
      terminal_min_fraud_amount_14d: 20,
      terminal_fraud_customers_14d: 2,
    });
    expect(decided(payments, { frauds: [1, 2] }).at(-1)).toMatchObject({
      terminal_last_genuine_age_days: 7,
      terminal_frauds_in_a_row: 0,
      terminal_genuine_in_a_row: 1,
    });
  });
});

/** What is decided on for each payment; some are known as frauds 7 days after they were made. */
function decided(
  payments: readonly Authorization[],
  { frauds = [] }: { readonly frauds?: readonly number[] } = {},
): Record<string, number | null>[] {
  const engine = createFeatureEngine(fraud.plan, authorizationContract.allowedLatenessMs);
  const state = createFeatureState(fraud.plan);
  const identities = payments.map(({ tenantId, accountId, eventTimeMs }, offset) => ({
    tenantId,
    accountId,
    eventId: `p${offset}`,
    eventTimeMs,
    offset,
  }));
  return payments.map((event, offset) => {
    const identity = identities[offset]!;
    for (const index of frauds) {
      const disputed = identities[index]!;
      const eventTimeMs = disputed.eventTimeMs + 7 * dayMs;
      if (eventTimeMs > identity.eventTimeMs) continue;
      const timing = {
        eventTimeMs,
        offset: payments.length + index,
        watermarkMs,
        waitUntilMs: Number.POSITIVE_INFINITY,
      };
      const labelKey = labelKeyOf(disputed);
      const label = { event: disputed, labelKey, carriesLabel: true, targetKnown: true, ...timing };
      expect(applyLabel(engine, state, label)).toBe('applied');
    }
    const vector = observe(engine, state, { identity, event, lateness: 'onTime', watermarkMs });
    return Object.fromEntries(featureNames.map((name, index) => [name, vector[index] ?? null]));
  });
}

const watermarkMs = Number.NEGATIVE_INFINITY;
