import { describe, expect, test } from 'vitest';
import { idempotencyHash, idempotencyKey } from '../../core/contract/idempotency-key.ts';
import type { LedgerEntry } from '../../core/sinks/ledger-entry.ts';
import { ledgerTotals } from '../../core/sinks/ledger-totals.ts';
import { postAuthorization } from '../../core/sinks/ledger.ts';
import { authorizationEvent, openLedger } from './ledger-events.ts';

const cardholder = 'cardholder/t1/acc1';
const pending = 'pending/t1/m1';
const settled = 'settled/t1/m1';

/** An entry on one line: what the rules are about, without ids and hashes. */
function line(entry: LedgerEntry): string {
  const flag = entry.unmatched ? ' unmatched' : '';
  return `${entry.kind}${flag} ${entry.amountMinor} ${entry.debitAccount} > ${entry.creditAccount}`;
}
const lines = (entries: readonly LedgerEntry[]) => entries.map(line);

describe('an authorization', () => {
  test.each(['approve', 'review', 'stepUp'] as const)('holds its amount when the outcome is %s', (outcome) => {
    const ledger = openLedger();
    const entries = ledger.authorize({}, outcome);
    expect(lines(entries)).toEqual([`authorization 1000 ${cardholder} > ${pending}`]);
    expect(entries[0]).toMatchObject({ outcome, authorizationId: 'a1', currency: 'EUR', eventTimeMs: 1000, offset: 0 });
    expect(ledger.state.openHolds).toBe(1);
  });

  test('is a memo of 0 when it is declined, and holds nothing', () => {
    const ledger = openLedger();
    const entries = ledger.authorize({}, 'decline');
    expect(lines(entries)).toEqual([`authorization 0 ${cardholder} > ${pending}`]);
    expect(entries[0]?.outcome).toBe('decline');
    expect(ledger.state.openHolds).toBe(0);
    expect(ledger.advance(Infinity).entries).toEqual([]);
  });

  test('of amount 0 stays on hold until it expires', () => {
    const ledger = openLedger();
    ledger.authorize({ amountMinor: 0 });
    expect(ledger.state.openHolds).toBe(1);
    expect(lines(ledger.advance(11_000).entries)).toEqual([`expiry 0 ${pending} > ${cardholder}`]);
    expect(ledger.state.openHolds).toBe(0);
  });

  test('of amount 0 ends with its first clearing, whose amount is all excess', () => {
    const ledger = openLedger();
    ledger.authorize({ amountMinor: 0 });
    expect(lines(ledger.clear({ amountMinor: 5 }))).toEqual([
      `clearing 0 ${pending} > ${settled}`,
      `clearing unmatched 5 ${cardholder} > ${settled}`,
    ]);
    expect(ledger.advance(Infinity).entries).toEqual([]);
  });

  test('that is decided after its own expiry holds, and expires at the next advance', () => {
    const ledger = openLedger();
    ledger.advance(50_000);
    expect(lines(ledger.authorize())).toEqual([`authorization 1000 ${cardholder} > ${pending}`]);
    expect(lines(ledger.advance(50_000).entries)).toEqual([`expiry 1000 ${pending} > ${cardholder}`]);
  });

  test('is refused the second time, and with the decision of another event', () => {
    const ledger = openLedger();
    ledger.authorize();
    expect(() => ledger.authorize()).toThrow('got authorization a1 again, expected each one once');
    const input = { event: authorizationEvent({ eventId: 'a2' }), offset: 1 } as const;
    expect(() =>
      postAuthorization(ledger.state, { ...input, decision: { eventId: 'a3', outcome: 'approve' } }),
    ).toThrow('got the decision of event a3, expected that of event a2');
    expect(ledger.state.holds.size).toBe(1);
  });
});

