import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { drawCostChart } from '../../../scripts/cost-chart.ts';
import { verdictOf } from '../../../bin/commands/cost.ts';
import { compareDesigns, savingOf } from '../../../lib/cost/compare.ts';
import { costOf, type DesignId, designs } from '../../../lib/cost/designs.ts';
import { createLoad } from '../../../lib/cost/load.ts';
import { flinkCpu, workerCpu } from '../../../lib/cost/measured.ts';
import { prices } from '../../../lib/cost/prices.ts';

/** Worked out on paper from the prices, digit by digit, for 140,000 events a second day and night; see ADR 29. */
const byHand: Readonly<Record<256 | 512, Readonly<Record<DesignId, number>>>> = {
  // 367,920 million events, 87,719.44 GiB, 34.18 MiB/s.
  256: {
    // 187 shards 2047.65 + PUT 5150.88 + Lambda 67,296,923 GB-s 897.30 + requests 73.58 + 200,000 units 94,900.
    'kinesis-lambda-write': 103_069.41,
    // 2047.65 + 5150.88 + 3,737,305 GB-s 49.83 + 73.58.
    'kinesis-lambda': 7321.94,
    // 46 shards 503.70 + 3,679.2 million units 51.51 + 3 tasks 47.58.
    'kinesis-spot': 602.79,
    // 3 brokers 893.52 + in 877.19 + 24 h 288.39 + zones 2339.19 + 2 pollers 270.10 + 897.30 + 73.58 + 94,900.
    'msk-lambda': 100_539.26,
    // 893.52 + 877.19 + 288.39 + 2339.19 + 3 tasks 47.58.
    'msk-spot': 4445.86,
    // 893.52 + 877.19 + 288.39 + 2339.19 + 8 KPU 642.40.
    'msk-flink': 5040.68,
  },
  // 175,438.88 GiB, 68.36 MiB/s.
  512: {
    'kinesis-lambda-write': 103_069.41,
    'kinesis-lambda': 7321.94,
    // 92 shards 1007.40 + 7,358.4 million units 103.02 + 47.58.
    'kinesis-spot': 1158.0,
    // 6 brokers 1787.04 + 1754.39 + 576.79 + 4678.37 + 4 pollers 540.20 + 897.30 + 73.58 + 94,900.
    'msk-lambda': 105_207.67,
    // 1787.04 + 1754.39 + 576.79 + 4678.37 + 47.58.
    'msk-spot': 8844.17,
    // 1787.04 + 1754.39 + 576.79 + 4678.37 + 642.40.
    'msk-flink': 9438.99,
  },
};

describe('the cost of a month', () => {
  test.each([256, 512] as const)('of 140,000 events a second of %i bytes is what paper says, to a dollar', (bytes) => {
    const costs = compareDesigns(createLoad({ eventsPerSecond: 140_000, eventBytes: bytes })).costs;
    expect(costs).toHaveLength(designs.length);
    for (const { id, usdMonth } of costs) expect(Math.abs(usdMonth - byHand[bytes][id])).toBeLessThan(1);
  });

  test('is the sum of its lines, and each line names prices of the table', () => {
    const { costs } = compareDesigns(createLoad({ eventsPerSecond: 5000, eventBytes: 330, ledgerUnitsPerEvent: 4 }));
    for (const { usdMonth, lines } of costs) {
      expect(lines.reduce((sum, line) => sum + line.usdMonth, 0)).toBeCloseTo(usdMonth, 6);
      for (const line of lines) expect(line.prices.every((name) => prices[name].source !== '')).toBe(true);
    }
  });

  test.each([
    ['a conditional write', 1, 3389.29],
    ['a transaction of two items', 4, 13_557.14],
  ])('has %s a decision at 5,000 a second for what paper says', (_, units, usd) => {
    const without = createLoad({ eventsPerSecond: 5000, eventBytes: 330, workload: 'payments' });
    for (const id of ['msk-spot', 'kinesis-spot', 'msk-flink'])
      expect(usdOf(id, { ...without, ledgerUnitsPerEvent: units }) - usdOf(id, without)).toBeCloseTo(usd, 1);
  });

  test('never falls when there are more events or larger ones', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        fc.double({ min: 16, max: 60_000, noNaN: true }),
        fc.double({ min: 1, max: 3, noNaN: true }),
        fc.constantFrom(...designs),
        (eventsPerSecond, eventBytes, factor, design) => {
          const load = createLoad({ eventsPerSecond, eventBytes });
          const usd = costOf(design, load).usdMonth;
          const floor = usd * (1 - 1e-12);
          expect(
            costOf(design, { ...load, eventsPerSecond: eventsPerSecond * factor }).usdMonth,
          ).toBeGreaterThanOrEqual(floor);
          expect(costOf(design, { ...load, eventBytes: eventBytes * factor }).usdMonth).toBeGreaterThanOrEqual(floor);
        },
      ),
    );
  });
});

