import { scored } from './board-panels.ts';

/** An alert of Prometheus, with the page to open. */
export type Alert = {
  readonly name: string;
  readonly expr: string;
  /** How long it must hold. */
  readonly for: string;
  readonly severity: 'page' | 'ticket';
  readonly summary: string;
  readonly runbook: string;
};

/** Over a long window and still over a short one: the rates at which a budget of 30 days is spent (Google's SRE workbook, chapter 5). */
const burns = [
  { name: 'Fast', factor: 14.4, long: '1h', short: '5m', severity: 'page' },
  { name: 'Slow', factor: 6, long: '6h', short: '30m', severity: 'page' },
  { name: 'Creeping', factor: 1, long: '3d', short: '6h', severity: 'ticket' },
] as const;

/** What is promised of the API: the share of requests that may miss it, and the share that did over a window. */
const objectives = [
  {
    name: 'Availability',
    budget: 0.0003,
    missed: (window: string): string =>
      `((sum(rate(weir_http_requests_total{status=~"5.."}[${window}])) or vector(0)) / sum(rate(weir_http_requests_total[${window}])))`,
    text: 'of requests fail',
    runbook: 'scoring-errors',
  },
  ...(
    [
      ['Within180ms', 0.05, 0.18],
      ['Within380ms', 0.01, 0.38],
      ['Within50ms', 0.01, 0.05],
    ] as const
  ).map(([name, budget, seconds]) => ({
    name,
    budget,
    missed: (window: string): string =>
      `(1 - sum(rate(weir_http_request_seconds_bucket{${scored},le="${seconds}"}[${window}])) / sum(rate(weir_http_request_seconds_count{${scored}}[${window}])))`,
    text: `of answers take longer than ${seconds * 1000} ms`,
    runbook: 'latency',
  })),
];

/** A share cannot be over 1: such a burn can never be, and has no alert. */
const burnAlerts: readonly Alert[] = objectives.flatMap(({ name, budget, missed, text, runbook }) =>
  burns
    .filter(({ factor }) => factor * budget < 1)
    .map(({ name: speed, factor, long, short, severity }) => {
      const limit = Number((factor * budget).toPrecision(6));
      return {
        name: `Weir${name}Burn${speed}`,
        expr: `${missed(long)} > ${limit} and ${missed(short)} > ${limit}`,
        for: '1m',
        severity: name === 'Within50ms' ? ('ticket' as const) : severity,
        summary: `More than ${Number((limit * 100).toPrecision(4))} % ${text}: the budget of 30 days goes ${factor} times as fast as it may`,
        runbook,
      };
    }),
);

export const alerts: readonly Alert[] = [
  ...burnAlerts,
  {
    name: 'WeirBehind',
    expr: 'max by (topic) (weir_lag_seconds) > 10',
    for: '3m',
    severity: 'page',
    summary: 'Scoring is more than 10 s behind {{ $labels.topic }}',
    runbook: 'lag',
  },
  {
    name: 'WeirNotRunning',
    expr: 'up{job=~"weir-workers|weir-api"} == 0',
    for: '2m',
    severity: 'page',
    summary: '{{ $labels.instance }} does not answer',
    runbook: 'scoring-errors',
  },
  {
    name: 'WeirDeadLetters',
    expr: 'sum by (what) (increase(weir_events_total{what=~"deadLetters\\\\..+"}[15m])) > 10',
    for: '1m',
    severity: 'ticket',
    summary: '{{ $value }} records in 15 minutes: {{ $labels.what }}',
    runbook: 'dead-letters',
  },
  {
    name: 'WeirKeyFull',
    expr: 'sum by (key) (weir_key_refusals) > 0',
    for: '5m',
    severity: 'ticket',
    summary: 'A key of {{ $labels.key }} takes no more events into its windows',
    runbook: 'lag',
  },
];
