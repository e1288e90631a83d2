import fc from 'fast-check';
import { authorizationKey } from '../../core/sinks/ledger-accounts.ts';
import { authorizationEvent, releaseEvent } from './ledger-events.ts';
import type { LedgerStep } from './ledger-events.ts';

/** Times so small that holds expire, are forgotten and are missed within one generated log. */
export const smallLedgerConfig = { holdMs: 10, waitMs: 6, closedRetentionMs: 8 };

const whereArbitrary = {
  tenantId: fc.constantFrom('t1', 't2'),
  accountId: fc.constantFrom('acc1', 'acc2'),
  authorizationId: fc.constantFrom('a1', 'a2', 'a3', 'a4'),
  eventTimeMs: fc.integer({ min: 0, max: 40 }),
  amountMinor: fc.integer({ min: 0, max: 20 }),
  currency: fc.constantFrom('EUR', 'EUR', 'EUR', 'USD'),
};

const authorizeArbitrary = fc.record({
  kind: fc.constant('authorize' as const),
  ...whereArbitrary,
  merchantId: fc.constantFrom('m1', 'm2'),
  outcome: fc.constantFrom('approve', 'review', 'stepUp', 'approve', 'decline'),
});
const releaseArbitrary = fc.record({ kind: fc.constantFrom('clear', 'reverse'), ...whereArbitrary });
const advanceArbitrary = fc.record({ kind: fc.constant('advance' as const), byMs: fc.integer({ min: 0, max: 5 }) });

/**
 * Logs of authorizations (each one once), clearings and reversals in any order and at any times, with a watermark that
 * never moves back in between.
 */
export const ledgerStepsArbitrary: fc.Arbitrary<LedgerStep[]> = fc
  .array(fc.oneof(authorizeArbitrary, releaseArbitrary, releaseArbitrary, advanceArbitrary), {
    minLength: 5,
    maxLength: 60,
    size: 'max',
  })
  .map((drafts) => {
    let watermarkMs = 0;
    const authorized = new Set<string>();
    return drafts.flatMap((draft, offset): LedgerStep[] => {
      if (draft.kind === 'advance') {
        watermarkMs += draft.byMs;
        return [{ kind: 'advance', watermarkMs }];
      }
      const { tenantId, accountId, authorizationId, eventTimeMs, amountMinor, currency } = draft;
      const fields = { tenantId, accountId, eventTimeMs, amountMinor, currency };
      if (draft.kind !== 'authorize') {
        const event = releaseEvent({ ...fields, eventId: `r${offset}`, authorizationId });
        return [{ kind: draft.kind, event, offset }];
      }
      const key = authorizationKey(draft);
      if (authorized.has(key)) return [];
      authorized.add(key);
      const event = authorizationEvent({ ...fields, eventId: authorizationId, merchantId: draft.merchantId });
      return [{ kind: 'authorize', event, outcome: draft.outcome, offset }];
    });
  });

/** A long log of the same kinds of steps, from a seed, whose authorizations never come again. */
export function longLedgerSteps({ seed, count }: { readonly seed: number; readonly count: number }): LedgerStep[] {
  const pick = picker(seed);
  let watermarkMs = 0;
  return Array.from({ length: count }, (_, offset): LedgerStep => {
    const kind = (['authorize', 'authorize', 'clear', 'reverse', 'advance'] as const)[pick(5)] ?? 'advance';
    watermarkMs += pick(2);
    if (kind === 'advance') return { kind, watermarkMs };
    const where = { tenantId: `t${pick(3)}`, accountId: `acc${pick(9)}`, currency: pick(9) === 0 ? 'USD' : 'EUR' };
    const fields = { ...where, eventTimeMs: watermarkMs + pick(4), amountMinor: pick(3000) };
    if (kind === 'authorize') {
      const event = authorizationEvent({ ...fields, eventId: `a${offset}`, merchantId: `m${pick(20)}` });
      return {
        kind,
        event,
        outcome: (['approve', 'review', 'stepUp', 'decline'] as const)[pick(4)] ?? 'approve',
        offset,
      };
    }
    const authorizationId = `a${Math.max(0, offset + 3 - pick(30))}`;
    return { kind, event: releaseEvent({ ...fields, eventId: `r${offset}`, authorizationId }), offset };
  });
}

/** Numbers below a bound, by the linear congruential generator of Numerical Recipes. */
function picker(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}
