/** A query of Prometheus, and what its series are called: `{{label}}` stands for a label. */
export type Query = { readonly expr: string; readonly legend: string };

/** A panel of a board. Rates are taken over `$__rate_interval`, which Grafana sets to suit the scrape interval. */
export type Panel = {
  readonly title: string;
  /** What a person on call should know of it. */
  readonly help: string;
  /** A unit of Grafana: `s`, `short`, `percentunit`, `ops`, `bytes`. */
  readonly unit: 's' | 'short' | 'percentunit' | 'ops' | 'bytes';
  readonly queries: readonly Query[];
  /** Lines that mean something. */
  readonly limits?: readonly { readonly value: number; readonly name: string }[];
};

export type Board = { readonly uid: string; readonly title: string; readonly panels: readonly Panel[] };

const rate = '$__rate_interval';
/** What nothing was counted of has no series: 0 is what that means. */
const orNone = (expr: string): string => `(${expr}) or vector(0)`;

function quantiles(histogram: string, more = ''): readonly Query[] {
  return [0.5, 0.95, 0.99].map((q) => ({
    expr: `histogram_quantile(${q}, sum by (le) (rate(${histogram}_bucket${more}[${rate}])))`,
    legend: `p${q * 100}`,
  }));
}

function shareWithin(histogram: string, seconds: readonly number[], more: string): readonly Query[] {
  const selector = (inner: string): string => [more, inner].filter((one) => one !== '').join(',');
  return seconds.map((limit) => ({
    expr: `sum(rate(${histogram}_bucket{${selector(`le="${limit}"`)}}[${rate}])) / sum(rate(${histogram}_count{${more}}[${rate}]))`,
    legend: `within ${limit * 1000} ms`,
  }));
}

const latencyLimits = [
  { value: 0.18, name: 'p95 as promised' },
  { value: 0.38, name: 'p99 as promised' },
];
const shareLimits = [
  { value: 0.95, name: '95 % within 180 ms' },
  { value: 0.99, name: '99 % within 380 ms, ours: 50 ms' },
];

/** What the score API's own route is told apart by. */
export const scored = 'route="/v1/authorizations:score"';

/** The scrape jobs: `weir-workers` and `weir-api`. */
type Job = 'weir-workers' | 'weir-api';

/** What became of events, which workers and the API count alike. */
const eventsOf = (job: Job): readonly Panel[] => [
  {
    title: 'Decisions by outcome',
    help: 'All decline at once: a rule or a model went wrong. None at all: see lag, and what fails.',
    unit: 'ops',
    queries: [
      {
        expr: `sum by (what) (rate(weir_events_total{job="${job}",what=~"decisions\\\\..+"}[${rate}]))`,
        legend: '{{what}}',
      },
    ],
  },
  {
    title: 'Late and dead letters',
    help: 'Late events are scored and enter the windows; too-late ones are scored alone. Dead letters are kept with their bytes: docs/runbook/dead-letters.md',
    unit: 'ops',
    queries: [
      {
        expr: orNone(`sum by (what) (rate(weir_events_total{job="${job}",what=~"late|tooLate"}[${rate}]))`),
        legend: '{{what}}',
      },
      {
        expr: orNone(`sum by (what) (rate(weir_events_total{job="${job}",what=~"deadLetters\\\\..+"}[${rate}]))`),
        legend: '{{what}}',
      },
    ],
  },
  {
    title: 'Effectively once: copies and conflicts refused',
    help: 'Copies of events that were decided already, and other bodies under a known id (dead letters of their own code).',
    unit: 'ops',
    queries: [
      { expr: orNone(`sum(rate(weir_events_total{job="${job}",what="duplicates"}[${rate}]))`), legend: 'copies' },
      {
        expr: orNone(`sum(rate(weir_events_total{job="${job}",what="deadLetters.conflict"}[${rate}]))`),
        legend: 'conflicts',
      },
    ],
  },
  {
    title: 'Feature skew: rows decided with another value than the final one',
    help: 'By feature, the five most. Late events, peers of the same time, disorder between topics; training reads what decided.',
    unit: 'percentunit',
    queries: [
      {
        expr: `topk(5, sum by (feature) (weir_feature_skew_total{job="${job}"}) / (sum by (feature) (weir_settled_values_total{job="${job}"}) > 0))`,
        legend: '{{feature}}',
      },
    ],
  },
  {
    title: 'Events that full keys did not take',
    help: 'A key that holds as many events as it may takes no more: its features say null until they have left the window.',
    unit: 'short',
    queries: [{ expr: orNone(`sum by (key) (weir_key_refusals{job="${job}"})`), legend: '{{key}}' }],
  },
];

