import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEffects, type Effects } from '../../core/sinks/effects.ts';
import type { Weir } from '../../core/pipeline.ts';
import type { LogItem } from '../../simulate/hostile/log.ts';
import { everyAggregate, everyLabel } from '../../simulate/hostile/definitions.ts';
import { keptBy, packEvent, unpackEvent } from '../../core/sinks/kept-event.ts';
import { smallWeir, type SmallWeir } from '../../simulate/hostile/small-weir.ts';
import { logOf, seededDrafts } from '../../simulate/hostile/workload.ts';
import { passTime } from '../../core/steps/pass-time.ts';
import { type KeyedRun, runKeyed } from './keyed-run.ts';
import { logArbitrary } from './log-arbitrary.ts';
import { nested } from './nested-plan.ts';
import { runShipped } from './harness.ts';

const smalls = [everyAggregate, everyLabel].map((set) => smallWeir(nested(set), { watermarkPer: 'topic' }));
const weirs = smalls.map(({ weir }) => weir);

/** An end of input is no record of a partition. */
function withoutEnd(log: readonly LogItem[]): LogItem[] {
  return log.filter(({ meaning }) => meaning.kind !== 'end');
}

/** What an account's ledger holds, in order, without its numbers in the whole ledger. */
function byAccount(effects: Pick<Effects, 'ledgerEntries'>): Record<string, unknown[]> {
  const accounts: Record<string, unknown[]> = {};
  for (const { sequence: _sequence, ...entry } of effects.ledgerEntries) {
    (accounts[`${entry.tenantId} ${entry.accountId}`] ??= []).push(entry);
  }
  return accounts;
}

/** The clock's work on accounts that no further event came for. */
function withRest(weir: Weir, run: KeyedRun): Effects {
  const all = createEffects();
  all.ledgerEntries.push(...run.effects.ledgerEntries);
  all.lateEvents.push(...run.effects.lateEvents);
  for (const keyed of run.keys()) passTime(weir, keyed.state, all);
  return all;
}

/** Decisions and entries as the ledger keeps them read back as they were. */
function readBack(small: SmallWeir, effects: Effects): void {
  const { model, ruleSet, featureSet } = small.scoring;
  const featureNames = small.weir.features.plan.features.map(({ name }) => name);
  const by = keptBy({ model: model.model.reference, ruleSet: ruleSet.reference, featureSet, featureNames });
  for (const decision of effects.decisions) {
    const entries = effects.ledgerEntries.filter(({ offset }) => offset === decision.offset);
    const event = { bodyHash: decision.bodyHash, decision, entries, chainHash: '0'.repeat(64) };
    expect(unpackEvent(by, packEvent(by, event), decision.decisionId)).toEqual(event);
  }
}

test('a kept event reads back as it was', () => {
  for (const small of smalls) {
    const { effects } = runKeyed(small.weir, withoutEnd(logOf(seededDrafts({ seed: 5, length: 250 }))), [9]);
    expect(effects.decisions.length).toBeGreaterThan(100);
    readBack(small, effects);
  }
});

function agree(weir: Weir, log: readonly LogItem[], sizes: readonly number[]): number {
  const expected = runShipped(weir, log);
  const run = runKeyed(weir, log, sizes);
  const byOffset = (events: Effects['lateEvents']): unknown[] =>
    events
      .map(({ watermarkMs: _watermarkMs, ...event }) => event)
      .toSorted((left, right) => left.offset - right.offset);
  expect(run.effects.decisions).toEqual(expected.decisions);
  expect(run.effects.deadLetters).toEqual(expected.deadLetters);
  expect(run.effects.acceptedKeys).toEqual(expected.acceptedKeys);
  const all = withRest(weir, run);
  expect(byAccount(all)).toEqual(byAccount(expected));
  expect(byOffset(all.lateEvents)).toEqual(byOffset(expected.lateEvents));
  return expected.decisions.length;
}

test('state cut by account decides and posts what the whole state does, wherever batches end', () => {
  let decisions = 0;
  for (const weir of weirs) {
    for (let seed = 1; seed <= 6; seed++) {
      const log = withoutEnd(logOf(seededDrafts({ seed, length: 250 })));
      decisions += agree(weir, log, [1 + seed, 1, 40]);
    }
  }
  expect(decisions).toBeGreaterThan(1000);
});

test('it does for any log', () => {
  const cases = fc.tuple(logArbitrary(60), fc.constantFrom(...weirs), fc.array(fc.integer({ min: 1, max: 20 })));
  fc.assert(
    fc.property(cases, ([log, weir, sizes]) => {
      expect(agree(weir, withoutEnd(log), sizes)).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 60 },
  );
});

test('a state goes through its bytes and back to the same bytes', () => {
  const log = withoutEnd(logOf(seededDrafts({ seed: 9, length: 300 })));
  for (const weir of weirs) {
    const run = runKeyed(weir, log, [7]);
    expect(run.bytes.size).toBeGreaterThan(1);
    const again = runKeyed(weir, log, [7], { packTwice: true });
    expect(again.bytes).toEqual(run.bytes);
  }
});

test('a state of another definition is refused', () => {
  const [first, second] = weirs;
  const run = runKeyed(first!, withoutEnd(logOf(seededDrafts({ seed: 9, length: 20 }))), [7]);
  expect(() => run.keys(second)).toThrow(/definition/);
});
