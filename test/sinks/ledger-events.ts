import type { Authorization } from '../../core/contract/authorization.ts';
import type { Clearing } from '../../core/contract/clearing.ts';
import type { LedgerEntry } from '../../core/sinks/ledger-entry.ts';
import type { ExpiredWait } from '../../core/sinks/ledger.ts';
import { advanceLedger, postAuthorization, postClearing, postReversal } from '../../core/sinks/ledger.ts';
import { createLedgerState } from '../../core/sinks/ledger-state.ts';
import type { LedgerConfig, LedgerState } from '../../core/sinks/ledger-state.ts';
import type { Outcome } from '../../core/score/decision.ts';

/** An authorization of 10.00 EUR at time 1000, with the given fields in place of its own. */
export function authorizationEvent(fields: Partial<Authorization> = {}): Authorization {
  return {
    tenantId: 't1',
    eventId: 'a1',
    eventTimeMs: 1000,
    accountId: 'acc1',
    cardToken: 'card1',
    merchantId: 'm1',
    terminalId: 'term1',
    amountMinor: 1000,
    currency: 'EUR',
    channel: 'ecommerce',
    entryMode: 'credentialOnFile',
    mcc: '5411',
    country: 'DE',
    ...fields,
  };
}

/** A clearing or a reversal of 10.00 EUR at time 2000 for the authorization above: both contracts have these fields. */
export function releaseEvent(fields: Partial<Clearing> = {}): Clearing {
  return {
    tenantId: 't1',
    eventId: 'r1',
    eventTimeMs: 2000,
    accountId: 'acc1',
    authorizationId: 'a1',
    amountMinor: 1000,
    currency: 'EUR',
    ...fields,
  };
}

/** One input of the ledger. */
export type LedgerStep =
  | { readonly kind: 'authorize'; readonly event: Authorization; readonly outcome: Outcome; readonly offset: number }
  | { readonly kind: 'clear' | 'reverse'; readonly event: Clearing; readonly offset: number }
  | { readonly kind: 'advance'; readonly watermarkMs: number };

export type LedgerOutput = { readonly entries: readonly LedgerEntry[]; readonly expiredWaits: readonly ExpiredWait[] };

/** Gives one input to the ledger. */
export function runStep(state: LedgerState, step: LedgerStep): LedgerOutput {
  switch (step.kind) {
    case 'authorize': {
      const { event, outcome, offset } = step;
      const decision = { eventId: event.eventId, outcome };
      return { entries: postAuthorization(state, { event, decision, offset }), expiredWaits: [] };
    }
    case 'clear':
      return { entries: postClearing(state, step), expiredWaits: [] };
    case 'reverse':
      return { entries: postReversal(state, step), expiredWaits: [] };
    case 'advance':
      return advanceLedger(state, step.watermarkMs);
  }
}

/** A ledger of its own with the steps given to it one by one, as methods that read like a log. */
export function openLedger(
  config: Partial<LedgerConfig> = { holdMs: 10_000, waitMs: 5000, closedRetentionMs: 20_000 },
) {
  const state = createLedgerState(config);
  let offset = -1;
  const next = () => (offset += 1);
  return {
    state,
    authorize: (fields: Partial<Authorization> = {}, outcome: Outcome = 'approve') =>
      runStep(state, { kind: 'authorize', event: authorizationEvent(fields), outcome, offset: next() }).entries,
    clear: (fields: Partial<Clearing> = {}) =>
      runStep(state, { kind: 'clear', event: releaseEvent(fields), offset: next() }).entries,
    reverse: (fields: Partial<Clearing> = {}) =>
      runStep(state, { kind: 'reverse', event: releaseEvent(fields), offset: next() }).entries,
    advance: (watermarkMs: number) => advanceLedger(state, watermarkMs),
  };
}
