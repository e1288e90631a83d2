import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  baselineOf,
  type BaselineUpdate,
  createBaselines,
  evictBaselines,
  updateBaseline,
} from '../../core/score/baseline.ts';

const allowedLatenessMs = 10;
const idleMsMax = 100;
const options = { featureCount: 2, allowedLatenessMs, idleMsMax };

function read(state: ReturnType<typeof createBaselines>, eventTimeMs: number, watermarkMs: number | null = null) {
  return baselineOf(state, { accountKey: 'a', eventTimeMs, watermarkMs });
}

/** Folds the account's payments in log order, and starts again after each pause that is too long. */
function naive(updates: readonly BaselineUpdate[], { accountKey, timeMs }: { accountKey: string; timeMs: number }) {
  let run: BaselineUpdate[] = [];
  const latest = () => Math.max(...run.map(({ eventTimeMs }) => eventTimeMs));
  for (const update of updates.filter((candidate) => candidate.accountKey === accountKey)) {
    if (run.length > 0 && update.eventTimeMs - latest() > idleMsMax) run = [];
    run.push(update);
  }
  if (run.length > 0 && timeMs - latest() > idleMsMax) run = [];
  return [0, 1].map((feature) => {
    const values = run.map(({ features }) => features[feature]).filter((value) => typeof value === 'number');
    return values.reduce<number | null>(
      (mean, value, index) => (mean ?? 0) + (value - (mean ?? 0)) / Math.min(index + 1, 50),
      null,
    );
  });
}

describe('the mean', () => {
  test('an account that was never seen has no normal', () => {
    expect(read(createBaselines(options), 0)).toEqual([null, null]);
  });

  test('it is the plain mean of up to 50 payments, then moves by a fiftieth', () => {
    const state = createBaselines(options);
    for (let index = 1; index <= 50; index += 1) {
      updateBaseline(state, { accountKey: 'a', eventTimeMs: 0, features: [index, 7] });
    }
    expect(read(state, 0)[0]).toBeCloseTo(25.5, 10);
    updateBaseline(state, { accountKey: 'a', eventTimeMs: 0, features: [75.5, 7] });
    expect(read(state, 0)[0]).toBeCloseTo(26.5, 10);
    expect(read(state, 0)[1]).toBe(7);
  });

  test('null is skipped', () => {
    const state = createBaselines(options);
    updateBaseline(state, { accountKey: 'a', eventTimeMs: 0, features: [4, null] });
    updateBaseline(state, { accountKey: 'a', eventTimeMs: 0, features: [null, null] });
    expect(read(state, 0)).toEqual([4, null]);
  });

  test('a vector of another length is a bug', () => {
    const update = { accountKey: 'a', eventTimeMs: 0, features: [1] };
    expect(() => updateBaseline(createBaselines(options), update)).toThrow('got 1 features, expected 2');
  });
});

describe('idle accounts', () => {
  test('an account is unseen once it was idle for longer than the limit', () => {
    const state = createBaselines(options);
    updateBaseline(state, { accountKey: 'a', eventTimeMs: 1000, features: [4, 5] });
    expect(read(state, 1100)).toEqual([4, 5]);
    expect(read(state, 1101)).toEqual([null, null]);
  });

  test('a late payment does not make an account older', () => {
    const state = createBaselines(options);
    updateBaseline(state, { accountKey: 'a', eventTimeMs: 1000, features: [4, 5] });
    updateBaseline(state, { accountKey: 'a', eventTimeMs: 950, features: [6, 5] });
    expect(read(state, 1100)).toEqual([5, 5]);
  });

  test('an account goes when no accepted payment can read it', () => {
    const state = createBaselines(options);
    updateBaseline(state, { accountKey: 'a', eventTimeMs: 1000, features: [4, 5] });
    expect(evictBaselines(state, 1110)).toBe(0);
    expect(evictBaselines(state, 1111)).toBe(1);
    expect(state.accounts.size).toBe(0);
  });

  test('they are kept for 90 days unless told otherwise', () => {
    expect(createBaselines({ featureCount: 1, allowedLatenessMs }).idleMsMax).toBe(7_776_000_000);
  });
});

const step = fc.record({
  accountKey: fc.constantFrom('a', 'b'),
  stepMs: fc.integer({ min: -60, max: 140 }),
  features: fc.tuple(fc.option(fc.integer({ min: 0, max: 9 })), fc.option(fc.integer({ min: 0, max: 9 }))),
  isFollowedByEviction: fc.boolean(),
  isFollowedByRestart: fc.boolean(),
});

test('reads agree with a fold over the payments, whatever was evicted and restarted, too-late ones too', () => {
  let tooLate = 0;
  let evicted = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let state = createBaselines(options);
      const updates: BaselineUpdate[] = [];
      let latestMs = 1000;
      for (const { accountKey, stepMs, features, isFollowedByEviction, isFollowedByRestart } of steps) {
        const eventTimeMs = latestMs + stepMs;
        const watermarkMs = latestMs;
        const oldestMs = watermarkMs - allowedLatenessMs;
        const expected = naive(updates, { accountKey, timeMs: Math.max(eventTimeMs, oldestMs) });
        const baseline = baselineOf(state, { accountKey, eventTimeMs, watermarkMs });
        for (const [feature, value] of baseline.entries()) {
          if (value === null) expect(expected[feature]).toBeNull();
          else expect(value).toBeCloseTo(expected[feature] ?? Number.NaN, 10);
        }
        if (eventTimeMs > oldestMs) {
          const update = { accountKey, eventTimeMs, features };
          updateBaseline(state, update);
          updates.push(update);
        } else tooLate += 1;
        latestMs = Math.max(latestMs, eventTimeMs);
        if (isFollowedByEviction) evicted += evictBaselines(state, latestMs);
        if (isFollowedByRestart) state = deserialize(serialize(state));
      }
    }),
    { numRuns: 400 },
  );
  expect(Math.min(tooLate, evicted)).toBeGreaterThan(20);
});
