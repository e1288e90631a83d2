import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { EngineTotals } from '../../adapters/prometheus/event-metrics.ts';
import { createServeMetrics } from '../../adapters/prometheus/serve-metrics.ts';
import { createWorkerMetrics } from '../../adapters/prometheus/worker-metrics.ts';
import { alerts } from '../../scripts/board-alerts.ts';
import { apiBoard, boards, workerBoard } from '../../scripts/board-panels.ts';
import { boardsDir, renderBoards } from '../../scripts/boards.ts';

test.each([...renderBoards()])('%s is what the description of the boards gives', (name, text) => {
  expect(readFileSync(join(boardsDir, name), 'utf8')).toBe(text);
});

const none = (): EngineTotals => ({ counts: new Map(), skew: new Map(), refusedByKey: new Map() });

test.each([
  [workerBoard, createWorkerMetrics],
  [apiBoard, () => createServeMetrics(new Map([[0, none]]))],
])('$title asks for metrics that its processes have', async (board, create) => {
  const known = new Set([...(await create().text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  const asked = board.panels.flatMap(({ queries }) => queries.flatMap(({ expr }) => namesIn(expr)));
  expect(asked.length).toBeGreaterThan(10);
  expect(asked.filter((name) => !known.has(name))).toEqual([]);
});

test('alerts ask for metrics that a worker or the API has', async () => {
  const texts = await Promise.all([createWorkerMetrics().text(), createServeMetrics(new Map([[0, none]])).text()]);
  const known = new Set([...texts.join('\n').matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  const asked = alerts.flatMap(({ expr }) => namesIn(expr));
  expect(asked.length).toBeGreaterThan(alerts.length / 2);
  expect(asked.filter((name) => !known.has(name))).toEqual([]);
});

test.each(alerts.map(({ name, runbook }) => [name, `docs/runbook/${runbook}.md`]))(
  '%s names a page for who is on call',
  (_, page) => {
    expect(existsSync(page)).toBe(true);
  },
);

test('alerts and panels have names of their own', () => {
  const names = [
    ...alerts.map(({ name }) => name),
    ...boards.flatMap(({ uid, panels }) => panels.map(({ title }) => `${uid} ${title}`)),
  ];
  expect(new Set(names).size).toBe(names.length);
});

/** The families of a query's metrics: a histogram's buckets and counts are of the histogram. */
function namesIn(expr: string): string[] {
  return [...expr.matchAll(/\b(weir|process|nodejs)_[a-z_]+/g)].map(([name]) =>
    name.replace(/_(bucket|count|sum)$/, ''),
  );
}