describe('a clearing', () => {
  test('moves the held amount to the settled account', () => {
    const ledger = openLedger();
    ledger.authorize();
    expect(lines(ledger.clear())).toEqual([`clearing 1000 ${pending} > ${settled}`]);
    expect(ledger.state.openHolds).toBe(0);
    expect(ledger.advance(Infinity).entries).toEqual([]);
  });

  test('in part leaves the rest on hold, which expires', () => {
    const ledger = openLedger();
    ledger.authorize();
    expect(lines(ledger.clear({ amountMinor: 300 }))).toEqual([`clearing 300 ${pending} > ${settled}`]);
    expect(lines(ledger.clear({ eventId: 'r2', amountMinor: 200 }))).toEqual([`clearing 200 ${pending} > ${settled}`]);
    expect(lines(ledger.advance(11_000).entries)).toEqual([`expiry 500 ${pending} > ${cardholder}`]);
  });

  test('of more than the hold posts the matched part and the excess', () => {
    const ledger = openLedger();
    ledger.authorize();
    const entries = ledger.clear({ amountMinor: 1250 });
    expect(lines(entries)).toEqual([
      `clearing 1000 ${pending} > ${settled}`,
      `clearing unmatched 250 ${cardholder} > ${settled}`,
    ]);
    const id = idempotencyHash(
      idempotencyKey({ topic: 'payments.clearing.v1', tenantId: 't1', key: 'acc1', eventId: 'r1' }),
    );
    expect(entries.map((entry) => entry.entryId)).toEqual([`${id}:clearing`, `${id}:clearing:unmatched`]);
  });

  test('is unmatched as a whole after a decline, an expiry, a reversal or a full clearing', () => {
    const declined = openLedger();
    declined.authorize({}, 'decline');
    const expired = openLedger();
    expired.authorize();
    expired.advance(11_000);
    const reversed = openLedger();
    reversed.authorize();
    reversed.reverse();
    const cleared = openLedger();
    cleared.authorize();
    cleared.clear();
    for (const ledger of [declined, expired, reversed, cleared]) {
      const entries = ledger.clear({ eventId: 'r2', amountMinor: 700 });
      expect(lines(entries)).toEqual([`clearing unmatched 700 ${cardholder} > ${settled}`]);
    }
  });

  test('in another currency is unmatched in that currency, and the hold stays', () => {
    const ledger = openLedger();
    ledger.authorize();
    const entries = ledger.clear({ currency: 'USD' });
    expect(lines(entries)).toEqual([`clearing unmatched 1000 ${cardholder} > ${settled}`]);
    expect(entries[0]?.currency).toBe('USD');
    expect(ledger.state.openHolds).toBe(1);
  });

  test('of another account or tenant does not touch the hold', () => {
    const ledger = openLedger();
    ledger.authorize();
    expect(ledger.clear({ accountId: 'acc2' })).toEqual([]);
    expect(ledger.clear({ tenantId: 't2' })).toEqual([]);
    expect(ledger.state.openHolds).toBe(1);
    expect(ledger.state.waitingReleases).toBe(2);
  });
});

describe('a reversal', () => {
  test('gives back what it names, and the rest stays on hold', () => {
    const ledger = openLedger();
    ledger.authorize();
    expect(lines(ledger.reverse({ amountMinor: 400 }))).toEqual([`reversal 400 ${pending} > ${cardholder}`]);
    expect(lines(ledger.clear({ eventId: 'r2', amountMinor: 600 }))).toEqual([`clearing 600 ${pending} > ${settled}`]);
  });

  test('of more than the hold gives back the hold and leaves a memo of 0', () => {
    const ledger = openLedger();
    ledger.authorize();
    expect(lines(ledger.reverse({ amountMinor: 1500 }))).toEqual([
      `reversal 1000 ${pending} > ${cardholder}`,
      `reversal unmatched 0 ${pending} > ${cardholder}`,
    ]);
  });

  test('is a memo of 0 after a decline, an expiry, a full clearing, and in another currency', () => {
    const declined = openLedger();
    declined.authorize({}, 'decline');
    const expired = openLedger();
    expired.authorize();
    expired.advance(11_000);
    const cleared = openLedger();
    cleared.authorize();
    cleared.clear();
    const foreign = openLedger();
    foreign.authorize({ currency: 'USD' });
    for (const ledger of [declined, expired, cleared, foreign]) {
      expect(lines(ledger.reverse({ eventId: 'r2' }))).toEqual([`reversal unmatched 0 ${pending} > ${cardholder}`]);
    }
    expect(foreign.state.openHolds).toBe(1);
  });
});

