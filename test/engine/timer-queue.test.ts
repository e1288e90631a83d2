import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTimerQueue, popDueTimer, pushTimer } from '../../core/engine/timer-queue.ts';
import { addTimer, createTimers, popDue } from '../../core/engine/timers.ts';

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('push' as const), timeMs: fc.nat(20), offset: fc.nat(5) }),
    fc.record({ kind: fc.constant('pop' as const), watermarkMs: fc.nat(25) }),
  ),
  { maxLength: 200, size: 'max' },
);

test('a timer queue gives what the heap of timers gives', () => {
  let popped = 0;
  fc.assert(
    fc.property(steps, (sequence) => {
      const queue = createTimerQueue();
      const timers = createTimers<number>();
      let value = 0;
      for (const step of sequence) {
        if (step.kind === 'push') {
          value += 1;
          pushTimer(queue, step.timeMs, step.offset, value);
          addTimer(timers, { timeMs: step.timeMs, offset: step.offset, value });
        } else {
          const expected = popDue(timers, step.watermarkMs);
          expect(popDueTimer(queue, step.watermarkMs)).toBe(expected ?? -1);
          if (expected !== undefined) popped += 1;
        }
        expect(queue.size).toBe(timers.heap.length);
      }
    }),
    { numRuns: 300 },
  );
  expect(popped).toBeGreaterThan(1000);
});

test('many timers in nearly sorted order come out sorted, over several segments', () => {
  const queue = createTimerQueue();
  const expected: number[] = [];
  const timeOf = (index: number): number => index - (index % 7 === 0 ? 50 : 0);
  for (let index = 0; index < 30_000; index += 1) {
    pushTimer(queue, timeOf(index), index, index);
    expected.push(index);
  }
  expected.sort((left, right) => timeOf(left) - timeOf(right) || left - right);
  const got: number[] = [];
  for (let value = popDueTimer(queue, 25_000); value >= 0; value = popDueTimer(queue, 25_000)) got.push(value);
  for (let value = popDueTimer(queue, Infinity); value >= 0; value = popDueTimer(queue, Infinity)) got.push(value);
  expect(got).toEqual(expected);
  expect(popDueTimer(queue, Infinity)).toBe(-1);
});
