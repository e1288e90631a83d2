import { deserialize, serialize } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { arrive, createState, packState, step, type Batch, type WeirState } from '../../core/pipeline.ts';
import { everyAggregate, everyLabel } from '../../simulate/hostile/definitions.ts';
import { comparable, restart, runShipped } from './harness.ts';
import type { LogItem } from '../../simulate/hostile/log.ts';
import { smallWeir } from '../../simulate/hostile/small-weir.ts';
import { type Draft, logOf, seededDrafts } from '../../simulate/hostile/workload.ts';

const { weir } = smallWeir(everyLabel);
const drafts = seededDrafts({ seed: 12, length: 120 });
const log = logOf(drafts);

describe('a restart', () => {
  test('from any checkpoint gives the same output', () => {
    const expected = comparable(runShipped(weir, log, { batchSizes: [1] }));
    for (let batch = 0; batch < log.length; batch += 1) {
      const output = runShipped(weir, log, { batchSizes: [1], restartAfter: (after) => after === batch });
      expect(output.restarts).toBe(1);
      expect(comparable(output)).toEqual(expected);
    }
  });

  test('gives the same whatever the definition, when every batch is followed by one', () => {
    const aggregates = smallWeir(everyAggregate);
    const expected = comparable(runShipped(aggregates.weir, log));
    const output = runShipped(aggregates.weir, log, { batchSizes: [2, 5], restartAfter: () => true });
    expect(output.restarts).toBeGreaterThan(30);
    expect(comparable(output)).toEqual(expected);
  });

  test('after the end of the input gives later payments the same reasons', () => {
    const ended = logOf([
      ...seededDrafts({ seed: 3, length: 60 }),
      ...seededDrafts({ seed: 4, length: 40 }).map((draft, index) =>
        index === 0 ? { ...draft, kind: 'end' as const } : draft,
      ),
    ]);
    const output = runShipped(weir, ended, { batchSizes: [1], restartAfter: () => true });
    expect(
      output.decisions.filter(({ tooLate, watermarkMs }) => tooLate && watermarkMs === null).length,
    ).toBeGreaterThan(5);
    expect(comparable(output)).toEqual(comparable(runShipped(weir, ended)));
  });
});

describe('a state', () => {
  test('is plain data: it reads back from its bytes as it was', () => {
    let compared = 0;
    runShipped(weir, log, {
      batchSizes: [10],
      afterBatch: (state) => {
        const copy: WeirState = deserialize(serialize(state));
        expect(copy).toStrictEqual(state);
        expect(restart(weir, copy)).toStrictEqual(restart(weir, state));
        compared += 1;
      },
    });
    expect(compared).toBe(12);
  });

  test('and its copy give the same effects of the same batch, as after a crash before the commit', () => {
    const state = createState(weir);
    let effects = 0;
    for (let start = 0; start < log.length; start += 8) {
      const copy: WeirState = deserialize(serialize(state));
      const batch = batchOf(log.slice(start, start + 8));
      const first = step(weir, state, batch);
      expect(step(weir, copy, batch)).toEqual(first);
      expect(restart(weir, copy)).toEqual(restart(weir, state));
      effects += first.decisions.length;
    }
    expect(effects).toBeGreaterThan(50);
  });
});

describe('a too-late payment', () => {
  test('leaves windows, rows and the normal of each account as they are', () => {
    const older = seededDrafts({ seed: 2, length: 50 }).map((draft): Draft => ({
      ...draft,
      kind: 'authorization',
      stepMs: 0,
      behindMs: 365 * 86_400_000,
      ingestAfterMs: 0,
    }));
    const both = logOf([...drafts, ...older]);
    const state = createState(weir);
    step(weir, state, batchOf(both.slice(0, drafts.length)));
    const before = deserialize(serialize({ features: packState(state).features, baselines: state.baselines }));
    const { decisions, featureRows } = step(weir, state, batchOf(both.slice(drafts.length)));
    expect(decisions.filter(({ tooLate }) => tooLate)).toHaveLength(older.length);
    expect(featureRows.every(({ settled, revision }) => settled === null && revision === null)).toBe(true);
    expect(deserialize(serialize({ features: packState(state).features, baselines: state.baselines }))).toEqual(before);
  });
});

describe('recorded decisions', () => {
  test('are adopted, so that a replay gives the same', () => {
    const expected = runShipped(weir, log);
    const recorded = new Map(expected.decisions.map((decision) => [decision.offset, decision]));
    const replayed = runShipped(weir, log, { batchSizes: [9], recorded });
    expect(comparable(replayed)).toEqual(comparable(expected));
  });

  test('count, and not what the engine would say now', () => {
    const [first, ...others] = runShipped(weir, log).decisions;
    if (first === undefined) throw new Error('got no decision, expected some');
    const changed = { ...first, outcome: 'decline' as const, score: 1000, features: first.features.map(() => 7) };
    const output = runShipped(weir, log, { recorded: new Map([[changed.offset, changed]]) });
    expect(output.decisions[0]).toEqual(changed);
    expect(output.decisions.slice(1).map(({ features }) => features)).toEqual(others.map(({ features }) => features));
    const row = output.featureRows.find(({ identity }) => identity.offset === changed.offset);
    expect(row?.decision).toEqual(changed.features);
    expect(output.ledgerEntries.find(({ offset }) => offset === changed.offset)).toMatchObject({ outcome: 'decline' });
  });
});

function batchOf(items: readonly LogItem[]): Batch {
  return { arrivals: items.map(({ record }) => arrive(record)), known: new Map(), recorded: new Map() };
}
