import { describe, expect, test } from 'vitest';
import { createIntervalJoin, type IntervalJoinSpec, type JoinSide } from '../../core/engine/interval-join.ts';
import { benchOf, flowEvent } from './flow-events.ts';

function side(topic: string, allowedLatenessMs: number): JoinSide {
  return {
    topic,
    allowedLatenessMs,
    accepts: ({ event }) => event['skip'] !== true,
    keyOf: ({ event }) => (typeof event['key'] === 'string' ? event['key'] : null),
    read: ({ eventId }) => [eventId],
  };
}

function specOf(changes: Partial<IntervalJoinSpec> = {}): IntervalJoinSpec {
  return {
    output: 'pairs',
    left: side('left', 10),
    right: side('right', 20),
    beforeMs: 5,
    afterMs: 100,
    keep: 'full',
    columns: [],
    valuesOf: (left, right) => ({ left: left?.[0] ?? null, right: right?.[0] ?? null }),
    eventsPerKeyMax: 100,
    eventsMax: 100,
    ...changes,
  };
}

const left = (id: string, eventTimeMs: number, key: string | null = 'a') =>
  flowEvent('left', eventTimeMs, { eventId: id, key });
const right = (id: string, eventTimeMs: number, key: string | null = 'a') =>
  flowEvent('right', eventTimeMs, { eventId: id, key });

/** The names of the pairs, such as `l1+r2`, `l1+` for an event alone. */
function pairsOf(rows: readonly string[]): string[] {
  return rows.map((row) => {
    const names = /"left":(null|"\w+"),"right":(null|"\w+")/.exec(row) ?? [];
    return `${names[1]}+${names[2]}`.replaceAll('"', '').replaceAll('null', '');
  });
}

describe('interval join', () => {
  test('pairs are those with the right event from 5 before to 100 after the left one', () => {
    const bench = benchOf(createIntervalJoin(specOf()));
    for (const event of [left('l1', 1000), right('r2', 994), right('r3', 995), right('r4', 1100), right('r5', 1101)]) {
      bench.take(event);
    }
    expect(pairsOf(bench.pass(0))).toEqual(['l1+r3', 'l1+r4']);
    expect(pairsOf(bench.pass(Infinity))).toEqual(['+r2', '+r5']);
  });

  // | arrives | time | what goes out                                                    |
  // | l1      | 1000 |                                                                  |
  // | r2      | 1050 | l1+r2, whichever comes first                                     |
  // | l3      | 1010 | l3+r2: both are near it                                          |
  // | l4      | 1200 |                                                                  |
  // | watermark 1319 | | nothing: a right event of 1300 would be late at 1319, and accepted |
  // | watermark 1320 | | l4 alone: 1200 + 100 + 20                                     |
  test('an unmatched left event goes out once no right one can come', () => {
    const bench = benchOf(createIntervalJoin(specOf()));
    for (const event of [left('l1', 1000), right('r2', 1050), left('l3', 1010), left('l4', 1200)]) bench.take(event);
    expect(pairsOf(bench.pass(1319))).toEqual(['l1+r2', 'l3+r2']);
    expect(pairsOf(bench.pass(1320))).toEqual(['l4+']);
    expect(bench.state()).toMatchObject({ keys: new Map(), eventCount: 0, releases: { heap: [] } });
  });

  test('a right event waits for what may be before it, and for how late that may be', () => {
    const bench = benchOf(createIntervalJoin(specOf()));
    bench.take(right('r1', 1000));
    expect(pairsOf(bench.pass(1014))).toEqual([]);
    expect(pairsOf(bench.pass(1015))).toEqual(['+r1']);
  });

  test('a late event meets what is held', () => {
    const bench = benchOf(createIntervalJoin(specOf()));
    bench.take(right('r1', 1000));
    bench.pass(1005);
    bench.take(left('l2', 996));
    expect(pairsOf(bench.pass(1005))).toEqual(['l2+r1']);
    expect(pairsOf(bench.pass(Infinity))).toEqual([]);
  });

  test.each([
    ['inner', []],
    ['left', ['l1+']],
    ['right', ['+r2']],
    ['full', ['l1+', '+r2']],
  ] as const)('%s keeps its own', (keep, expected) => {
    const bench = benchOf(createIntervalJoin(specOf({ keep })));
    bench.take(left('l1', 1000));
    bench.take(right('r2', 2000));
    expect(pairsOf(bench.pass(Infinity))).toEqual(expected);
  });

  test('events of other keys, or of none, match nothing', () => {
    const bench = benchOf(createIntervalJoin(specOf()));
    for (const event of [left('l1', 1000), right('r2', 1000, 'b'), left('l3', 1000, null), right('r4', 1000, null)]) {
      bench.take(event);
    }
    expect(pairsOf(bench.pass(Infinity)).toSorted()).toEqual(['+r2', '+r4', 'l1+', 'l3+']);
  });

  test('an event that the condition excludes is not of the join', () => {
    const bench = benchOf(createIntervalJoin(specOf()));
    expect(bench.take(flowEvent('left', 1000, { eventId: 'l1', key: 'a', skip: true }))).toBe('taken');
    expect(bench.pass(Infinity)).toEqual([]);
  });

  test('an event beyond a limit is left out whole', () => {
    const bench = benchOf(createIntervalJoin(specOf({ eventsPerKeyMax: 2, eventsMax: 3 })));
    expect([left('l1', 1000), left('l2', 1001), right('r3', 1002)].map(bench.take)).toEqual([
      'taken',
      'taken',
      'stateLimit',
    ]);
    expect([left('l4', 1003, 'b'), left('l5', 1003, 'c')].map(bench.take)).toEqual(['taken', 'stateLimit']);
    expect(pairsOf(bench.pass(Infinity))).toEqual(['l1+', 'l2+', 'l4+']);
  });
});
