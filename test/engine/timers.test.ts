import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addTimer, countTimers, createTimers, popDue } from '../../core/engine/timers.ts';
import type { Timers } from '../../core/engine/timers.ts';

describe('timers', () => {
  test('a timer is due when the watermark reaches its time, and not a millisecond before', () => {
    const timers = createTimers<string>();
    addTimer(timers, { timeMs: 100, offset: 0, value: 'a' });
    expect(popDue(timers, 99)).toBeUndefined();
    expect(countTimers(timers)).toBe(1);
    expect(popDue(timers, 100)).toBe('a');
    expect(popDue(timers, Infinity)).toBeUndefined();
    expect(countTimers(timers)).toBe(0);
  });

  test('timers of one time come by offset, and those of one offset as they were added', () => {
    const timers = createTimers<string>();
    addTimer(timers, { timeMs: 5, offset: 2, value: 'third' });
    addTimer(timers, { timeMs: 5, offset: 1, value: 'first' });
    addTimer(timers, { timeMs: 5, offset: 1, value: 'second' });
    addTimer(timers, { timeMs: 4, offset: 9, value: 'zeroth' });
    expect(drain(timers, 5)).toEqual(['zeroth', 'first', 'second', 'third']);
  });

  test('a timer that is added when its time has passed is due at once', () => {
    const timers = createTimers<string>();
    addTimer(timers, { timeMs: 10, offset: 0, value: 'early' });
    expect(drain(timers, 10)).toEqual(['early']);
    addTimer(timers, { timeMs: 3, offset: 1, value: 'overdue' });
    expect(popDue(timers, 10)).toBe('overdue');
  });

  test('the heap gives what a sorted array gives, in any order of adding and taking', () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 200, size: 'max' }), (steps) => {
        const timers = createTimers<number>();
        const twin = createSortedTwin();
        for (const [index, step] of steps.entries()) {
          if (step.kind === 'add') {
            addTimer(timers, { timeMs: step.timeMs, offset: step.offset, value: index });
            twin.add({ timeMs: step.timeMs, offset: step.offset, value: index });
          } else {
            const value = popDue(timers, step.watermarkMs);
            expect(value).toBe(twin.popDue(step.watermarkMs));
            if (value !== undefined) taken += 1;
          }
          expect(countTimers(timers)).toBe(twin.size());
        }
        expect(drain(timers, Infinity)).toEqual(twin.drain());
      }),
    );
    expect(taken).toBeGreaterThan(100);
  });

  test('a queue read back from a checkpoint goes on as the one that was written', () => {
    const timers = createTimers<number>();
    for (let offset = 0; offset < 50; offset += 1) {
      addTimer(timers, { timeMs: (offset * 7) % 13, offset, value: offset });
    }
    drain(timers, 4);
    const restored: Timers<number> = deserialize(serialize(timers));
    for (const queue of [timers, restored]) addTimer(queue, { timeMs: 6, offset: 6, value: -1 });
    const rest = drain(restored, Infinity);
    expect(rest.length).toBeGreaterThan(10);
    expect(rest).toEqual(drain(timers, Infinity));
  });
});

const smallArbitrary = fc.integer({ min: 0, max: 12 });
const stepArbitrary = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), timeMs: smallArbitrary, offset: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ kind: fc.constant('take' as const), watermarkMs: smallArbitrary }),
);

function drain<T>(timers: Timers<T>, watermarkMs: number): T[] {
  const values: T[] = [];
  for (let value = popDue(timers, watermarkMs); value !== undefined; value = popDue(timers, watermarkMs)) {
    values.push(value);
  }
  return values;
}

type TwinTimer = { timeMs: number; offset: number; value: number };

/** The slow twin: sort everything (the sort is stable, so equal timers stay as they were added) and look at the first. */
function createSortedTwin() {
  let sorted: TwinTimer[] = [];
  return {
    add(timer: TwinTimer): void {
      sorted = [...sorted, timer].toSorted((left, right) => left.timeMs - right.timeMs || left.offset - right.offset);
    },
    popDue(watermarkMs: number): number | undefined {
      const first = sorted[0];
      if (first === undefined || first.timeMs > watermarkMs) return undefined;
      sorted = sorted.slice(1);
      return first.value;
    },
    size: () => sorted.length,
    drain: () => sorted.map((timer) => timer.value),
  };
}
