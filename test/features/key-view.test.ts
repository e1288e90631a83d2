import fc from 'fast-check';
import { expect, test } from 'vitest';
import { momentAt, packView, unpackView } from '../../core/features/key-view.ts';

const viewArbitrary = fc
  .record({
    offset: fc.nat(),
    steps: fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 20 }),
    width: fc.nat(4),
  })
  .map(({ offset, steps, width }) => {
    let timeMs = 0;
    const momentMs = Float64Array.from(steps, (step) => (timeMs += step));
    return { offset, momentMs, values: Float64Array.from({ length: steps.length * width }, (_, value) => value) };
  });

test('a view comes back from its bytes, wherever they lie in a buffer', () => {
  fc.assert(
    fc.property(viewArbitrary, fc.nat(9), (view, before) => {
      const packed = packView(view);
      const around = Buffer.alloc(packed.length + 20, 255);
      around.set(packed, before);
      expect(unpackView(around.subarray(before, before + packed.length))).toEqual(view);
    }),
  );
  expect(() =>
    unpackView(packView({ offset: 1, momentMs: Float64Array.of(1), values: Float64Array.of(1) }).slice(8)),
  ).toThrow(/got a view of version/);
});

test('a view says its last moment that has come, the first one before that', () => {
  fc.assert(
    fc.property(viewArbitrary, fc.nat(25_000), (view, timeMs) => {
      const { from, sinceMs } = momentAt(view, timeMs);
      const come = [...view.momentMs].filter((momentMs) => momentMs <= timeMs);
      const moment = Math.max(0, come.length - 1);
      expect(from).toBe((moment * view.values.length) / view.momentMs.length);
      expect(sinceMs).toBe(come.length === 0 ? 0 : timeMs - view.momentMs[moment]!);
    }),
  );
});
