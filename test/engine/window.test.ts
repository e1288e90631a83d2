import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AggregateKind, foldAggregate, type Value } from '../../core/engine/aggregate.ts';
import type { AggregateSpec, Entry } from '../../core/engine/entry.ts';
import { createKeyState, evictEntries, insertEntry, type KeyState, noteLabel } from '../../core/engine/keyed-window.ts';
import { planWindows, readAggregate } from '../../core/engine/window.ts';

const kinds: readonly AggregateKind[] = [
  'count',
  'sum',
  'avg',
  'min',
  'max',
  'stddev',
  'median',
  'countDistinct',
  'first',
  'last',
  'sinceFirstMs',
  'sinceLastMs',
];
const windows = [
  { overMs: 10, delayedByMs: 0, usesLabel: false },
  { overMs: 3, delayedByMs: 4, usesLabel: false },
  { overMs: 10, delayedByMs: 5, usesLabel: true },
];

/** Columns: an amount that may be missing, whether it is odd, the amount where the label is true. */
const specs: readonly AggregateSpec[] = windows.flatMap((window) =>
  kinds.flatMap((kind) =>
    [null, 1].map((where): AggregateSpec => ({
      kind,
      key: 0,
      input: kind === 'count' || kind === 'sinceFirstMs' || kind === 'sinceLastMs' ? null : window.usesLabel ? 2 : 0,
      where,
      sinceLast: null,
      excludeSelf: kind === 'sinceLastMs',
      integer: true,
      ...window,
    })),
  ),
);
const plan = planWindows(specs, 1);
const reachMs = 15;

const stepArbitrary = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('event' as const), byMs: fc.constantFrom(0, 0, 1, 1, 2, 5) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('late' as const), byMs: fc.integer({ min: 0, max: 12 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('label' as const), byMs: fc.integer({ min: 0, max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('evict' as const), byMs: fc.constant(0) }) },
);
const logArbitrary = fc.array(
  fc.tuple(stepArbitrary, fc.option(fc.constantFrom(0, 1, 2, 3, 999_999_999_999)), fc.nat(20)),
  { maxLength: 60, size: 'max' },
);

describe('a window', () => {
  test('that runs on gives what a filter and a fold give: late events, labels and eviction included', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(logArbitrary, fc.constantFrom('decision', 'settled'), (log, mode) => {
        const key = createKeyState();
        const raw: Entry[] = [];
        let newestMs = 100;
        for (const [step, amount, chosen] of log) {
          seen.set(step.kind, (seen.get(step.kind) ?? 0) + 1);
          if (step.kind === 'event') newestMs += step.byMs;
          const timeMs = step.kind === 'late' ? newestMs - step.byMs : newestMs;
          if (step.kind === 'label')
            label({ key, entry: raw[raw.length - 1 - chosen], labelTimeMs: newestMs - step.byMs });
          if (step.kind === 'evict') evictEntries(key, newestMs - 12 - reachMs);
          if (step.kind === 'label' || step.kind === 'evict') continue;
          const self = entryOf({ timeMs, amount, offset: raw.length });
          raw.push(self);
          insertEntry(key, self);
          const asking = { timeMs, self, mode, selfIs: 'inside', horizonMs: Number.NEGATIVE_INFINITY } as const;
          const values = specs.map((_, index) => readAggregate(plan, key, index, asking));
          expect(values).toEqual(specs.map((spec) => filterAndFold(raw, spec, { self, mode })));
        }
      }),
      { numRuns: 150 },
    );
    expect(Math.min(...seen.values())).toBeGreaterThan(100);
    expect(seen.size).toBe(4);
  });

  test('of aggregates that can run on is shared where key, length and delay are the same', () => {
    expect(plan.cursors).toHaveLength(windows.length);
    expect(plan.reachMs).toEqual([reachMs]);
    const running = specs.filter((_, index) => plan.places[index] !== null).map(({ kind }) => kind);
    expect(new Set(running)).toEqual(new Set(['count', 'sum', 'avg', 'stddev', 'min', 'max', 'countDistinct']));
  });

  test('of an event outside is asked as if it were inside, and changes nothing', () => {
    const key = createKeyState();
    for (const [offset, timeMs] of [90, 95, 100].entries()) insertEntry(key, entryOf({ timeMs, amount: 1, offset }));
    const self = entryOf({ timeMs: 97, amount: 5, offset: 9 });
    const asked = { timeMs: 97, self, mode: 'decision', selfIs: 'outside' } as const;
    const sumIndex = specs.findIndex(({ kind }) => kind === 'sum');
    const sumFrom = (horizonMs: number) => readAggregate(plan, key, sumIndex, { ...asked, horizonMs });
    expect([sumFrom(0), sumFrom(90), sumFrom(95)]).toEqual([7, 6, 5]);
    expect(key.entries.map(({ offset }) => offset)).toEqual([0, 1, 2]);
  });

  test('throws on an aggregate that it does not have', () => {
    const self = entryOf({ timeMs: 0, amount: 1, offset: 0 });
    const asking = { timeMs: 0, self, mode: 'decision', selfIs: 'inside', horizonMs: 0 } as const;
    expect(() => readAggregate(plan, createKeyState(), specs.length, asking)).toThrow(
      `got aggregate ${specs.length}, expected 0 to ${specs.length - 1}`,
    );
  });
});

function entryOf(from: { readonly timeMs: number; readonly amount: number | null; readonly offset: number }): Entry {
  const { timeMs: eventTimeMs, amount, offset } = from;
  const odd = amount === null ? null : amount % 2;
  return { eventTimeMs, offset, values: [amount, odd, 0], labelled: [amount, odd, amount], labelTimeMs: Infinity };
}

function label(at: { readonly key: KeyState; readonly entry: Entry | undefined; readonly labelTimeMs: number }): void {
  const { key, entry, labelTimeMs } = at;
  if (entry === undefined) return;
  entry.labelTimeMs = Math.min(entry.labelTimeMs, labelTimeMs);
  noteLabel(key, entry, labelTimeMs);
}

function filterAndFold(
  raw: readonly Entry[],
  spec: AggregateSpec,
  { self, mode }: { readonly self: Entry; readonly mode: 'decision' | 'settled' },
): Value {
  const untilMs = self.eventTimeMs - spec.delayedByMs;
  const column = (entry: Entry, index: number): Value => {
    const isLabelled = entry.labelTimeMs <= (mode === 'decision' ? Number.MAX_VALUE : self.eventTimeMs);
    return (isLabelled ? entry.labelled : entry.values)[index] ?? null;
  };
  const samples = raw
    .filter(({ eventTimeMs }) => eventTimeMs > untilMs - spec.overMs && eventTimeMs <= untilMs)
    .filter((entry) => !(spec.excludeSelf && entry === self))
    .filter((entry) => spec.where === null || column(entry, spec.where) === 1)
    .toSorted((left, right) => left.eventTimeMs - right.eventTimeMs || left.offset - right.offset)
    .map((entry) => ({
      eventTimeMs: entry.eventTimeMs,
      value: spec.input === null ? 1 : column(entry, spec.input),
    }));
  return foldAggregate(
    spec.kind,
    samples.filter(({ value }) => value !== null),
    self.eventTimeMs,
  );
}
