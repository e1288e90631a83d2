import type { Authorization } from '../contract/authorization.ts';
import type { Clearing } from '../contract/clearing.ts';
import { clearingContract } from '../contract/clearing.ts';
import type { Reversal } from '../contract/reversal.ts';
import { reversalContract } from '../contract/reversal.ts';
import { addTimer, popDue } from '../engine/timers.ts';
import type { Decision } from '../score/decision.ts';
import { authorizationKey } from './ledger-accounts.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import { applyRelease, postExpiry, postHold } from './ledger-posting.ts';
import type { LedgerState, LedgerTimer, Release } from './ledger-state.ts';

/** A clearing or a reversal whose authorization did not come in time: a row of the late sink. */
export type ExpiredWait = Release & { readonly reason: 'unknownAuthorization' };

/**
 * Posts the one entry of a decided authorization, then what the releases that waited for it post, in log order. Approve,
 * review and stepUp hold the amount; decline is a memo of 0. An authorization that comes after its own expiry time holds
 * too, and expires at the next advance. Throws when the authorization was posted before: duplicates end upstream.
 */
export function postAuthorization(
  state: LedgerState,
  input: {
    readonly event: Authorization;
    readonly decision: Pick<Decision, 'eventId' | 'outcome'>;
    readonly offset: number;
  },
): LedgerEntry[] {
  const { event, decision, offset } = input;
  const { tenantId, accountId, eventId: authorizationId } = event;
  const key = authorizationKey({ tenantId, accountId, authorizationId });
  if (decision.eventId !== event.eventId) {
    throw new Error(`got the decision of event ${decision.eventId}, expected that of event ${event.eventId}`);
  }
  if (state.holds.has(key)) throw new Error(`got authorization ${event.eventId} again, expected each one once`);
  const { hold, entry } = postHold(state, { event, outcome: decision.outcome, offset });
  state.holds.set(key, hold);
  addTimer(state.timers, { timeMs: hold.expiryTimeMs, offset, value: { kind: 'expiry', authorizationKey: key } });
  return [entry, ...takeWaiting(state, key).flatMap((release) => applyRelease(state, hold, release))];
}

/**
 * Posts a clearing: up to what is left of the hold as matched, the rest as unmatched. A hold that expired, was reversed,
 * cleared or declined, or is in another currency, matches nothing. Without its authorization the clearing waits and posts
 * nothing; so it does once the hold is forgotten, `closedRetentionMs` after its expiry, and ends in the late sink.
 */
export function postClearing(
  state: LedgerState,
  { event, offset }: { readonly event: Clearing; readonly offset: number },
): LedgerEntry[] {
  return postRelease(state, { kind: 'clearing', event, topic: clearingContract.topic, offset });
}

/**
 * Posts a reversal: up to what is left of the hold goes back to the cardholder. What exceeds it, and a reversal of a hold
 * that matches nothing, is an unmatched memo of 0, since nothing is released. It waits as a clearing does.
 */
export function postReversal(
  state: LedgerState,
  { event, offset }: { readonly event: Reversal; readonly offset: number },
): LedgerEntry[] {
  return postRelease(state, { kind: 'reversal', event, topic: reversalContract.topic, offset });
}

/**
 * Moves the ledger's time: expires the open holds with `watermarkMs >= eventTimeMs + holdMs`, ordered by expiry, then
 * offset, and gives up the waits with `watermarkMs >= eventTimeMs + waitMs`, in the same order. The end of a bounded input
 * is a watermark of Infinity. Time moves here alone, so call it at places that the log determines, such as each change of
 * the watermark. Takes O(1) when nothing is due, even where the watermark has not moved.
 */
export function advanceLedger(
  state: LedgerState,
  watermarkMs: number,
): { readonly entries: LedgerEntry[]; readonly expiredWaits: ExpiredWait[] } {
  const entries: LedgerEntry[] = [];
  const expiredWaits: ExpiredWait[] = [];
  for (let due = popDue(state.timers, watermarkMs); due !== undefined; due = popDue(state.timers, watermarkMs)) {
    switch (due.kind) {
      case 'expiry':
        entries.push(...expireHold(state, due.authorizationKey));
        break;
      case 'eviction':
        state.holds.delete(due.authorizationKey);
        break;
      case 'wait':
        expiredWaits.push(...endWait(state, due));
        break;
    }
  }
  return { entries, expiredWaits };
}

function postRelease(state: LedgerState, release: Release): LedgerEntry[] {
  const key = authorizationKey(release.event);
  const hold = state.holds.get(key);
  if (hold !== undefined) return applyRelease(state, hold, release);
  beginWait(state, key, release);
  return [];
}

function expireHold(state: LedgerState, key: string): LedgerEntry[] {
  const hold = state.holds.get(key);
  if (hold === undefined) throw new Error('got an expiry without a hold, expected the hold until its eviction');
  addTimer(state.timers, {
    timeMs: hold.expiryTimeMs + state.config.closedRetentionMs,
    offset: hold.offset,
    value: { kind: 'eviction', authorizationKey: key },
  });
  return hold.status === 'open' ? [postExpiry(state, hold)] : [];
}

function beginWait(state: LedgerState, key: string, release: Release): void {
  const { event, topic, offset } = release;
  const releases = state.waiting.get(key);
  if (releases === undefined) state.waiting.set(key, [release]);
  else releases.push(release);
  state.waitingReleases += 1;
  addTimer(state.timers, {
    timeMs: event.eventTimeMs + state.config.waitMs,
    offset,
    value: { kind: 'wait', authorizationKey: key, topic, offset },
  });
}

/** Ends all waits for an authorization that has come; their timers find nothing when they fall due. */
function takeWaiting(state: LedgerState, key: string): Release[] {
  const releases = state.waiting.get(key);
  if (releases === undefined) return [];
  state.waiting.delete(key);
  state.waitingReleases -= releases.length;
  return releases;
}

/** Gives up one wait; none where the authorization came in time. */
function endWait(state: LedgerState, timer: Extract<LedgerTimer, { kind: 'wait' }>): ExpiredWait[] {
  const { authorizationKey: key, topic, offset } = timer;
  const releases = state.waiting.get(key) ?? [];
  const index = releases.findIndex((release) => release.topic === topic && release.offset === offset);
  const release = releases[index];
  if (release === undefined) return [];
  if (releases.length === 1) state.waiting.delete(key);
  else releases.splice(index, 1);
  state.waitingReleases -= 1;
  return [{ ...release, reason: 'unknownAuthorization' }];
}
