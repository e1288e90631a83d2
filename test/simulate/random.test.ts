import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { logarithm, normal, openStream, pickDistinct, poisson, uniform } from '../../simulate/random.ts';

function draw(count: number, next: () => number): number[] {
  return Array.from({ length: count }, next);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('a random stream', () => {
  test('gives these numbers on every machine', () => {
    const random = openStream({ seed: 1, name: 'customer', indexes: [17] });
    expect(draw(3, () => random() * 2 ** 32)).toEqual(goldenWords);
  });

  test('depends on the seed, the name and every index', () => {
    const names = [
      { seed: 1, name: 'customer', indexes: [17] },
      { seed: 2, name: 'customer', indexes: [17] },
      { seed: 1, name: 'terminal', indexes: [17] },
      { seed: 1, name: 'customer', indexes: [18] },
      { seed: 1, name: 'customer', indexes: [17, 0] },
      { seed: 1 + 2 ** 32, name: 'customer', indexes: [17] },
    ];
    const firsts = names.map((name) => draw(4, openStream(name)).join());
    expect(new Set(firsts).size).toBe(names.length);
  });

  test('is uniform across the first draws of neighbouring streams', () => {
    const firsts = Array.from({ length: 20_000 }, (_, index) => openStream({ seed: 1, name: 'x', indexes: [index] })());
    const bins = new Array<number>(20).fill(0);
    for (const first of firsts) bins[Math.floor(first * 20)] = (bins[Math.floor(first * 20)] ?? 0) + 1;
    const chiSquare = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(43.8); // 0.1 % of 19 degrees of freedom
  });
});

describe('distributions', () => {
  test('a normal draw has the mean, the deviation and the tails of the normal distribution', () => {
    const random = openStream({ seed: 3, name: 'normal' });
    const values = draw(50_000, () => normal(random, { mean: 10, deviation: 2 }));
    expect(mean(values)).toBeCloseTo(10, 1);
    expect(Math.sqrt(mean(values.map((value) => (value - 10) ** 2)))).toBeCloseTo(2, 1);
    expect(values.filter((value) => Math.abs(value - 10) > 4).length / values.length).toBeCloseTo(0.0455, 2);
  });

  test('a Poisson draw has equal mean and variance', () => {
    const random = openStream({ seed: 4, name: 'poisson' });
    const values = draw(50_000, () => poisson(random, 3.5));
    expect(mean(values)).toBeCloseTo(3.5, 1);
    expect(mean(values.map((value) => (value - 3.5) ** 2))).toBeCloseTo(3.5, 0);
  });

  test('a Poisson draw of mean 0 is 0', () => {
    expect(poisson(openStream({ seed: 1, name: 'poisson' }), 0)).toBe(0);
  });

  test('a uniform draw stays inside its half-open range', () => {
    const random = openStream({ seed: 5, name: 'uniform' });
    const values = draw(10_000, () => uniform(random, { from: 5, to: 100 }));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(5);
    expect(Math.max(...values)).toBeLessThan(100);
    expect(mean(values)).toBeCloseTo(52.5, -0.5);
  });

  test('the logarithm agrees with that of the platform', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-12, max: 1e12, noNaN: true }), (value) => {
        expect(Math.abs(logarithm(value) - Math.log(value))).toBeLessThanOrEqual(
          1e-14 * (1 + Math.abs(Math.log(value))),
        );
      }),
    );
  });

  test('picks are different and inside the range, and all of them when there are too few', () => {
    const random = openStream({ seed: 6, name: 'pick' });
    const picked = pickDistinct(random, { count: 50, total: 60 });
    expect(new Set(picked).size).toBe(50);
    expect(picked.every((index) => index >= 0 && index < 60)).toBe(true);
    expect(new Set(pickDistinct(random, { count: 5, total: 3 }))).toEqual(new Set([0, 1, 2]));
  });
});

const goldenWords = [728401654, 3428651243, 3872452318];
