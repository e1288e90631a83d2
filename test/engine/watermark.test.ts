import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  advanceWatermark,
  createWatermarks,
  endInputs,
  endWatermarkMs,
  noWatermarkMs,
  watermarkMsOf,
} from '../../core/engine/watermark.ts';

const movesArbitrary = fc.array(
  fc.record({ input: fc.constantFrom('a', 'b', 'c'), watermarkMs: fc.integer({ min: -20, max: 100 }) }),
  { maxLength: 60, size: 'max' },
);

describe('a watermark', () => {
  test('is none before the first event', () => {
    const watermarks = createWatermarks();
    expect([watermarks.stateMs, watermarkMsOf(watermarks, 'a')]).toEqual([noWatermarkMs, noWatermarkMs]);
  });

  test('of an input is the highest that it was given, and never moves back', () => {
    fc.assert(
      fc.property(movesArbitrary, (moves) => {
        const watermarks = createWatermarks();
        moves.forEach(({ input, watermarkMs }, index) => {
          advanceWatermark(watermarks, input, watermarkMs);
          const given = moves.slice(0, index + 1).filter((move) => move.input === input);
          expect(watermarkMsOf(watermarks, input)).toBe(Math.max(...given.map((move) => move.watermarkMs)));
        });
      }),
    );
  });

  test('of a state is the highest minimum that its inputs ever had', () => {
    let waited = 0;
    fc.assert(
      fc.property(movesArbitrary, (moves) => {
        const watermarks = createWatermarks();
        const minima = [noWatermarkMs];
        const highest = new Map<string, number>();
        for (const { input, watermarkMs } of moves) {
          advanceWatermark(watermarks, input, watermarkMs);
          highest.set(input, Math.max(highest.get(input) ?? watermarkMs, watermarkMs));
          minima.push(Math.min(...highest.values()));
          expect(watermarks.stateMs).toBe(Math.max(...minima));
          if (watermarks.stateMs < Math.max(...highest.values())) waited += 1;
        }
      }),
    );
    expect(waited).toBeGreaterThan(100);
  });

  test('is +infinity after the end of the input', () => {
    const watermarks = createWatermarks();
    advanceWatermark(watermarks, 'a', 5);
    endInputs(watermarks);
    advanceWatermark(watermarks, 'b', 7);
    expect([watermarks.stateMs, watermarkMsOf(watermarks, 'a')]).toEqual([endWatermarkMs, endWatermarkMs]);
  });
});