describe('a wait', () => {
  test('ends with the authorization: its releases follow it in log order', () => {
    const ledger = openLedger();
    expect(ledger.clear({ eventId: 'r1', eventTimeMs: 3000, amountMinor: 600 })).toEqual([]);
    expect(ledger.reverse({ eventId: 'r2', eventTimeMs: 2000, amountMinor: 600 })).toEqual([]);
    const entries = ledger.authorize();
    expect(lines(entries)).toEqual([
      `authorization 1000 ${cardholder} > ${pending}`,
      `clearing 600 ${pending} > ${settled}`,
      `reversal 400 ${pending} > ${cardholder}`,
      `reversal unmatched 0 ${pending} > ${cardholder}`,
    ]);
    expect(entries.map((entry) => entry.offset)).toEqual([2, 0, 1, 1]);
    expect(ledger.state.waitingReleases).toBe(0);
    expect(ledger.advance(Infinity).expiredWaits).toEqual([]);
  });

  test('ends in a late row when the watermark reaches the end of it, and not a millisecond before', () => {
    const ledger = openLedger();
    ledger.clear({ eventTimeMs: 2000 });
    expect(ledger.advance(6999).expiredWaits).toEqual([]);
    expect(ledger.advance(7000).expiredWaits).toMatchObject([
      {
        kind: 'clearing',
        topic: 'payments.clearing.v1',
        offset: 0,
        reason: 'unknownAuthorization',
        event: { eventId: 'r1' },
      },
    ]);
    expect(lines(ledger.authorize())).toEqual([`authorization 1000 ${cardholder} > ${pending}`]);
  });

  test('late rows come by the end of their wait, then by offset', () => {
    const ledger = openLedger();
    ledger.clear({ eventId: 'r1', eventTimeMs: 3000 });
    ledger.reverse({ eventId: 'r2', eventTimeMs: 2000 });
    ledger.clear({ eventId: 'r3', eventTimeMs: 2000, authorizationId: 'a2' });
    const { expiredWaits } = ledger.advance(Infinity);
    expect(expiredWaits.map((wait) => wait.event.eventId)).toEqual(['r2', 'r3', 'r1']);
    expect(ledger.state.waiting.size).toBe(0);
  });
});

describe('an expiry', () => {
  test('comes when the watermark reaches it, with the time of the expiry and the offset of the authorization', () => {
    const ledger = openLedger();
    ledger.clear({ authorizationId: 'other' });
    ledger.authorize();
    expect(ledger.advance(10_999).entries).toEqual([]);
    const { entries } = ledger.advance(11_000);
    expect(lines(entries)).toEqual([`expiry 1000 ${pending} > ${cardholder}`]);
    expect(entries[0]).toMatchObject({ eventTimeMs: 11_000, offset: 1, outcome: null });
  });

  test('expiries come by expiry time, then by offset, and all of them when the input ends', () => {
    const ledger = openLedger();
    ledger.authorize({ eventId: 'a1', eventTimeMs: 3000 });
    ledger.authorize({ eventId: 'a2', eventTimeMs: 1000 });
    ledger.authorize({ eventId: 'a3', eventTimeMs: 1000, accountId: 'acc0' });
    const { entries } = ledger.advance(Infinity);
    expect(entries.map((entry) => entry.authorizationId)).toEqual(['a2', 'a3', 'a1']);
    expect(ledgerTotals(ledger.state).currencies['EUR']).toMatchObject({ expiredMinor: 3000, openMinor: 0 });
  });

  test('a closed hold is remembered until its retention ends; then a clearing waits and becomes a late row', () => {
    const ledger = openLedger();
    ledger.authorize();
    ledger.advance(30_999);
    const remembered = ledger.clear({ eventTimeMs: 30_000 });
    expect(lines(remembered)).toEqual([`clearing unmatched 1000 ${cardholder} > ${settled}`]);
    ledger.advance(31_000);
    expect(ledger.state.holds.size).toBe(0);
    expect(ledger.clear({ eventId: 'r2', eventTimeMs: 30_000 })).toEqual([]);
    expect(ledger.advance(35_000).expiredWaits).toHaveLength(1);
  });
});
