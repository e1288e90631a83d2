import { describe, expect, test } from 'vitest';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { count, sum } from '../../core/features/define.ts';
import { createFeatureEngine } from '../../core/features/engine.ts';
import { observe } from '../../core/features/observe.ts';
import { collectRows, settle } from '../../core/features/settle.ts';
import { createFeatureState } from '../../core/features/state.ts';
import { everyAggregate, everyLabel, nestedOnly } from '../../simulate/hostile/definitions.ts';
import { logOf, seededDrafts, shuffled } from '../../simulate/hostile/workload.ts';
import { openStream, wholeBelow } from '../../simulate/random.ts';
import { expectTwins } from './columnar-twins.ts';
import { define, payment } from './vectors.ts';

const { allowedLatenessMs } = authorizationContract;

/** What features said when they were decided, and last said as settled, by offset; the events come in log order. */
function run({ plan }: ReturnType<typeof define>, events: readonly ReturnType<typeof payment>[], keyEventsMax: number) {
  const engine = createFeatureEngine(plan, allowedLatenessMs, keyEventsMax);
  const state = createFeatureState(plan);
  const decided: (readonly (number | null)[])[] = [];
  const settled = new Map<number, readonly (number | null)[] | null>();
  let watermarkMs = Number.NEGATIVE_INFINITY;
  for (const [offset, event] of events.entries()) {
    const { tenantId, accountId, eventTimeMs } = event;
    const identity = { tenantId, accountId, eventId: `p${offset}`, eventTimeMs, offset };
    const lateness = eventTimeMs <= watermarkMs ? 'late' : 'onTime';
    decided.push(observe(engine, state, { identity, event, lateness, watermarkMs }));
    watermarkMs = Math.max(watermarkMs, eventTimeMs - 5000);
    settle(state, watermarkMs);
    for (const row of collectRows(engine, state, watermarkMs)) settled.set(row.identity.offset, row.settled);
  }
  return { decided, settled, refused: state.gaps.map(({ refused }) => refused) };
}

test('a full key takes no more until its oldest events have left, and says null for as long as one is missing', () => {
  const set = define((term) => ({ minute: count().by(term.cardToken).over('60s') }));
  const backSeconds = (60_000 + allowedLatenessMs) / 1000 + 7;
  const at = (seconds: number, cardToken: string) => payment({ eventTimeMs: seconds * 1000, cardToken });
  const { decided, refused } = run(
    set,
    [
      at(0, 'busy'),
      at(1, 'busy'),
      at(10, 'busy'), // Not taken: the key holds two.
      at(10, 'other'),
      at(40, 'busy'), // Not taken either: nothing leaves before the watermark says so.
      at(backSeconds, 'other'), // Lets those at 0 and 1 go, as nothing can ask for them any more.
      at(backSeconds, 'busy'),
      at(backSeconds + 5, 'busy'),
      at(backSeconds + 5, 'busy'),
    ],
    2,
  );
  expect(refused).toEqual([3]);
  expect(decided.flat()).toEqual([1, 2, null, 1, null, 1, 1, 2, null]);
});