const processesOf = (job: Job): readonly Panel[] => [
  {
    title: 'Processor and memory of each process',
    help: 'A worker has one core for a partition of its; at one core it can take no more.',
    unit: 'short',
    queries: [
      { expr: `rate(process_cpu_seconds_total{job="${job}"}[${rate}])`, legend: 'cores, {{instance}}' },
      { expr: `process_resident_memory_bytes{job="${job}"} / 1073741824`, legend: 'GiB, {{instance}}' },
    ],
  },
  {
    title: 'Longest stall of the event loop',
    help: 'What holds a thread up holds up every answer.',
    unit: 's',
    queries: [{ expr: `nodejs_eventloop_lag_max_seconds{job="${job}"}`, legend: '{{instance}}' }],
  },
];

/** Workers of a group on Kafka or Kinesis. */
export const workerBoard: Board = {
  uid: 'weir-workers',
  title: 'Weir: workers',
  panels: [
    {
      title: 'Lag, seconds',
      help: 'Age of the last record taken of the partition that is furthest behind, 0 where none is left. docs/runbook/lag.md',
      unit: 's',
      queries: [{ expr: 'max by (topic) (weir_lag_seconds)', legend: '{{topic}}' }],
      limits: [{ value: 10, name: 'too late to answer' }],
    },
    {
      title: 'Lag, records',
      help: 'Records that are not taken yet, by topic.',
      unit: 'short',
      queries: [{ expr: 'sum by (topic) (weir_lag_records)', legend: '{{topic}}' }],
    },
    {
      title: 'From the time of a record until its decision is committed',
      help: 'How long whoever waits has to wait. docs/runbook/latency.md',
      unit: 's',
      queries: quantiles('weir_decision_latency_seconds'),
      limits: latencyLimits,
    },
    {
      title: 'Share of decisions in time',
      help: 'The objectives: 95 % within 180 ms, 99 % within 380 ms; ours: 99 % within 50 ms.',
      unit: 'percentunit',
      queries: shareWithin('weir_decision_latency_seconds', [0.05, 0.18, 0.38], ''),
      limits: shareLimits,
    },
    ...eventsOf('weir-workers'),
    {
      title: 'Partitions owned, by worker',
      help: 'Their sum is the number of partitions, but while the group hands over.',
      unit: 'short',
      queries: [{ expr: 'sum by (instance) (weir_partitions_owned)', legend: '{{instance}}' }],
    },
    {
      title: 'Faults that were got over, fences among them',
      help: 'By code. FENCED: a partition has a new owner, and the former one was refused. docs/runbook/scoring-errors.md',
      unit: 'ops',
      queries: [{ expr: orNone(`sum by (code) (rate(weir_troubles_total[${rate}]))`), legend: '{{code}}' }],
    },
    {
      title: 'Records taken, transactions committed',
      help: 'Many transactions of few records each cost the broker most.',
      unit: 'ops',
      queries: [
        { expr: `sum by (topic) (rate(weir_records_total[${rate}]))`, legend: '{{topic}}' },
        { expr: `sum(rate(weir_transactions_total[${rate}]))`, legend: 'transactions' },
      ],
    },
    {
      title: 'How long views of foreign keys are under way',
      help: 'From their owner to the reader of them; a decision records how fresh what it read was.',
      unit: 's',
      queries: [...quantiles('weir_view_lag_seconds')],
    },
    {
      title: 'Decisions that found no view of a foreign key',
      help: 'The first event of a key, or one whose owner is behind.',
      unit: 'ops',
      queries: [{ expr: orNone(`sum by (key) (rate(weir_views_missing_total[${rate}]))`), legend: '{{key}}' }],
    },
    ...processesOf('weir-workers'),
  ],
};

/** The score API. */
export const apiBoard: Board = {
  uid: 'weir-api',
  title: 'Weir: score API',
  panels: [
    {
      title: 'Requests by status',
      help: '5xx spend the budget of 0.03 %; 429 and 503 `busy` say that it is full. docs/runbook/scoring-errors.md',
      unit: 'ops',
      queries: [{ expr: `sum by (status) (rate(weir_http_requests_total[${rate}]))`, legend: '{{status}}' }],
    },
    {
      title: 'From the head of a request to its answer',
      help: 'How long whoever waits has to wait. docs/runbook/latency.md',
      unit: 's',
      queries: quantiles('weir_http_request_seconds', `{${scored}}`),
      limits: latencyLimits,
    },
    {
      title: 'Share of requests in time',
      help: 'The objectives: 95 % within 180 ms, 99 % within 380 ms; ours: 99 % within 50 ms.',
      unit: 'percentunit',
      queries: shareWithin('weir_http_request_seconds', [0.05, 0.18, 0.38], scored),
      limits: shareLimits,
    },
    {
      title: 'Available: share of requests without an error of ours',
      help: 'The objective is 99.97 %.',
      unit: 'percentunit',
      queries: [
        {
          expr: `1 - ((sum(rate(weir_http_requests_total{status=~"5.."}[${rate}])) or vector(0)) / sum(rate(weir_http_requests_total[${rate}])))`,
          legend: 'available',
        },
      ],
      limits: [{ value: 0.9997, name: '99.97 %' }],
    },
    ...eventsOf('weir-api'),
    ...processesOf('weir-api'),
  ],
};

export const boards: readonly Board[] = [workerBoard, apiBoard];
