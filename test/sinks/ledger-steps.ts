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