describe('full keys', () => {
  test.each([
    ['every aggregate', everyAggregate],
    ['every label', everyLabel],
    ['nested only', nestedOnly],
  ] as const)('are the same in both engines, whatever the batches and restarts: %s', (_, { plan }) => {
    let refused = 0;
    let revised = 0;
    for (let seed = 1; seed <= 12; seed++) {
      const log = shuffled(logOf(seededDrafts({ seed, length: 300 })), { seed, reach: seed % 3 === 0 ? 20 : 1 });
      const seen = expectTwins({
        plan,
        log,
        keyEventsMax: 1 + (seed % 6),
        batchSizes: [[1], [7, 64, 3], [50]][seed % 3] ?? [1],
        blockEntries: 2 + (seed % 4),
        leafEntries: 2 + (seed % 3),
        fanout: 2 + (seed % 3),
        restartAfter: (batch) => batch % 5 === 0,
      });
      refused += seen.refused;
      revised += seen.revised;
    }
    expect(refused).toBeGreaterThan(200);
    expect(revised).toBeGreaterThan(30);
  });

  test('never give a number that lacks an event, and null only where one is missing: beside the obvious way', () => {
    const set = define((term) => ({
      near: count().by(term.cardToken).over('20s'),
      far: sum(term.amountMinor).by(term.cardToken).over('40s').delayedBy('10s'),
      other: count().by(term.merchantId).over('30s'),
    }));
    let nulls = 0;
    let numbers = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const random = openStream({ seed, name: 'fullKeys' });
      const whole = (from: number, to: number) => from + wholeBelow(random, to - from + 1);
      let seconds = 0;
      const events = Array.from({ length: 120 }, () => {
        seconds += whole(0, 6);
        const eventTimeMs = (seconds - whole(0, 4)) * 1000;
        return payment({
          eventTimeMs,
          amountMinor: whole(1, 9),
          cardToken: `c${whole(1, 2)}`,
          merchantId: 'm1',
        });
      });
      const keyEventsMax = whole(2, 12);
      const { decided, settled } = run(set, events, keyEventsMax);
      const expected = obvious(events, keyEventsMax);
      expect(decided).toEqual(expected.decided);
      for (const [offset, values] of settled) expect(values).toEqual(expected.settled[offset]);
      nulls += expected.decided.flat().filter((value) => value === null).length;
      numbers += expected.decided.flat().filter((value) => value !== null).length;
    }
    expect(nulls).toBeGreaterThan(500);
    expect(numbers).toBeGreaterThan(500);
  });
});

/** Every event that was taken and every one that was not in plain lists, looked through from the beginning each time. */
function obvious(events: readonly ReturnType<typeof payment>[], keyEventsMax: number) {
  const fields = [
    { keyOf: (event: ReturnType<typeof payment>) => event.cardToken, reachMs: 50_000 },
    { keyOf: (event: ReturnType<typeof payment>) => event.merchantId, reachMs: 30_000 },
  ] as const;
  const taken = fields.map((): ReturnType<typeof payment>[] => []);
  const missed = fields.map((): ReturnType<typeof payment>[] => []);
  const valuesOf = (event: ReturnType<typeof payment>): (number | null)[] => {
    const within = (field: 0 | 1, overMs: number, delayMs: number) => {
      const { keyOf, reachMs } = fields[field];
      const ofKey = (other: ReturnType<typeof payment>) => keyOf(other) === keyOf(event);
      const ageOf = (other: ReturnType<typeof payment>) => event.eventTimeMs - other.eventTimeMs;
      const isMissing = missed[field]?.some((other) => ofKey(other) && ageOf(other) >= 0 && ageOf(other) < reachMs);
      if (isMissing === true) return null;
      return (taken[field] ?? []).filter(
        (other) => ofKey(other) && ageOf(other) >= delayMs && ageOf(other) < delayMs + overMs,
      );
    };
    const far = within(0, 40_000, 10_000);
    const sumOf = (some: readonly ReturnType<typeof payment>[]) =>
      some.reduce((total, { amountMinor }) => total + amountMinor, 0);
    return [
      within(0, 20_000, 0)?.length ?? null,
      far === null ? null : sumOf(far),
      within(1, 30_000, 0)?.length ?? null,
    ];
  };
  let watermarkMs = Number.NEGATIVE_INFINITY;
  const decided = events.map((event) => {
    for (const [index, { keyOf, reachMs }] of fields.entries()) {
      const oldestMs = watermarkMs - allowedLatenessMs - reachMs;
      const held = taken[index]?.filter((other) => keyOf(other) === keyOf(event) && other.eventTimeMs > oldestMs) ?? [];
      (held.length < keyEventsMax ? taken : missed)[index]?.push(event);
    }
    watermarkMs = Math.max(watermarkMs, event.eventTimeMs - 5000);
    return valuesOf(event);
  });
  return { decided, settled: events.map(valuesOf) };
}
