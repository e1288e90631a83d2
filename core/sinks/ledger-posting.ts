import type { Authorization } from '../contract/authorization.ts';
import { authorizationContract } from '../contract/authorization.ts';
import { idempotencyHash, idempotencyKey } from '../contract/idempotency-key.ts';
import type { Outcome } from '../score/decision.ts';
import { countEntry } from './currency-totals.ts';
import { cardholderAccount, pendingAccount, settledAccount } from './ledger-accounts.ts';
import type { LedgerDraft, LedgerEntry } from './ledger-entry.ts';
import type { Hold, LedgerState, Release } from './ledger-state.ts';

/** Posts the entry of an authorization (cardholder to pending) and gives the hold that it opens. */
export function postHold(
  state: LedgerState,
  input: { readonly event: Authorization; readonly outcome: Outcome; readonly offset: number },
): { readonly hold: Hold; readonly entry: LedgerEntry } {
  const { event, outcome } = input;
  const hold = createHold(state, input);
  if (hold.status === 'open') state.openHolds += 1;
  const entry = postEntry(state, {
    entryId: `${hold.idempotencyHash}:authorization`,
    tenantId: hold.tenantId,
    kind: 'authorization',
    authorizationId: hold.authorizationId,
    accountId: hold.accountId,
    eventTimeMs: event.eventTimeMs,
    debitAccount: hold.cardholderAccount,
    creditAccount: hold.pendingAccount,
    amountMinor: hold.remainingMinor,
    currency: hold.currency,
    outcome,
    unmatched: false,
    offset: hold.offset,
  });
  return { hold, entry };
}

/** Posts what a clearing or a reversal takes from its hold, then what exceeds it: one entry, or two. */
export function applyRelease(state: LedgerState, hold: Hold, release: Release): LedgerEntry[] {
  const { amountMinor, currency } = release.event;
  const isMatched = hold.status === 'open' && hold.currency === currency;
  if (!isMatched) return [postEntry(state, unmatchedDraft({ hold, release, excessMinor: amountMinor }))];
  const matchedMinor = Math.min(amountMinor, hold.remainingMinor);
  const matched = postEntry(state, matchedDraft({ hold, release, matchedMinor }));
  reduceHold(state, hold, matchedMinor);
  const excessMinor = amountMinor - matchedMinor;
  if (excessMinor === 0) return [matched];
  return [matched, postEntry(state, unmatchedDraft({ hold, release, excessMinor }))];
}

/** Posts what is left of an open hold (pending to cardholder) and closes it. */
export function postExpiry(state: LedgerState, hold: Hold): LedgerEntry {
  const entry = postEntry(state, {
    entryId: `${hold.idempotencyHash}:expiry`,
    tenantId: hold.tenantId,
    kind: 'expiry',
    authorizationId: hold.authorizationId,
    accountId: hold.accountId,
    eventTimeMs: hold.expiryTimeMs,
    debitAccount: hold.pendingAccount,
    creditAccount: hold.cardholderAccount,
    amountMinor: hold.remainingMinor,
    currency: hold.currency,
    outcome: null,
    unmatched: false,
    offset: hold.offset,
  });
  reduceHold(state, hold, hold.remainingMinor);
  return entry;
}

function createHold(
  state: LedgerState,
  { event, outcome, offset }: { readonly event: Authorization; readonly outcome: Outcome; readonly offset: number },
): Hold {
  const isDeclined = outcome === 'decline';
  return {
    tenantId: event.tenantId,
    accountId: event.accountId,
    authorizationId: event.eventId,
    merchantId: event.merchantId,
    currency: event.currency,
    cardholderAccount: cardholderAccount(event),
    pendingAccount: pendingAccount(event),
    expiryTimeMs: event.eventTimeMs + state.config.holdMs,
    offset,
    idempotencyHash: eventHash(authorizationContract.topic, event),
    status: isDeclined ? 'closed' : 'open',
    remainingMinor: isDeclined ? 0 : event.amountMinor,
  };
}

/** A hold closes when nothing is left of it; one of 0 therefore by its first release, whatever the amount. */
function reduceHold(state: LedgerState, hold: Hold, takenMinor: number): void {
  if (takenMinor > hold.remainingMinor) {
    throw new Error(`got ${takenMinor} minor units to take, expected at most the ${hold.remainingMinor} on hold`);
  }
  hold.remainingMinor -= takenMinor;
  if (hold.remainingMinor > 0) return;
  hold.status = 'closed';
  state.openHolds -= 1;
}

function matchedDraft(input: {
  readonly hold: Hold;
  readonly release: Release;
  readonly matchedMinor: number;
}): LedgerDraft {
  const { hold, release, matchedMinor } = input;
  return {
    entryId: `${eventHash(release.topic, release.event)}:${release.kind}`,
    ...releaseFields(release),
    debitAccount: hold.pendingAccount,
    creditAccount: release.kind === 'clearing' ? settledAccount(hold) : hold.cardholderAccount,
    amountMinor: matchedMinor,
    unmatched: false,
  };
}

/** A clearing takes the excess from the cardholder; a reversal has nothing to give back, so its excess is a memo of 0. */
function unmatchedDraft(input: {
  readonly hold: Hold;
  readonly release: Release;
  readonly excessMinor: number;
}): LedgerDraft {
  const { hold, release, excessMinor } = input;
  const isClearing = release.kind === 'clearing';
  return {
    entryId: `${eventHash(release.topic, release.event)}:${release.kind}:unmatched`,
    ...releaseFields(release),
    debitAccount: isClearing ? hold.cardholderAccount : hold.pendingAccount,
    creditAccount: isClearing ? settledAccount(hold) : hold.cardholderAccount,
    amountMinor: isClearing ? excessMinor : 0,
    unmatched: true,
  };
}

function releaseFields({ kind, event, offset }: Release) {
  return {
    tenantId: event.tenantId,
    kind,
    authorizationId: event.authorizationId,
    accountId: event.accountId,
    eventTimeMs: event.eventTimeMs,
    currency: event.currency,
    outcome: null,
    offset,
  };
}

function eventHash(
  topic: string,
  event: { readonly tenantId: string; readonly accountId: string; readonly eventId: string },
): string {
  const { tenantId, accountId, eventId } = event;
  return idempotencyHash(idempotencyKey({ topic, tenantId, key: accountId, eventId }));
}

function postEntry(state: LedgerState, draft: LedgerDraft): LedgerEntry {
  const entry = { ...draft, sequence: state.entries };
  state.entries += 1;
  countEntry(state.totals, entry);
  return entry;
}
