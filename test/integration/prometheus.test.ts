import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { drawPage } from '../../engines/chromium/picture.ts';
import { alerts } from '../../scripts/board-alerts.ts';
import { boards } from '../../scripts/board-panels.ts';
import { foreignLog } from './foreign-world.ts';
import { badTimes, drawWatched, watchWorld } from './watched-world.ts';

const metricLine = z.looseObject({ _aws: z.unknown() });
/** `WEIR_BOARD_PICTURES=docs/images` draws the pictures of the documentation anew. */
const pictures = process.env['WEIR_BOARD_PICTURES'] ?? mkdtempSync(join(tmpdir(), 'weir-boards-'));

test('a real Prometheus that scrapes a worker and the API answers every query of every board, and takes every alert', async () => {
  const answered: string[] = [];
  const silent: string[] = [];
  const said = await watchWorld(async ({ prometheus, from, to }) => {
    for (const { title: board, panels } of boards)
      for (const { title, queries } of panels)
        for (const { expr } of queries) {
          const asked = expr.replaceAll('$__rate_interval', '5s');
          const series = await prometheus.queryRange(asked, { from, to, step: 1 });
          const hasData = series.some(({ points }) => points.some(([, value]) => Number.isFinite(value)));
          (hasData ? answered : silent).push(`${board}: ${title}: ${expr}`);
        }
    for (const { uid } of boards) {
      const page = await drawWatched(`${uid}.json`, { prometheus, from, to });
      await drawPage(page, { path: join(pictures, `${uid}.png`), width: 1360 });
    }
    const rules = await prometheus.rules();
    expect([...rules.keys()].sort()).toEqual(alerts.map(({ name }) => name).sort());
    expect([...rules.values()].filter((error) => error !== null && error !== '')).toEqual([]);
    const counted = await prometheus.query('sum by (what) (weir_events_total{job="weir-workers"})');
    const counts = Object.fromEntries(counted.map(({ labels, points }) => [labels['what'], points[0]?.[1]]));
    expect(counts).toMatchObject({
      'deadLetters.notJson': badTimes,
      duplicates: 60 * badTimes,
      'deadLetters.conflict': 30 * badTimes,
    });
  });
  for (const { uid } of boards) expect(statSync(join(pictures, `${uid}.png`)).size).toBeGreaterThan(50_000);
  const told = said.filter((line) => line.startsWith('{"_aws"')).map((line) => metricLine.parse(JSON.parse(line)));
  const sumOf = (pattern: RegExp): number =>
    told
      .flatMap((line) => Object.entries(line).filter(([name]) => pattern.test(name)))
      .reduce((sum, [, by]) => sum + Number(by), 0);
  expect([sumOf(/^decisions\./), sumOf(/^duplicates$/)]).toEqual([foreignLog.events, 60 * badTimes]);
  expect(silent).toEqual([]);
  expect(answered.length).toBeGreaterThan(40);
});
