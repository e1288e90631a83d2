import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSourceTimes, isNewFromSource, moveSource } from '../../core/engine/source-times.ts';

const sources = 3;
const spokenArbitrary = fc.record({
  partition: fc.nat(sources - 1),
  watermarkMs: fc.nat(100),
  isIdle: fc.boolean(),
});

test('the watermark is the least of the sources that speak, the greatest when none does, and never moves back', () => {
  let moved = 0;
  fc.assert(
    fc.property(fc.array(spokenArbitrary, { maxLength: 40 }), (spoken) => {
      const times = createSourceTimes(sources, 1);
      let beforeMs = Number.NEGATIVE_INFINITY;
      for (const [index, source] of spoken.entries()) {
        moveSource(times, source);
        const said = spoken.slice(0, index + 1);
        const all = Array.from({ length: sources }, (_, partition) => {
          const own = said.filter((one) => one.partition === partition);
          const watermarkMs = Math.max(...own.map((one) => one.watermarkMs));
          return { watermarkMs, isIdle: own.at(-1)?.isIdle ?? false };
        });
        const speaking = all.filter(({ isIdle }) => !isIdle).map(({ watermarkMs }) => watermarkMs);
        const nowMs = speaking.length > 0 ? Math.min(...speaking) : Math.max(...all.map((one) => one.watermarkMs));
        const expectedMs = Math.max(beforeMs, nowMs);
        expect(times.stateMs).toBe(expectedMs);
        if (expectedMs > beforeMs) moved++;
        beforeMs = expectedMs;
      }
    }),
  );
  expect(moved).toBeGreaterThan(50);
});

test('a source that nobody has heard of holds the others back', () => {
  const times = createSourceTimes(2, 1);
  moveSource(times, { partition: 0, watermarkMs: 100, isIdle: false });
  expect(times.stateMs).toBe(Number.NEGATIVE_INFINITY);
  moveSource(times, { partition: 1, watermarkMs: Number.NEGATIVE_INFINITY, isIdle: true });
  expect(times.stateMs).toBe(100);
});

test('a record of a source is new once, by its partition and contract', () => {
  const times = createSourceTimes(2, 4);
  const first = { partition: 1, contract: 0, offset: 5 };
  expect(isNewFromSource(times, first)).toBe(true);
  expect(isNewFromSource(times, first)).toBe(false);
  expect(isNewFromSource(times, { ...first, offset: 4 })).toBe(false);
  expect(isNewFromSource(times, { ...first, contract: 3 })).toBe(true);
  expect(isNewFromSource(times, { ...first, partition: 0 })).toBe(true);
});
