import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import handbook from '../../examples/handbook/features.ts';
import { chance, openStream, wholeBelow } from '../../simulate/random.ts';
import { createTally, seededCase, tallyOf } from './cases.ts';
import { runColumnar } from './columnar-run.ts';
import { everyAggregate, everyLabel } from '../../simulate/hostile/definitions.ts';
import { comparable, type Output, type RunPlan, runShipped } from './harness.ts';
import { firstDifference } from './laws.ts';
import type { LogItem } from '../../simulate/hostile/log.ts';
import { smallWeir, type SmallWeir } from '../../simulate/hostile/small-weir.ts';
import { logOf, seededDrafts } from '../../simulate/hostile/workload.ts';
import { logArbitrary } from './log-arbitrary.ts';

/** Batches of random sizes, and a restart after some of them. */
function randomPlan(seed: number): RunPlan {
  const random = openStream({ seed, name: 'columnar' });
  const batchSizes = Array.from({ length: 1 + wholeBelow(random, 5) }, () => 1 + wholeBelow(random, 60));
  const restarts = Array.from({ length: 7 }, () => chance(random, 0.4));
  return { batchSizes, restartAfter: (batch) => restarts[batch % restarts.length] === true };
}

/** A block has no gaps between its offsets. */
function withoutGaps(log: readonly LogItem[]): LogItem[] {
  return log.map(({ record, meaning }, offset) => ({ record: { ...record, offset }, meaning }));
}

/** Where the columnar pipeline says something else than the readable one; empty when they agree. */
function disagreement(
  small: SmallWeir,
  log: readonly LogItem[],
  plan: RunPlan,
): { output: Output; problems: string[] } {
  const readable = runShipped(small.weir, log, plan);
  const columnar = runColumnar(small, log, plan);
  const [left, right] = [comparable(readable), comparable(columnar)];
  const sent =
    readable.rowsSent === columnar.rowsSent
      ? []
      : [`rows sent: got ${columnar.rowsSent}, expected ${readable.rowsSent}`];
  const problems = isDeepStrictEqual(left, right) ? sent : [...sent, firstDifference(left, right, 'output')];
  return { output: columnar, problems };
}

test.each([
  ['every aggregate', everyAggregate],
  ['every label', everyLabel],
])('the columnar pipeline says what the readable one says, of any hostile log: %s', (_, featureSet) => {
  let decisions = 0;
  fc.assert(
    fc.property(logArbitrary(60), fc.constantFrom('input', 'topic'), fc.nat(), (log, watermarkPer, seed) => {
      const { output, problems } = disagreement(
        smallWeir(featureSet, { watermarkPer }),
        withoutGaps(log),
        randomPlan(seed),
      );
      decisions += output.decisions.length;
      expect(problems).toEqual([]);
    }),
    { numRuns: 60 },
  );
  expect(decisions).toBeGreaterThan(200);
});

test('they agree on long logs in which everything happens, whatever the batches and restarts', () => {
  const tally = createTally();
  for (let seed = 1; seed <= 10; seed += 1) {
    const { featureSet, watermarkPer, log } = seededCase(seed);
    const { output, problems } = disagreement(
      smallWeir(featureSet, { watermarkPer }),
      withoutGaps(log),
      randomPlan(seed),
    );
    expect({ seed, problems }).toEqual({ seed, problems: [] });
    tallyOf(tally, output);
  }
  for (const name of [
    'late',
    'tooLate',
    'duplicates',
    'unknownAuthorization',
    'deadLetters.conflict',
    'rows revised',
  ]) {
    expect([name, tally.get(name) ?? 0]).not.toEqual([name, 0]);
  }
  for (const name of ['labels.applied', 'labels.waiting', 'labels.beyondReach', 'ledger.expiry', 'restarts']) {
    expect([name, tally.get(name) ?? 0]).not.toEqual([name, 0]);
  }
});

test('they agree on the definition in examples, whose windows are weeks', () => {
  const log = withoutGaps(logOf(seededDrafts({ seed: 5, length: 400 })));
  const { output, problems } = disagreement(smallWeir(handbook), log, { batchSizes: [16], restartAfter: () => true });
  expect(problems).toEqual([]);
  expect(output.decisions.length).toBeGreaterThan(100);
});
