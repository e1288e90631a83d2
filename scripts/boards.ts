import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { alerts } from './board-alerts.ts';
import { type Board, boards, type Panel } from './board-panels.ts';

/** The folder of what Grafana and Prometheus load. */
export const boardsDir = 'docs/grafana';

const columns = 2;
const cell = { w: 24 / columns, h: 8 } as const;

/** A board as Grafana 9 and later import it; the data source is asked for when it is. */
function renderBoard({ uid, title, panels }: Board): Record<string, unknown> {
  return {
    __inputs: [{ name: 'DS_PROMETHEUS', label: 'Prometheus', type: 'datasource', pluginId: 'prometheus' }],
    uid,
    title,
    tags: ['weir'],
    timezone: 'utc',
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    schemaVersion: 38,
    panels: panels.map(renderPanel),
  };
}

function renderPanel({ title, help, unit, queries, limits = [] }: Panel, index: number): Record<string, unknown> {
  const steps = [{ color: 'green', value: null }, ...limits.map(({ value }) => ({ color: 'red', value }))];
  return {
    id: index + 1,
    type: 'timeseries',
    title,
    description: [help, ...limits.map(({ value, name }) => `${name}: ${value}`)].join('\n'),
    datasource: { type: 'prometheus', uid: '${DS_PROMETHEUS}' },
    gridPos: { ...cell, x: (index % columns) * cell.w, y: Math.floor(index / columns) * cell.h },
    fieldConfig: {
      defaults: {
        unit,
        min: unit === 'percentunit' ? undefined : 0,
        custom: { thresholdsStyle: { mode: limits.length > 0 ? 'line' : 'off' } },
        thresholds: { mode: 'absolute', steps },
      },
      overrides: [],
    },
    targets: queries.map(({ expr, legend }, at) => ({
      refId: String.fromCodePoint(65 + at),
      expr,
      legendFormat: legend,
    })),
  };
}

/** Rules of Prometheus; JSON is YAML. */
function renderAlerts(): Record<string, unknown> {
  const rules = alerts.map(({ name, expr, for: held, severity, summary, runbook }) => ({
    alert: name,
    expr,
    for: held,
    labels: { severity },
    annotations: { summary, runbook: `docs/runbook/${runbook}.md` },
  }));
  return { groups: [{ name: 'weir', rules }] };
}

/** The files of `docs/grafana`, by name. */
export function renderBoards(): ReadonlyMap<string, string> {
  const texts = [
    ...boards.map((board) => [`${board.uid}.json`, renderBoard(board)] as const),
    ['weir-alerts.json', renderAlerts()] as const,
  ];
  return new Map(texts.map(([name, content]) => [name, `${JSON.stringify(content, null, 2)}\n`]));
}

// `npm run boards` writes them.
if (import.meta.main) {
  mkdirSync(boardsDir, { recursive: true });
  for (const [name, text] of renderBoards()) writeFileSync(join(boardsDir, name), text);
}
