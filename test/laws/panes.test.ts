import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { avg, count, countDistinct, first, last, max, median, min } from '../../core/features/define.ts';
import { quantile, share, stddev, sum } from '../../core/features/define.ts';
import { panes } from '../../core/features/define-flow.ts';
import type { WindowedPanes } from '../../core/features/define-panes.ts';
import { delayed, outOfOrdernessMs, paneOperator, payment, paymentEvent } from './panes-log.ts';
import { runPanes, seededEvents, standingValues } from './panes-log.ts';
import { hoppingCut, sessionCut, twinRows } from './panes-twin.ts';

const { latitude } = payment.location;
const isPlaced = latitude.isMissing().not();

/** What the twin computes. */
const everyResult = {
  events: count(),
  dear: count().where(payment.amountMinor.above(500)),
  amount: sum(payment.amountMinor),
  places: count().where(isPlaced),
  total: sum(latitude),
  mean: avg(latitude),
  deviation: stddev(latitude),
  south: min(latitude),
  north: max(latitude),
  middle: median(latitude),
  merchants: countDistinct(payment.merchantId),
  first_merchant: first(payment.merchantId),
  last_place: last(latitude),
};
/** What sketches answer, and results whose numbers round. */
const sketches = {
  about: countDistinct(payment.merchantId, { approximate: true }),
  high: quantile(latitude, 0.9),
  dear: share(payment.amountMinor.above(500)),
  odd: avg(latitude.times(0.1)),
  spread: stddev(latitude.dividedBy(3)),
};

const byAccount = panes(payment).by(payment.accountId);
const windows = [
  {
    name: 'tumbling',
    window: byAccount.tumbling('10s'),
    cut: hoppingCut({ sizeMs: 10_000, everyMs: 10_000 }),
  },
  {
    name: 'hopping',
    window: byAccount.hopping('30s', { every: '10s' }),
    cut: hoppingCut({ sizeMs: 30_000, everyMs: 10_000 }),
  },
  { name: 'session', window: byAccount.session('8s'), cut: sessionCut(8_000) },
] as const;

const seeds = fc.nat({ max: 1_000_000 });
const oneBatch = { batchLength: () => 1_000 };

describe.each(windows)('panes of a $name window', ({ name, window, cut }) => {
  const operator = paneOperator(window.of(everyResult));

  test('are those of all accepted events at once, whatever came late or too late', () => {
    const seen = { late: 0, tooLate: 0, revised: 0, retracted: 0 };
    fc.assert(
      fc.property(seeds, (seed) => {
        // Late events alone, then too-late ones as well.
        for (const delayMsMax of [50_000, 200_000]) {
          const log = delayed(seededEvents({ seed, length: 120 }), { seed, delayMsMax });
          const run = runPanes(operator, log, { batchLength: (batch) => 1 + ((seed + batch) % 40) });
          expect(standingValues(run)).toStrictEqual(twinRows(run.accepted, cut));
          seen.late += run.counts.late;
          seen.tooLate += run.counts.tooLate;
          for (const row of run.last.values()) {
            if (row.isRetraction) seen.retracted += 1;
            else if (row.revision > 0) seen.revised += 1;
          }
        }
      }),
      { numRuns: 25 },
    );
    expect(seen.late).toBeGreaterThan(100);
    expect(seen.tooLate).toBeGreaterThan(100);
    expect(seen.revised).toBeGreaterThan(100);
    expect(seen.retracted > 20).toBe(name === 'session');
  });

  test.each([
    { kind: 'exact', results: everyResult },
    { kind: 'sketched', results: sketches },
  ])('with $kind results end the same in any order within the lateness', ({ results }) => {
    let late = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const ordered = seededEvents({ seed, length: 120 });
        const shuffled = delayed(ordered, { seed, delayMsMax: 50_000 });
        const inOrder = runPanes(paneOperator(of(window, results)), ordered, oneBatch);
        const outOfOrder = runPanes(paneOperator(of(window, results)), shuffled, { batchLength: () => 7 });
        late += outOfOrder.counts.late;
        expect(inOrder.counts.late + outOfOrder.counts.tooLate).toBe(0);
        expect(JSON.stringify([...standingValues(outOfOrder)])).toBe(JSON.stringify([...standingValues(inOrder)]));
      }),
      { numRuns: 15 },
    );
    expect(late).toBeGreaterThan(100);
  });

  test('have the same last rows and revisions for any batches, with the state through bytes before each', () => {
    let batches = 0;
    fc.assert(
      fc.property(seeds, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (seed, lengths) => {
        const log = delayed(seededEvents({ seed, length: 120 }), { seed, delayMsMax: 100_000 });
        const whole = runPanes(operator, log, oneBatch);
        const cutUp = runPanes(operator, log, {
          batchLength: (batch) => {
            batches += 1;
            return lengths[batch % lengths.length] ?? 1;
          },
        });
        expect(cutUp.last).toStrictEqual(whole.last);
        expect(cutUp.accepted).toStrictEqual(whole.accepted);
      }),
      { numRuns: 40 },
    );
    expect(batches).toBeGreaterThanOrEqual(80);
  });

  test('are the same rows again when the log is read again', () => {
    const log = delayed(seededEvents({ seed: 7, length: 300 }), { seed: 7, delayMsMax: 100_000 });
    const batchLength = (): number => 11;
    const { rows } = runPanes(operator, log, { batchLength });
    expect(rows.length).toBeGreaterThan(100);
    expect(runPanes(operator, log, { batchLength }).rows).toStrictEqual(rows);
  });

  test('hold as much after many panes of a key as after a few', () => {
    const state = operator.create();
    const sizes = Array.from({ length: 60 }, (_, offset) => {
      const fields = { accountId: 'a', merchantId: 'm', amountMinor: 1 };
      const event = paymentEvent({ eventTimeMs: 10_000_000 + offset * 10_000, offset, fields });
      operator.take(state, event, event.eventTimeMs - outOfOrdernessMs, () => undefined);
      operator.passTime(state, event.eventTimeMs - outOfOrdernessMs, () => undefined);
      operator.endBatch(state, () => undefined);
      return textOf(state).length;
    });
    expect(sizes[9]).toBeGreaterThan(2 * sizes[2]!);
    expect(sizes[59]).toBeLessThan(1.05 * sizes[29]!);
  });

  test('leave nothing behind once they are final', () => {
    const state = operator.create();
    const empty = textOf(state);
    for (const event of seededEvents({ seed: 3, length: 50 })) {
      operator.take(state, event, Number.NEGATIVE_INFINITY, () => undefined);
      operator.passTime(state, event.eventTimeMs - outOfOrdernessMs, () => undefined);
    }
    expect(textOf(state)).not.toBe(empty);
    operator.passTime(state, Number.POSITIVE_INFINITY, () => undefined);
    operator.endBatch(state, () => undefined);
    expect(textOf(state)).toBe(empty);
  });
});

function of(window: WindowedPanes, results: Parameters<WindowedPanes['of']>[0]): ReturnType<WindowedPanes['of']> {
  return window.of(results);
}

/** A state as text, without the numbers that its timers have been given. */
function textOf(state: unknown): string {
  return JSON.stringify(state, (name: string, value: unknown) => {
    if (value instanceof Map) return [...value];
    if (typeof value === 'bigint') return String(value);
    return name === 'insertions' ? 0 : value;
  });
}