describe('the comparison', () => {
  test('says that the cheaper answer is not Kafka where it is not', () => {
    const { cheapest, cheapestKafka } = compareDesigns(createLoad({ eventsPerSecond: 140_000, eventBytes: 256 }));
    expect(cheapest.id).toBe('kinesis-spot');
    expect(verdictOf(cheapest, cheapestKafka)).toContain('The cheaper answer is not Kafka');
  });

  test('shows no saving of Kafka and Spot over a function that keeps nothing at 512 bytes', () => {
    const { costs } = compareDesigns(createLoad({ eventsPerSecond: 140_000, eventBytes: 512 }));
    const [spot, lambda] = ['msk-spot', 'kinesis-lambda'].map((id) => costs.find((cost) => cost.id === id));
    if (spot === undefined || lambda === undefined) throw new Error('got no such design');
    expect(savingOf(spot, lambda)).toBeNull();
    expect(savingOf(lambda, spot)).toBeCloseTo(1 - 7321.94 / 8844.17, 4);
  });

  test('finds the points at which the order changes, and it does change there', () => {
    const load = createLoad({ eventsPerSecond: 140_000, eventBytes: 256 });
    const { crossings } = compareDesigns(load);
    expect(crossings.length).toBeGreaterThanOrEqual(4);
    for (const { scale, at, cheaperBelow, cheaperAbove } of crossings) {
      const [below, above] = [at * 0.98, at * 1.02].map((value) => ({ ...load, [scale]: value }));
      if (below === undefined || above === undefined) throw new Error('got no load');
      expect(usdOf(cheaperBelow, below)).toBeLessThan(usdOf(cheaperAbove, below));
      expect(usdOf(cheaperAbove, above)).toBeLessThan(usdOf(cheaperBelow, above));
    }
  });
});

describe('what the formulas stand on', () => {
  test('the measured CPU stands in the results and in the decision', () => {
    const results = readFileSync('bench/RESULTS.md', 'utf8');
    for (const { cpuUsPerEvent } of Object.values(workerCpu)) expect(results).toContain(String(cpuUsPerEvent));
    const decision = readFileSync('docs/adr/0029-cost-model.md', 'utf8');
    for (const { cpuUsPerEvent } of Object.values(flinkCpu)) expect(decision).toContain(String(cpuUsPerEvent));
  });

  test('every price has a source and a month, or says that it is an input', () => {
    expect(Object.keys(prices).length).toBeGreaterThan(10);
    for (const { usd, source, dated } of Object.values(prices)) {
      expect(usd).toBeGreaterThan(0);
      expect(source).not.toBe('');
      expect(dated).toMatch(/^(20\d\d-\d\d|input)$/);
    }
  });

  test('the chart in the docs is the one that the formulas draw', () => {
    expect(readFileSync('docs/images/cost.svg', 'utf8')).toBe(drawCostChart());
  });
});

function usdOf(id: string, load: ReturnType<typeof createLoad>): number {
  const design = designs.find((one) => one.id === id);
  if (design === undefined) throw new Error(`got design ${id}`);
  return costOf(design, load).usdMonth;
}
