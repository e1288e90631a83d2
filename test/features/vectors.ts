import { type Authorization, authorizationContract } from '../../core/contract/authorization.ts';
import type { EventTerms, Feature } from '../../core/features/define.ts';
import type { FeatureSet } from '../../core/features/plan.ts';
import { defineFeatures } from '../../core/features/define.ts';
import { createFeatureEngine } from '../../core/features/engine.ts';
import { observe } from '../../core/features/observe.ts';
import { createFeatureState } from '../../core/features/state.ts';

/** The fields of an authorization, as definitions name them. */
export type Payment = EventTerms<Authorization, typeof authorizationContract.labels>;

/** A payment of 1.00 EUR at time 0, with the given fields in place of its own. */
export function payment(fields: Partial<Authorization> = {}): Authorization {
  return {
    tenantId: 't1',
    eventId: 'p1',
    eventTimeMs: 0,
    accountId: 'a1',
    cardToken: 'c1',
    merchantId: 'm1',
    terminalId: 'x1',
    amountMinor: 100,
    currency: 'EUR',
    channel: 'ecommerce',
    entryMode: 'chip',
    mcc: '5411',
    country: 'NL',
    ...fields,
  };
}

/** Payments at these seconds with these amounts. */
export function paymentsAt(...pairs: readonly (readonly [seconds: number, amountMinor: number])[]): Authorization[] {
  return pairs.map(([seconds, amountMinor]) => payment({ eventTimeMs: seconds * 1000, amountMinor }));
}

/** Defines features of a payment. */
export function define(features: (payment: Payment) => Readonly<Record<string, Feature>>): FeatureSet {
  return defineFeatures({ name: 'defined', version: 1, on: authorizationContract, features });
}

/** What is decided on: for each feature its values, one a payment, each over the payments up to it. */
export function decided({ plan }: FeatureSet, payments: readonly Authorization[]): Record<string, (number | null)[]> {
  const engine = createFeatureEngine(plan, authorizationContract.allowedLatenessMs);
  const state = createFeatureState(plan);
  const vectors = payments.map((event, offset) => {
    const { tenantId, accountId, eventTimeMs } = event;
    const identity = { tenantId, accountId, eventId: `p${offset}`, eventTimeMs, offset };
    return observe(engine, state, { identity, event, lateness: 'onTime', watermarkMs: Number.NEGATIVE_INFINITY });
  });
  return Object.fromEntries(
    plan.features.map(({ name }, index) => [name, vectors.map((vector) => vector[index] ?? null)]),
  );
}
