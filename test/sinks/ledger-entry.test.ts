import { describe, expect, test } from 'vitest';
import { ledgerEntryContract } from '../../core/contract/ledger-entry.ts';
import { ledgerTotals } from '../../core/sinks/ledger-totals.ts';
import { openLedger } from './ledger-events.ts';

describe('an entry', () => {
  test('keeps the contract ledger.entry.v1', () => {
    const ledger = openLedger();
    const entries = [
      ...ledger.authorize(),
      ...ledger.clear({ amountMinor: 400 }),
      ...ledger.reverse({ eventId: 'r2', amountMinor: 100 }),
      ...ledger.reverse({ eventId: 'r3', amountMinor: 100, currency: 'USD' }),
      ...ledger.advance(Infinity).entries,
    ];
    expect(entries).toHaveLength(5);
    for (const entry of entries) expect(ledgerEntryContract.schema.parse(entry)).toEqual(entry);
  });

  test('no tenant can name an account of another tenant', () => {
    const ledger = openLedger();
    const [first] = ledger.authorize({ tenantId: 'a/b', accountId: 'c' });
    const [second] = ledger.authorize({ tenantId: 'a', accountId: 'b/c' });
    expect(first?.debitAccount).toBe('cardholder/a~1b/c');
    expect(second?.debitAccount).toBe('cardholder/a/b/c');
  });

  test('takes the next place in the whole ledger, whatever its account', () => {
    const ledger = openLedger();
    const entries = [
      ...ledger.authorize({ eventId: 'a1' }),
      ...ledger.authorize({ eventId: 'a2' }),
      ...ledger.authorize({ eventId: 'a3', accountId: 'acc2' }),
      ...ledger.clear({ authorizationId: 'a1' }),
    ];
    expect(entries.map((entry) => entry.sequence)).toEqual([0, 1, 2, 3]);
  });
});

test('totals count each currency alone, and stay exact beyond 2^53', () => {
  const ledger = openLedger();
  const amountMinor = Number.MAX_SAFE_INTEGER;
  ledger.authorize({ eventId: 'a1', amountMinor });
  ledger.authorize({ eventId: 'a2', amountMinor });
  ledger.authorize({ eventId: 'a3', amountMinor: 7, currency: 'USD' });
  ledger.clear({ authorizationId: 'a2', amountMinor: amountMinor - 1 });
  ledger.clear({ authorizationId: 'a9', eventId: 'r2' });
  const totals = ledgerTotals(ledger.state);
  expect(totals).toMatchObject({ openHolds: 3, waitingReleases: 1, entries: 4 });
  expect(Object.keys(totals.currencies)).toEqual(['EUR', 'USD']);
  expect(totals.currencies['EUR']).toMatchObject({
    heldMinor: 18_014_398_509_481_982n,
    clearedMinor: amountMinor - 1,
    openMinor: 9_007_199_254_740_992n,
    authorizationEntries: 2,
    clearingEntries: 1,
  });
  expect(totals.currencies['USD']).toMatchObject({ heldMinor: 7, openMinor: 7 });
});
