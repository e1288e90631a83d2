import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { appendToChain, chainHash, chainText, genesisHash } from '../../core/sinks/chain.ts';
import type { Chains } from '../../core/sinks/chain.ts';
import type { LedgerDraft, LedgerEntry } from '../../core/sinks/ledger-entry.ts';
import { createLedgerState } from '../../core/sinks/ledger-state.ts';
import { createLedgerAuditor } from '../../core/sinks/verify-ledger.ts';
import type { LedgerAudit } from '../../core/sinks/verify-ledger.ts';
import { openLedger, runStep } from './ledger-events.ts';
import { ledgerStepsArbitrary, smallLedgerConfig } from './ledger-steps.ts';

describe('a chain', () => {
  test('hashes the previous hash, a line feed and the canonical text', () => {
    const [entry] = openLedger().authorize();
    if (entry === undefined) throw new Error('got no entry, expected one');
    expect(chainText(entry)).toBe(
      '{"accountId":"acc1","amountMinor":1000,"authorizationId":"a1","creditAccount":"pending/t1/m1","currency":"EUR",' +
        `"debitAccount":"cardholder/t1/acc1","entryId":"${entry.entryId}","eventTimeMs":1000,"kind":"authorization",` +
        '"offset":0,"outcome":"approve","sequence":0,"tenantId":"t1","unmatched":false}',
    );
    expect(entry.hash).toBe(chainHash(genesisHash, entry));
    expect(entry.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  test('names every field of an entry but the hash', () => {
    const [entry] = openLedger().authorize();
    if (entry === undefined) throw new Error('got no entry, expected one');
    const { hash: _, ...rest } = entry;
    expect(JSON.parse(chainText(entry))).toEqual(rest);
  });
});

describe('an audit', () => {
  test('of a sound ledger finds nothing and counts what it saw', () => {
    const audit = auditOf(soundLedger().entries);
    expect(audit).toMatchObject({
      entries: 8,
      accounts: 4,
      chains: 3,
      problemCount: 0,
      problems: [],
      uncheckedEntryIds: 0,
    });
    expect(audit.openHoldsMinor).toEqual({ EUR: 500 });
    expect(audit.debitsMinor).toEqual(audit.creditsMinor);
    expect(audit.totals).toEqual([
      { currency: 'EUR', kind: 'authorization', entries: 3, amountMinor: 2500, unmatchedEntries: 0, unmatchedMinor: 0 },
      { currency: 'EUR', kind: 'clearing', entries: 2, amountMinor: 1250, unmatchedEntries: 1, unmatchedMinor: 250 },
      { currency: 'EUR', kind: 'expiry', entries: 1, amountMinor: 600, unmatchedEntries: 0, unmatchedMinor: 0 },
      { currency: 'EUR', kind: 'reversal', entries: 2, amountMinor: 400, unmatchedEntries: 1, unmatchedMinor: 0 },
    ]);
  });

  test('names an entry whose field was changed', () => {
    const { entries } = soundLedger();
    const changed = entries.with(1, { ...entryAt(entries, 1), amountMinor: 1 });
    expect(auditOf(changed).problems[0]).toMatchObject({
      kind: 'hashMismatch',
      position: 1,
      entryId: entryAt(entries, 1).entryId,
      account: 'cardholder/t1/acc1',
    });
  });

  test('names the entry that follows a rehashed one', () => {
    const { entries } = soundLedger();
    const forged = { ...entryAt(entries, 0), amountMinor: 900 };
    const changed = entries.with(0, { ...forged, hash: chainHash(genesisHash, forged) });
    expect(auditOf(changed).problems[0]).toMatchObject({ kind: 'hashMismatch', position: 1 });
  });

  test('names the entry after a removed one', () => {
    const { entries } = soundLedger();
    const { problems } = auditOf(entries.toSpliced(0, 1));
    expect(problems[0]).toMatchObject({ kind: 'missingEntry', position: 0, message: 'got sequence 1, expected 0' });
  });

  test('names both of two swapped entries of an account', () => {
    const { entries } = soundLedger();
    const swapped = entries.with(0, entryAt(entries, 1)).with(1, entryAt(entries, 0));
    const found = auditOf(swapped).problems.map(({ kind, position }) => ({ kind, position }));
    expect(found).toContainEqual({ kind: 'missingEntry', position: 0 });
    expect(found).toContainEqual({ kind: 'misplacedEntry', position: 1 });
  });

  test('names an entry that stands there twice', () => {
    const { entries } = soundLedger();
    const repeated = entries.toSpliced(1, 0, entryAt(entries, 0));
    expect(auditOf(repeated).problems.map((problem) => problem.kind)).toEqual(['misplacedEntry', 'repeatedEntryId']);
  });

  test('finds entries cut from the end of a chain by the heads kept elsewhere, and only so', () => {
    const { entries, chains } = soundLedger();
    const cut = entries.slice(0, -1);
    expect(auditOf(cut).problemCount).toBe(0);
    expect(auditOf(cut, chains).problems).toMatchObject([{ kind: 'headMismatch', account: 'pending/t1/m1' }]);
    expect(auditOf(entries, chains).problemCount).toBe(0);
    expect(auditOf([], chains).problemCount).toBe(3);
  });

  test('finds a pending account that gives more than it holds, in a chain without a flaw', () => {
    const audit = auditOf(chained([draftOf({ amountMinor: 100 }), clearingDraft({ amountMinor: 101 })]));
    expect(audit.problems).toMatchObject([
      {
        kind: 'overdrawn',
        position: 1,
        message: 'got a balance of -1 EUR minor units in pending/t1/m1, expected at least 0',
      },
    ]);
  });

  test('keeps the currencies of an account apart', () => {
    const audit = auditOf(
      chained([draftOf({ amountMinor: 100 }), clearingDraft({ amountMinor: 50, currency: 'USD' })]),
    );
    expect(audit.problems.map((problem) => problem.kind)).toEqual(['overdrawn']);
    expect(audit.openHoldsMinor).toEqual({ EUR: 100, USD: -50 });
  });

  test('finds amounts that are no amounts, and accounts that do not fit the kind', () => {
    const drafts = [
      draftOf({ entryId: '1', amountMinor: -1 }),
      draftOf({ entryId: '2', amountMinor: 0.5 }),
      draftOf({ entryId: '3', creditAccount: 'settled/t1/m1' }),
    ];
    const audit = auditOf(chained(drafts));
    expect(audit.problems.map((problem) => problem.kind)).toEqual(['invalidEntry', 'invalidEntry', 'invalidEntry']);
  });

  test('keeps the first problems and counts all, and says how many ids it did not compare', () => {
    const { entries } = soundLedger();
    const auditor = createLedgerAuditor({ problemsMax: 2, entryIdsMax: 3 });
    for (const entry of entries) auditor.add({ ...entry, offset: entry.offset + 1 });
    const audit = auditor.finish();
    expect(audit.problems).toHaveLength(2);
    expect(audit.problemCount).toBe(entries.length);
    expect(audit.uncheckedEntryIds).toBe(entries.length - 3);
  });

  test('finds any changed field, removed entry and swap within an account', () => {
    let tampered = 0;
    fc.assert(
      fc.property(ledgerStepsArbitrary, fc.nat(), fc.nat(), (steps, place, choice) => {
        const { entries, chains } = ledgerOf(steps);
        if (entries.length === 0) return;
        const index = place % entries.length;
        for (const changed of tamper(entries, { index, choice })) {
          tampered += 1;
          expect(auditOf(changed, chains).problemCount).toBeGreaterThan(0);
        }
        expect(auditOf(entries, chains).problemCount).toBe(0);
      }),
    );
    expect(tampered).toBeGreaterThan(150);
  });
});

/** Each way to tamper with the entry at the index that its place allows. */
function tamper(
  entries: readonly LedgerEntry[],
  { index, choice }: { readonly index: number; readonly choice: number },
): LedgerEntry[][] {
  const entry = entryAt(entries, index);
  const changes: Partial<LedgerEntry>[] = [
    { amountMinor: entry.amountMinor + 1 },
    { tenantId: `${entry.tenantId}x` },
    { authorizationId: `${entry.authorizationId}x` },
    { accountId: `${entry.accountId}x` },
    { entryId: `${entry.entryId}x` },
    { eventTimeMs: entry.eventTimeMs + 1 },
    { debitAccount: `${entry.debitAccount}x` },
    { creditAccount: `${entry.creditAccount}x` },
    { currency: 'CHF' },
    { outcome: entry.outcome === 'review' ? 'approve' : 'review' },
    { unmatched: !entry.unmatched },
    { offset: entry.offset + 1 },
    { sequence: entry.sequence + 1 },
    { hash: genesisHash },
    { kind: entry.kind === 'expiry' ? 'reversal' : 'expiry' },
  ];
  const results = [entries.with(index, { ...entry, ...changes[choice % changes.length] }), entries.toSpliced(index, 1)];
  const peer = entries.findIndex((other, at) => at > index && other.debitAccount === entry.debitAccount);
  if (peer >= 0) results.push(entries.with(index, entryAt(entries, peer)).with(peer, entry));
  return results;
}

function auditOf(entries: readonly LedgerEntry[], expectedHeads?: Chains): LedgerAudit {
  const auditor = createLedgerAuditor();
  for (const entry of entries) auditor.add(entry);
  return expectedHeads === undefined ? auditor.finish() : auditor.finish({ expectedHeads });
}

function ledgerOf(steps: Parameters<typeof runStep>[1][]): { entries: LedgerEntry[]; chains: Chains } {
  const state = createLedgerState(smallLedgerConfig);
  const entries = steps.flatMap((step) => runStep(state, step).entries);
  return { entries, chains: state.chains };
}

/** Three payments: one cleared beyond its hold, one reversed in part and expired, one open. */
function soundLedger(): { entries: LedgerEntry[]; chains: Chains } {
  const ledger = openLedger();
  const entries = [
    ...ledger.authorize({ eventId: 'a1', eventTimeMs: 1000 }),
    ...ledger.authorize({ eventId: 'a2', eventTimeMs: 1000 }),
    ...ledger.authorize({ eventId: 'a3', eventTimeMs: 9000, accountId: 'acc2', amountMinor: 500 }),
    ...ledger.clear({ eventId: 'r1', authorizationId: 'a1', amountMinor: 1250 }),
    ...ledger.reverse({ eventId: 'r2', authorizationId: 'a2', amountMinor: 400 }),
    ...ledger.advance(11_000).entries,
    ...ledger.reverse({ eventId: 'r3', authorizationId: 'a2', amountMinor: 400 }),
  ];
  return { entries, chains: ledger.state.chains };
}

function chained(drafts: readonly LedgerDraft[]): LedgerEntry[] {
  const chains: Chains = new Map();
  return drafts.map((draft) => appendToChain(chains, draft));
}

function draftOf(fields: Partial<LedgerDraft> = {}): LedgerDraft {
  return {
    entryId: 'e1',
    tenantId: 't1',
    kind: 'authorization',
    authorizationId: 'a1',
    accountId: 'acc1',
    eventTimeMs: 1000,
    debitAccount: 'cardholder/t1/acc1',
    creditAccount: 'pending/t1/m1',
    amountMinor: 100,
    currency: 'EUR',
    outcome: 'approve',
    unmatched: false,
    offset: 0,
    ...fields,
  };
}

function clearingDraft(fields: Partial<LedgerDraft>): LedgerDraft {
  const accounts = { debitAccount: 'pending/t1/m1', creditAccount: 'settled/t1/m1' };
  return draftOf({ entryId: 'e2', kind: 'clearing', outcome: null, ...accounts, ...fields });
}

function entryAt(entries: readonly LedgerEntry[], index: number): LedgerEntry {
  const entry = entries[index];
  if (entry === undefined) throw new Error(`got no entry at ${index}, expected one of ${entries.length}`);
  return entry;
}
