import { expect, test } from 'vitest';
import type { EngineTotals } from '../../adapters/prometheus/event-metrics.ts';
import { createServeMetrics } from '../../adapters/prometheus/serve-metrics.ts';
import { createWorkerMetrics } from '../../adapters/prometheus/worker-metrics.ts';

const totals = (late: number): EngineTotals => ({
  counts: new Map([
    ['late', late],
    ['deadLetters.notJson', 2],
  ]),
  skew: new Map([
    ['payments_1h', { rows: 10, differing: { lateEvent: late, sameTimePeer: 0, disorder: 1 }, differenceMax: 3 }],
  ]),
  refusedByKey: new Map([['cardToken', 7]]),
});

function linesOf(text: string, name: string): string[] {
  return text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

test('what engines have counted is told by partition, read at each scrape, and gone with the partition', async () => {
  const metrics = createWorkerMetrics();
  let late = 3;
  metrics.owned(0, () => totals(late));
  metrics.owned(5, () => totals(1));
  expect(linesOf(await metrics.text(), 'weir_events_total')).toEqual([
    'weir_events_total{partition="0",what="late"} 3',
    'weir_events_total{partition="0",what="deadLetters.notJson"} 2',
    'weir_events_total{partition="5",what="late"} 1',
    'weir_events_total{partition="5",what="deadLetters.notJson"} 2',
  ]);
  late = 4;
  metrics.released(5);
  const text = await metrics.text();
  expect(linesOf(text, 'weir_events_total')).toEqual([
    'weir_events_total{partition="0",what="late"} 4',
    'weir_events_total{partition="0",what="deadLetters.notJson"} 2',
  ]);
  expect(linesOf(text, 'weir_key_refusals')).toEqual(['weir_key_refusals{partition="0",key="cardToken"} 7']);
});

test('the skew of a feature is summed over partitions, by why', async () => {
  const metrics = createWorkerMetrics();
  metrics.owned(0, () => totals(3));
  metrics.owned(1, () => totals(1));
  const text = await metrics.text();
  expect(linesOf(text, 'weir_settled_values_total')).toEqual(['weir_settled_values_total{feature="payments_1h"} 20']);
  expect(linesOf(text, 'weir_feature_skew_total')).toEqual([
    'weir_feature_skew_total{feature="payments_1h",cause="lateEvent"} 4',
    'weir_feature_skew_total{feature="payments_1h",cause="sameTimePeer"} 0',
    'weir_feature_skew_total{feature="payments_1h",cause="disorder"} 2',
  ]);
});

test('the buckets of both latencies end at the objectives', async () => {
  const serve = createServeMetrics(new Map([[0, () => totals(0)]]));
  serve.observe({ route: '/v1/authorizations:score', status: 200, seconds: 0.004 });
  const worker = createWorkerMetrics();
  const bounds = (text: string, name: string): string[] =>
    linesOf(text, `${name}_bucket`).flatMap((line) => /le="([^"]+)"/.exec(line)?.[1] ?? []);
  for (const found of [
    bounds(await serve.text(), 'weir_http_request_seconds'),
    bounds(await worker.text(), 'weir_decision_latency_seconds'),
  ])
    expect(found).toEqual(expect.arrayContaining(['0.05', '0.18', '0.38']));
});
