import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { authorizationKey } from '../../core/sinks/ledger-accounts.ts';
import { chainEntries } from '../../core/sinks/chain.ts';
import type { LedgerEntry } from '../../core/sinks/ledger-entry.ts';
import { packBlock } from '../../core/sinks/chain-block.ts';
import { packLedger, unpackLedger } from '../../core/sinks/pack-ledger.ts';
import { createLedgerState } from '../../core/sinks/ledger-state.ts';
import type { LedgerState } from '../../core/sinks/ledger-state.ts';
import { ledgerTotals } from '../../core/sinks/ledger-totals.ts';
import { createLedgerAuditor } from '../../core/sinks/verify-ledger.ts';
import { runStep } from './ledger-events.ts';
import type { LedgerOutput, LedgerStep } from './ledger-events.ts';
import { ledgerStepsArbitrary, smallLedgerConfig } from './ledger-steps.ts';
import { twinOutputs } from './ledger-twin.ts';

describe('the ledger', () => {
  test('posts what a fold over the events of each hold posts, and gives up the same waits', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(ledgerStepsArbitrary, (steps) => {
        const outputs = runAll(createLedgerState(smallLedgerConfig), steps);
        expect(outputs.map(lines)).toEqual(twinOutputs(steps, smallLedgerConfig));
        for (const text of outputs.flatMap(lines)) {
          const kind = text.split(' ').slice(0, 2).join(' ');
          seen.set(kind, (seen.get(kind) ?? 0) + 1);
        }
      }),
      { numRuns: 300 },
    );
    expect([...seen.keys()].toSorted()).toEqual([
      'authorization matched',
      'clearing matched',
      'clearing unmatched',
      'expiry matched',
      'late clearing',
      'late reversal',
      'reversal matched',
      'reversal unmatched',
    ]);
    expect(Math.min(...seen.values())).toBeGreaterThan(20);
  });

  test('keeps debits equal to credits, holds never overdrawn, and held = cleared + reversed + expired + open', () => {
    fc.assert(
      fc.property(ledgerStepsArbitrary, (steps) => {
        const state = createLedgerState(smallLedgerConfig);
        const audit = auditAll(
          runAll(state, steps).flatMap((output) => output.entries),
          state,
        );
        expect(audit.problems).toEqual([]);
        expect(audit.debitsMinor).toEqual(audit.creditsMinor);
        for (const [currency, totals] of Object.entries(ledgerTotals(state).currencies)) {
          expect(totals.openMinor).toBe(openMinorOf(state, currency));
          expect(audit.openHoldsMinor[currency] ?? 0).toBe(totals.openMinor);
        }
        expect(state.openHolds).toBe([...state.holds.values()].filter((hold) => hold.status === 'open').length);
        expect(state.waitingReleases).toBe([...state.waiting.values()].flat().length);
      }),
    );
  });

  test('read back from a checkpoint goes on to the same entries and blocks', () => {
    let compared = 0;
    fc.assert(
      fc.property(ledgerStepsArbitrary, fc.nat(), (steps, cutSeed) => {
        const cut = cutSeed % (steps.length + 1);
        const state = createLedgerState(smallLedgerConfig);
        chainEntries(state.openBlock, entriesOf(runAll(state, steps.slice(0, cut))));
        const restored = unpackLedger(deserialize(serialize(packLedger(state))));
        const rest = runAll(restored, steps.slice(cut));
        expect(rest).toEqual(runAll(state, steps.slice(cut)));
        const entries = entriesOf(rest);
        chainEntries(restored.openBlock, entries);
        chainEntries(state.openBlock, entries);
        expect(packBlock(restored.openBlock)).toEqual(packBlock(state.openBlock));
        compared += entries.length;
      }),
    );
    expect(compared).toBeGreaterThan(100);
  });

  test('gives the same entries whether its time moves in one advance or in many', () => {
    fc.assert(
      fc.property(ledgerStepsArbitrary, (steps) => {
        const postings = steps.filter((step) => step.kind !== 'advance');
        const watermarks = Array.from({ length: 100 }, (_, watermarkMs): LedgerStep => ({
          kind: 'advance',
          watermarkMs,
        }));
        const end: LedgerStep = { kind: 'advance', watermarkMs: Infinity };
        const inMany = runAll(createLedgerState(smallLedgerConfig), [...postings, ...watermarks, end]);
        const inOne = runAll(createLedgerState(smallLedgerConfig), [...postings, end]);
        expect(inMany.flatMap((output) => output.entries)).toEqual(inOne.flatMap((output) => output.entries));
        expect(inMany.flatMap((output) => output.expiredWaits)).toEqual(inOne.flatMap((output) => output.expiredWaits));
      }),
    );
  });

  test('forgets everything but totals and the end of the chain once the input has ended', () => {
    fc.assert(
      fc.property(ledgerStepsArbitrary, (steps) => {
        const state = createLedgerState(smallLedgerConfig);
        runAll(state, [...steps, { kind: 'advance', watermarkMs: Infinity }]);
        expect([state.holds.size, state.waiting.size, state.timers.heap.length]).toEqual([0, 0, 0]);
        expect([state.openHolds, state.waitingReleases]).toEqual([0, 0]);
      }),
    );
  });
});

function runAll(state: LedgerState, steps: readonly LedgerStep[]): LedgerOutput[] {
  return steps.map((step) => runStep(state, step));
}

function entriesOf(outputs: readonly LedgerOutput[]): LedgerEntry[] {
  return outputs.flatMap((output) => output.entries);
}

function lines({ entries, expiredWaits }: LedgerOutput): string[] {
  return [
    ...entries.map((entry) => {
      const match = entry.unmatched ? 'unmatched' : 'matched';
      const sides = `${entry.debitAccount} > ${entry.creditAccount}`;
      const amount = `${entry.amountMinor} ${entry.currency}`;
      return `${entry.kind} ${match} ${amount} ${sides} ${entry.authorizationId} ${entry.eventTimeMs} @${entry.offset}`;
    }),
    ...expiredWaits.map(({ kind, event, offset }) => `late ${kind} ${authorizationKey(event)} @${offset}`),
  ];
}

function auditAll(entries: readonly LedgerEntry[], state: LedgerState) {
  const auditor = createLedgerAuditor({ chain: chainEntries(state.openBlock, entries) });
  for (const entry of entries) auditor.add(entry);
  return auditor.finish({ head: state });
}

function openMinorOf(state: LedgerState, currency: string): number {
  const holds = [...state.holds.values()].filter((hold) => hold.currency === currency);
  return holds.reduce((sum, hold) => sum + hold.remainingMinor, 0);
}
