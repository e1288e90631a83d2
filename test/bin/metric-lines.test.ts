import { expect, test } from 'vitest';
import { z } from 'zod';
import { createWorkerMetrics } from '../../adapters/prometheus/worker-metrics.ts';
import { openMetricLines } from '../../bin/metric-lines.ts';

function open() {
  const lines: Record<string, unknown>[] = [];
  const told = openMetricLines(createWorkerMetrics(), {
    write: (line) => lines.push(JSON.parse(line)),
    clockMs: () => 1000,
  });
  return { lines, ...told };
}

function owning(counts: Map<string, number>) {
  return () => ({ counts, skew: new Map(), refusedByKey: new Map() });
}

const batch = { topic: 't', partition: 0, behind: 0, takenMs: 5000 };

test('a line has what was counted since the one before, also of a partition that is let go meanwhile', () => {
  const { lines, metrics, tell, close } = open();
  const counts = new Map([['decisions.approve', 7]]);
  const others = new Map<string, number>();
  metrics.owned(0, owning(counts));
  metrics.owned(1, owning(others));
  counts.set('decisions.approve', 9).set('late', 1);
  others.set('decisions.approve', 3);
  metrics.released(1);
  metrics.trouble('FENCED');
  tell();
  counts.set('late', 2);
  close();
  const [first, second] = lines;
  expect(first).toMatchObject({ 'decisions.approve': 5, late: 1, 'errors.FENCED': 1 });
  expect(first?.['_aws']).toEqual({
    Timestamp: 1000,
    CloudWatchMetrics: [
      {
        Namespace: 'Weir',
        Dimensions: [[]],
        Metrics: ['decisions.approve', 'errors.FENCED', 'late'].map((Name) => ({ Name, Unit: 'Count' })),
      },
    ],
  });
  expect(second).toMatchObject({ late: 1 });
  expect(second).not.toHaveProperty('decisions.approve');
});

test('nothing is written where nothing came', () => {
  const { lines, tell, close } = open();
  tell();
  close();
  expect(lines).toEqual([]);
});

test('of many latencies a line has at most 100, from the whole period, and none of topics between workers', () => {
  const { lines, metrics, close } = open();
  metrics.taken({ ...batch, timesMs: Array.from({ length: 5000 }, (_, index) => 5000 - index) });
  metrics.taken({ ...batch, timesMs: [-1_000_000], isInternal: true });
  close();
  const latencies = z.array(z.number()).parse(lines[0]?.['latencyMs']);
  expect(latencies.length).toBeLessThanOrEqual(100);
  expect(latencies.length).toBeGreaterThan(40);
  expect(Math.min(...latencies)).toBeLessThan(500);
  expect(Math.max(...latencies)).toBeGreaterThan(4000);
  expect(Math.max(...latencies)).toBeLessThan(5000);
});
