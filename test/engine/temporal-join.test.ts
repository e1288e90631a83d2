import { describe, expect, test } from 'vitest';
import type { JoinSide } from '../../core/engine/interval-join.ts';
import { createTemporalJoin, type TemporalJoinSpec } from '../../core/engine/temporal-join.ts';
import { benchOf, flowEvent } from './flow-events.ts';

function side(topic: string, allowedLatenessMs: number): JoinSide {
  return {
    topic,
    allowedLatenessMs,
    accepts: () => true,
    keyOf: ({ event }) => (typeof event['key'] === 'string' ? event['key'] : null),
    read: ({ event }) => [typeof event['says'] === 'string' ? event['says'] : null],
  };
}

function specOf(changes: Partial<TemporalJoinSpec> = {}): TemporalJoinSpec {
  return {
    output: 'joined',
    event: side('event', 10),
    dimension: side('change', 50),
    isDeletion: ({ event }) => event['says'] === undefined,
    keep: 'left',
    columns: [],
    valuesOf: ({ decision, settled }) => ({
      decision: decision?.values[0] ?? null,
      settled: settled?.values[0] ?? null,
      offset: settled?.offset ?? null,
    }),
    versionsPerKeyMax: 100,
    eventsPerKeyMax: 100,
    entriesMax: 100,
    ...changes,
  };
}

const event = (id: string, eventTimeMs: number, key: string | null = 'a') =>
  flowEvent('event', eventTimeMs, { eventId: id, key });
const change = (id: string, eventTimeMs: number, says?: string) =>
  flowEvent('change', eventTimeMs, { eventId: id, key: 'a', ...(says === undefined ? {} : { says }) });

/** A row as `event revision decision settled`. */
function told(rows: readonly string[]): string[] {
  return rows.map((row) => {
    const [, minus, id, revision, decision, settled] =
      /^(-?)\["k","(\w+)"\] (\d+) .*"decision":(null|"\w+"),"settled":(null|"\w+")/.exec(row) ?? [];
    return `${minus}${id} ${revision} ${decision} ${settled}`.replaceAll('"', '');
  });
}

describe('temporal join', () => {
  // | offset | arrives       | time | what goes out                                     |
  // | 1      | change to low |  100 |                                                   |
  // | 2      | e2            |  140 | once the watermark is at 140: low, low            |
  // | 3      | e3            |  160 |                                                   |
  // | watermark 150          |      | e2 0 low low                                      |
  // | 4      | change to mid |  120 | late: e2 1 low mid. e3 has not settled            |
  // | 5      | change to old |   90 | late, but behind what e2 has: nothing             |
  // | 6      | change to top |  155 | on time                                           |
  // | watermark 160          |      | e3 0 low top                                      |
  test('a version that comes late revises the rows that had settled with an older one', () => {
    const bench = benchOf(createTemporalJoin(specOf()));
    for (const taken of [change('c1', 100, 'low'), event('e2', 140), event('e3', 160)]) bench.take(taken);
    expect(told(bench.pass(150))).toEqual(['e2 0 low low']);
    bench.take(change('c4', 120, 'mid'));
    expect(told(bench.pass(150))).toEqual(['e2 1 low mid']);
    bench.take(change('c5', 90, 'old'));
    bench.take(change('c6', 155, 'top'));
    expect(told(bench.pass(150))).toEqual([]);
    expect(told(bench.pass(160))).toEqual(['e3 0 low top']);
  });

  test('a version counts from its own time on, and the last one of the same time wins', () => {
    const bench = benchOf(createTemporalJoin(specOf()));
    const taken = [change('c1', 100, 'one'), change('c2', 100, 'two'), event('e3', 99), event('e4', 100)];
    taken.forEach(bench.take);
    expect(told(bench.pass(Infinity))).toEqual(['e3 0 null null', 'e4 0 two two']);
  });

  test('a deletion is no version', () => {
    const bench = benchOf(createTemporalJoin(specOf()));
    [change('c1', 100, 'low'), change('c2', 200), change('c3', 300, 'new')].forEach(bench.take);
    [event('e4', 199), event('e5', 200), event('e6', 300)].forEach(bench.take);
    expect(told(bench.pass(Infinity))).toEqual(['e4 0 low low', 'e5 0 null null', 'e6 0 new new']);
  });

  test('an inner join sends rows with a version, and takes one back that a late deletion leaves without', () => {
    const bench = benchOf(createTemporalJoin(specOf({ keep: 'inner' })));
    [event('e1', 90), change('c2', 100, 'low'), event('e3', 140)].forEach(bench.take);
    expect(told(bench.pass(150))).toEqual(['e3 0 low low']);
    bench.take(change('c4', 120));
    expect(told(bench.pass(150))).toEqual(['-e3 1 low null']);
  });

  test('versions that nobody can ask for are dropped, but for the last one of each key', () => {
    const bench = benchOf(createTemporalJoin(specOf()));
    for (let number = 1; number <= 20; number++) bench.take(change(`c${number}`, number * 100, `v${number}`));
    bench.pass(1_000_000);
    expect(bench.state()).toMatchObject({ entryCount: 1, timers: { heap: [] } });
    bench.take(event('e21', 999_995));
    expect(told(bench.pass(1_000_000))).toEqual(['e21 0 v20 v20']);
  });

  test('a watermark that jumps far settles a row with the version of its own time', () => {
    const bench = benchOf(createTemporalJoin(specOf()));
    [change('c1', 100, 'low'), change('c2', 200, 'mid'), event('e3', 250), change('c4', 300, 'top')].forEach(
      bench.take,
    );
    [event('e5', 120), change('c6', 900, 'end')].forEach(bench.take);
    expect(told(bench.pass(100_000)).toSorted()).toEqual(['e3 0 mid mid', 'e5 0 low low']);
  });

  test('a deleted row leaves nothing behind', () => {
    const bench = benchOf(createTemporalJoin(specOf()));
    [change('c1', 100, 'low'), change('c2', 200)].forEach(bench.take);
    bench.pass(250);
    expect(bench.state()).toMatchObject({ keys: new Map(), entryCount: 0 });
  });

  test('an event without a key has no version', () => {
    const bench = benchOf(createTemporalJoin(specOf()));
    [change('c1', 100, 'low'), event('e2', 140, null)].forEach(bench.take);
    expect(told(bench.pass(140))).toEqual(['e2 0 null null']);
  });

  test('what is beyond a limit is left out whole', () => {
    const bench = benchOf(createTemporalJoin(specOf({ versionsPerKeyMax: 1, eventsPerKeyMax: 2, entriesMax: 3 })));
    const outcomes = [change('c1', 100, 'low'), change('c2', 110, 'mid')].map(bench.take);
    expect(outcomes).toEqual(['taken', 'stateLimit']);
    expect([event('e3', 120), event('e4', 130), event('e5', 140)].map(bench.take)).toEqual([
      'taken',
      'taken',
      'stateLimit',
    ]);
    expect(bench.take(event('e6', 150, 'b'))).toBe('stateLimit');
    expect(told(bench.pass(Infinity))).toEqual(['e3 0 low low', 'e4 0 low low']);
  });
});
