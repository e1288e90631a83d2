import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chainEntries } from '../../core/sinks/chain.ts';
import { blockEntries, createOpenBlock, type ChainBlock } from '../../core/sinks/chain-block.ts';
import type { LedgerHead } from '../../core/sinks/audit-chain.ts';
import type { LedgerDraft, LedgerEntry } from '../../core/sinks/ledger-entry.ts';
import { createLedgerState } from '../../core/sinks/ledger-state.ts';
import { createLedgerAuditor, type LedgerAudit } from '../../core/sinks/verify-ledger.ts';
import { authorizationEvent, openLedger, runStep } from './ledger-events.ts';
import { longLedgerSteps, smallLedgerConfig } from './ledger-steps.ts';

describe('an audit', () => {
  test('of a sound ledger finds nothing and counts what it saw', () => {
    const audit = auditOf(soundLedger());
    expect(audit).toMatchObject({
      entries: 8,
      accounts: 4,
      blocks: 0,
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

  test('names the block of a changed entry', () => {
    const ledger = longLedger(2 * blockEntries);
    const at = blockEntries + 7;
    const entries = ledger.entries.with(at, { ...entryAt(ledger.entries, at), eventTimeMs: 1 });
    expect(auditOf({ ...ledger, entries }).problems).toMatchObject([
      { kind: 'hashMismatch', position: blockEntries, entryId: null },
    ]);
  });

  test('names the block after one that was hashed anew, or the end behind it', () => {
    const ledger = longLedger(3 * blockEntries);
    const entries = ledger.entries.with(5, { ...entryAt(ledger.entries, 5), amountMinor: 1 });
    const anew = chainEntries(createOpenBlock(), entries);
    const chain = [...anew.slice(0, 1), ...ledger.chain.slice(1)];
    expect(kindsOf({ ...ledger, entries, chain })).toEqual(['brokenChain', 'hashMismatch']);
    expect(kindsOf({ ...ledger, entries, chain: anew })).toEqual([]);
    expect(kindsOf({ ...ledger, entries, chain: anew }, ledger.head)).toEqual(['headMismatch', 'totalsMismatch']);
  });

  test('names the entry after a removed one', () => {
    const ledger = soundLedger();
    const { problems } = auditOf({ ...ledger, entries: ledger.entries.toSpliced(0, 1) });
    expect(problems[0]).toMatchObject({ kind: 'missingEntry', position: 0, message: 'got sequence 1, expected 0' });
  });

  test('names both of two swapped entries, also of different accounts', () => {
    const ledger = soundLedger();
    const { entries } = ledger;
    const swapped = entries.with(1, entryAt(entries, 2)).with(2, entryAt(entries, 1));
    const found = auditOf({ ...ledger, entries: swapped }).problems.map(({ kind, position }) => ({ kind, position }));
    expect(found).toContainEqual({ kind: 'missingEntry', position: 1 });
    expect(found).toContainEqual({ kind: 'misplacedEntry', position: 2 });
  });

  test('names an entry that stands there twice', () => {
    const ledger = soundLedger();
    const entries = ledger.entries.toSpliced(1, 0, entryAt(ledger.entries, 0));
    expect(kindsOf({ ...ledger, entries })).toEqual(['misplacedEntry', 'repeatedEntryId']);
  });

  test('finds entries cut from the end by the head kept elsewhere, and only so', () => {
    const ledger = soundLedger();
    const cut = { ...ledger, entries: ledger.entries.slice(0, -1) };
    expect(kindsOf(cut)).toEqual([]);
    expect(kindsOf(cut, ledger.head)).toEqual(['headMismatch', 'totalsMismatch']);
    expect(kindsOf(ledger, ledger.head)).toEqual([]);
    expect(kindsOf({ ...ledger, entries: [] }, ledger.head)).toEqual(['headMismatch', 'totalsMismatch']);
  });

  test('finds a changed entry of the open block by the head', () => {
    const ledger = soundLedger();
    const entries = ledger.entries.with(0, { ...entryAt(ledger.entries, 0), eventTimeMs: 1001 });
    expect(kindsOf({ ...ledger, entries })).toEqual([]);
    expect(kindsOf({ ...ledger, entries }, ledger.head)).toEqual(['headMismatch']);
  });

  test('finds blocks that are missing, repeated, reordered or too many', () => {
    const ledger = longLedger(3 * blockEntries + 10);
    const [first, second, third] = ledger.chain;
    if (first === undefined || second === undefined || third === undefined) throw new Error('got too few blocks');
    const chains = [
      [second, third],
      [first, third],
      [first, second],
      [first, first, second, third],
      [second, first, third],
    ];
    for (const chain of chains) {
      expect(kindsOf({ ...ledger, chain }, ledger.head)).toContain('brokenChain');
      expect(new Set(kindsOf({ ...ledger, chain }, ledger.head))).toEqual(new Set(['brokenChain']));
    }
    expect(kindsOf({ ...ledger, entries: ledger.entries.slice(0, blockEntries) })).toEqual(['brokenChain']);
    expect(auditOf(ledger, ledger.head)).toMatchObject({ blocks: 3, problemCount: 0 });
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

  test('finds entries that no ledger posts', () => {
    const drafts = [
      draftOf({ amountMinor: -1 }),
      draftOf({ amountMinor: 0.5 }),
      draftOf({ offset: -1 }),
      draftOf({ eventTimeMs: Infinity }),
      draftOf({ creditAccount: 'settled/t1/m1' }),
      draftOf({ creditAccount: 'pending/t2/m1' }),
      draftOf({ debitAccount: 'cardholder/t1/acc2' }),
      draftOf({ entryId: 'e1' }),
      draftOf({ entryId: `${'0'.repeat(32)}:clearing` }),
      draftOf({ authorizationId: 'a'.repeat(301) }),
    ];
    for (const [sequence, draft] of drafts.entries()) {
      const auditor = createLedgerAuditor({ chain: [] });
      auditor.add({ ...draft, sequence: 0 });
      expect(
        auditor.finish().problems.map(({ kind }) => kind),
        `entry ${sequence}`,
      ).toEqual(['invalidEntry']);
    }
  });

  test('keeps the first problems and counts all, and says how many ids it did not compare', () => {
    const { entries } = soundLedger();
    const auditor = createLedgerAuditor({ chain: [], problemsMax: 2, entryIdsMax: 3 });
    for (const entry of entries) auditor.add({ ...entry, offset: -1 });
    const audit = auditor.finish();
    expect(audit.problems).toHaveLength(2);
    expect(audit.problemCount).toBe(entries.length);
    expect(audit.uncheckedEntryIds).toBe(entries.length - 3);
  });

  test('finds any changed field, removed or inserted entry and swap', () => {
    let tampered = 0;
    const seen = new Set<string>();
    const ledger = longLedger(2 * blockEntries + 200);
    const place = fc.nat({ max: ledger.entries.length - 1 });
    fc.assert(
      fc.property(place, place, fc.nat(), (index, peer, choice) => {
        for (const entries of tamper(ledger.entries, { index, peer, choice })) {
          tampered += 1;
          const { problems } = auditOf({ ...ledger, entries }, ledger.head);
          expect(problems.length).toBeGreaterThan(0);
          for (const { kind } of problems) seen.add(kind);
        }
      }),
      { numRuns: 60 },
    );
    expect(auditOf(ledger, ledger.head).problemCount).toBe(0);
    expect(tampered).toBeGreaterThan(150);
    for (const kind of ['hashMismatch', 'headMismatch', 'missingEntry', 'misplacedEntry', 'invalidEntry'] as const) {
      expect(seen).toContain(kind);
    }
  });
});

/** Each way to tamper with the entry at the index that its place allows. */
function tamper(
  entries: readonly LedgerEntry[],
  { index, peer, choice }: { readonly index: number; readonly peer: number; readonly choice: number },
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
    { kind: entry.kind === 'expiry' ? 'reversal' : 'expiry' },
  ];
  const other = entryAt(entries, peer);
  return [
    entries.with(index, { ...entry, ...changes[choice % changes.length] }),
    entries.toSpliced(index, 1),
    entries.toSpliced(index, 0, other),
    ...(index === peer ? [] : [entries.with(index, other).with(peer, entry)]),
  ];
}

type Ledger = {
  readonly entries: readonly LedgerEntry[];
  readonly chain: readonly ChainBlock[];
  readonly head: LedgerHead;
};

function auditOf({ entries, chain }: Omit<Ledger, 'head'>, head?: LedgerHead): LedgerAudit {
  const auditor = createLedgerAuditor({ chain });
  for (const entry of entries) auditor.add(entry);
  return head === undefined ? auditor.finish() : auditor.finish({ head });
}

function kindsOf(ledger: Omit<Ledger, 'head'>, head?: LedgerHead): string[] {
  return auditOf(ledger, head).problems.map(({ kind }) => kind);
}

/** Three payments: one cleared beyond its hold, one reversed in part and expired, one open. */
function soundLedger(): Ledger {
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
  return { entries, chain: chainEntries(ledger.state.openBlock, entries), head: ledger.state };
}

/** A ledger of at least so many entries, cut there. */
function longLedger(count: number): Ledger {
  const state = createLedgerState(smallLedgerConfig);
  const entries: LedgerEntry[] = [];
  for (const step of longLedgerSteps({ seed: 3, count: count * 3 })) {
    if (entries.length + 10 > count) break;
    entries.push(...runStep(state, step).entries);
  }
  const filler = Array.from({ length: count - entries.length }, (_, index) =>
    runStep(state, {
      kind: 'authorize',
      event: authorizationEvent({ eventId: `f${index}` }),
      outcome: 'approve',
      offset: 9e6 + index,
    }),
  );
  entries.push(...filler.flatMap((output) => output.entries));
  return { entries, chain: chainEntries(state.openBlock, entries), head: state };
}

function chained(drafts: readonly LedgerDraft[]): Omit<Ledger, 'head'> {
  const entries = drafts.map((draft, sequence) => ({ ...draft, sequence }));
  return { entries, chain: chainEntries(createOpenBlock(), entries) };
}

function draftOf(fields: Partial<LedgerDraft> = {}): LedgerDraft {
  return {
    entryId: `${'1'.repeat(32)}:authorization`,
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
  const entryId = `${'2'.repeat(32)}:clearing`;
  return draftOf({ entryId, kind: 'clearing', outcome: null, ...accounts, ...fields });
}

function entryAt(entries: readonly LedgerEntry[], index: number): LedgerEntry {
  const entry = entries[index];
  if (entry === undefined) throw new Error(`got no entry at ${index}, expected one of ${entries.length}`);
  return entry;
}
