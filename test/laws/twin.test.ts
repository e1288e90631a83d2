import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import handbook from '../../examples/handbook/features.ts';
import { createTally, seededCase, shrink, tallyOf } from './cases.ts';
import { everyAggregate, everyLabel } from '../../simulate/hostile/definitions.ts';
import { differences } from './compare.ts';
import { runShipped } from './harness.ts';
import { checkCase } from './laws.ts';
import { runNaive } from '../../simulate/naive/naive.ts';
import { smallWeir } from '../../simulate/hostile/small-weir.ts';
import { logOf, seededDrafts } from '../../simulate/hostile/workload.ts';
import { logArbitrary } from './log-arbitrary.ts';

describe('the shipped engine says what its slow twin says', () => {
  test.each([
    ['every aggregate', everyAggregate],
    ['every label', everyLabel],
  ])('of any hostile log: %s', (_, featureSet) => {
    let decisions = 0;
    fc.assert(
      fc.property(logArbitrary(60), fc.constantFrom('input', 'topic'), fc.nat(), (log, watermarkPer, seed) => {
        const { output, problems } = checkCase({ featureSet, watermarkPer, seed, log });
        decisions += output.decisions.length;
        expect(problems).toEqual([]);
      }),
      { numRuns: 60 },
    );
    expect(decisions).toBeGreaterThan(200);
  });

  test('of long logs in which everything happens, whatever the batches, restarts and copies', () => {
    const tally = createTally();
    for (let seed = 1; seed <= 10; seed += 1) {
      const { output, problems } = checkCase(seededCase(seed));
      expect({ seed, problems }).toEqual({ seed, problems: [] });
      tallyOf(tally, output);
    }
    for (const name of everything) expect([name, tally.get(name) ?? 0]).not.toEqual([name, 0]);
  });

  test('of the definition in examples, whose windows are weeks', () => {
    const { weir, setup } = smallWeir(handbook);
    const log = logOf(seededDrafts({ seed: 5, length: 400 }));
    const output = runShipped(weir, log, { batchSizes: [16], restartAfter: () => true });
    expect(differences(setup.plan, output, runNaive(setup, log))).toEqual([]);
    const rates = output.featureRows.flatMap(({ settled }) => settled?.at(-1) ?? []);
    expect(new Set(rates).size).toBeGreaterThan(3);
  });
});

describe('a twin that says something else', () => {
  test('is noticed, and the log shrinks to the records that matter', () => {
    const failing = { ...seededCase(2), log: seededCase(2).log.slice(0, 60) };
    const { setup } = smallWeir(failing.featureSet);
    const { weir } = smallWeir(failing.featureSet, { ledger: { holdMs: 1, waitMs: 1, closedRetentionMs: 1 } });
    const problems = differences(setup.plan, runShipped(weir, failing.log), runNaive(setup, failing.log));
    expect(problems.join()).toContain('ledger entry');
    const small = shrink(failing, ({ log }) => log.length >= 3);
    expect(small.log).toHaveLength(3);
  });
});

const everything = [
  'late',
  'tooLate',
  'duplicates',
  'unknownAuthorization',
  'deadLetters.conflict',
  'deadLetters.future',
  'deadLetters.notJson',
  'deadLetters.contractViolation',
  'labels.applied',
  'labels.waiting',
  'labels.beyondReach',
  'ledger.authorization',
  'ledger.clearing',
  'ledger.clearing.unmatched',
  'ledger.reversal',
  'ledger.reversal.unmatched',
  'ledger.expiry',
  'rows revised',
  'restarts',
  'decisions.approve',
  'decisions.review',
  'decisions.decline',
];
