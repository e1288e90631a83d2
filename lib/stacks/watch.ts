import { Duration, Stack, type StackProps } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import { apiMetric, availabilityBudget, burnRules, burns, latencyObjectives } from '../api-objectives.ts';
import type { Config } from '../config.ts';
import { costOf, designs } from '../cost/designs.ts';
import { createLoad } from '../cost/load.ts';
import * as metrics from '../watched-metrics.ts';
import { clusterOf } from './backbone.ts';
import { dataKeyOf } from './security.ts';

type WatchProps = StackProps & {
  readonly config: Config;
  /** By topic, the group that reads it. */
  readonly groups: ReadonlyMap<string, string>;
  /** The function that scores; null where workers do. */
  readonly scorerName: string | null;
};

/** Seconds behind the log at which an answer is no longer in time. */
const lagSecondsMax = 10;
/** The share of calls that may fail over 30 days. */
const errorBudget = 0.001;
/** One board, alarms that each have a page in docs/runbook, and one address that is paged once for what belongs together. */
export class WatchStack extends Stack {
  constructor(scope: Construct, id: string, { config, groups, scorerName, ...props }: WatchProps) {
    super(scope, id, props);
    const people = makeTopic(this, config);
    const access = config.backbone === 'msk' ? clusterOf(this, config) : null;
    const lags = metrics.lagMetrics(config, { access, groups });
    const behind = lags.map((metric, index) => lagAlarm(this, { metric, index }));
    const failing = scorerName === null ? [] : burns.map((burn) => burnRule(this, { burn, scorerName }));
    // A scorer that fails falls behind as well: people hear of the failure alone.
    const behindRule = cloudwatch.AlarmRule.anyOf(...behind);
    const failingRule = failing.length > 0 ? cloudwatch.AlarmRule.anyOf(...failing) : null;
    if (failingRule !== null)
      page(this, {
        id: 'ScoringFails',
        rule: failingRule,
        people,
        text: 'Calls of the scorer fail. docs/runbook/scoring-errors.md',
      });
    page(this, {
      id: 'ScoringBehind',
      rule:
        failingRule === null
          ? behindRule
          : cloudwatch.AlarmRule.allOf(behindRule, cloudwatch.AlarmRule.not(failingRule)),
      people,
      text: 'Scoring is behind the log and does not fail. docs/runbook/lag.md',
    });
    if (config.apiRequestsPerSecond !== undefined) watchApi(this, { config, people });
    makeBoard(this, { config, lags, scorerName });
  }
}

function makeTopic(stack: Stack, config: Config): sns.Topic {
  const topic = new sns.Topic(stack, 'People', {
    topicName: `${config.name}-alarms`,
    masterKey: dataKeyOf(stack, config),
    enforceSSL: true,
  });
  if (config.alarmEmail !== undefined) topic.addSubscription(new EmailSubscription(config.alarmEmail));
  return topic;
}

/** Behind for three minutes of five. A group that rebalances tells no lag: that is no alarm. */
function lagAlarm(
  stack: Stack,
  { metric, index }: { readonly metric: cloudwatch.IMetric; readonly index: number },
): cloudwatch.Alarm {
  const alarm = new cloudwatch.Alarm(stack, `Lag${index + 1}`, {
    alarmDescription: `More than ${lagSecondsMax} s behind the log. docs/runbook/lag.md`,
    metric,
    threshold: lagSecondsMax,
    evaluationPeriods: 5,
    datapointsToAlarm: 3,
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
  });
  acknowledge(alarm, byComposite);
  return alarm;
}

/** The budget of 30 days is spent at a rate, over a long window and still over a short one; an alarm has one window. */
function burnRule(
  stack: Stack,
  { burn, scorerName }: { readonly burn: (typeof burns)[number]; readonly scorerName: string },
): cloudwatch.IAlarmRule {
  const alarms = [burn.long, burn.short].map((period, index) => {
    const alarm = new cloudwatch.Alarm(stack, `Errors${burn.name}${index === 0 ? 'Long' : 'Short'}`, {
      alarmDescription: `Failed calls spend the budget of 30 days ${burn.rate} times too fast. docs/runbook/scoring-errors.md`,
      metric: new cloudwatch.MathExpression({
        expression: 'IF(calls > 0, errors / calls, 0)',
        usingMetrics: {
          errors: metrics.functionMetric(scorerName, 'Errors', period),
          calls: metrics.functionMetric(scorerName, 'Invocations', period),
        },
        period,
        label: 'share of calls that fail',
      }),
      threshold: burn.rate * errorBudget,
      evaluationPeriods: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    acknowledge(alarm, byComposite);
    return alarm;
  });
  return cloudwatch.AlarmRule.allOf(...alarms);
}

/** Of callers who wait: what is promised of errors and of time. Where requests fail people hear of that alone. */
function watchApi(stack: Stack, { config, people }: { readonly config: Config; readonly people: sns.Topic }): void {
  const made = (alarm: cloudwatch.Alarm): void => acknowledge(alarm, byComposite);
  const available = { missed: 'available', budget: availabilityBudget, page: 'scoring-errors' } as const;
  const failing = burnRules(stack, config, available, made);
  const slow = cloudwatch.AlarmRule.anyOf(
    ...latencyObjectives.map(({ milliseconds, budget }) =>
      burnRules(stack, config, { missed: milliseconds, budget, page: 'latency' }, made),
    ),
  );
  page(stack, {
    id: 'ApiFails',
    rule: failing,
    people,
    text: 'Requests of the score API fail. docs/runbook/scoring-errors.md',
  });
  page(stack, {
    id: 'ApiSlow',
    rule: cloudwatch.AlarmRule.allOf(slow, cloudwatch.AlarmRule.not(failing)),
    people,
    text: 'Answers of the score API take longer than promised. docs/runbook/latency.md',
  });
}

const byComposite = {
  'PCI.DSS.321-CloudWatchAlarmAction': 'The composite alarm that it is part of tells people, once.',
};

function page(
  stack: Stack,
  { id, rule, people, text }: { id: string; rule: cloudwatch.IAlarmRule; people: sns.Topic; text: string },
): void {
  const alarm = new cloudwatch.CompositeAlarm(stack, id, { alarmRule: rule, alarmDescription: text });
  alarm.addAlarmAction(new SnsAction(people));
  alarm.addOkAction(new SnsAction(people));
}

function makeBoard(
  stack: Stack,
  { config, lags, scorerName }: { config: Config; lags: cloudwatch.IMetric[]; scorerName: string | null },
): void {
  const minute = Duration.minutes(1);
  const rows: cloudwatch.IWidget[] = [
    graph('Lag, seconds', lags, [{ value: lagSecondsMax, label: 'too late to answer' }]),
    graph(
      'Decisions a minute, by outcome',
      metrics.outcomes.map((one) => metrics.countMetric(`decisions.${one}`)),
    ),
    graph('Late, too late, dead letters, copies a minute', [
      ...['late', 'tooLate', 'duplicates'].map((name) => metrics.countMetric(name)),
      deadLetters(minute),
    ]),
    ...(scorerName === null
      ? [
          graph(
            'From a record to its decision, ms',
            [50, 95, 99].map((percentile) => metrics.latencyMetric(percentile)),
            [
              { value: 180, label: 'p95 as promised' },
              { value: 380, label: 'p99 as promised' },
            ],
          ),
        ]
      : [
          graph(
            'A batch of the scorer, ms',
            [50, 95, 99].map((percentile) => metrics.durationMetric(scorerName, percentile)),
            [
              { value: 180, label: 'p95 as promised' },
              { value: 380, label: 'p99 as promised' },
            ],
          ),
          graph('Calls of the scorer', [
            metrics.functionMetric(scorerName, 'Invocations'),
            metrics.functionMetric(scorerName, 'Errors'),
            metrics.functionMetric(scorerName, 'Throttles'),
          ]),
        ]),
    graph(
      'Effectively once: copies, conflicts and former owners refused a minute',
      ['duplicates', 'deadLetters.conflict', 'errors.FENCED'].map((name) => metrics.countMetric(name)),
    ),
    ...(config.apiRequestsPerSecond === undefined ? [] : apiRows(config)),
    graph('USD a million decisions, list price of what is deployed over what was decided', [costOfDecisions(config)]),
  ];
  new cloudwatch.Dashboard(stack, 'Board', {
    dashboardName: config.name,
    defaultInterval: Duration.hours(3),
    widgets: rows.map((widget) => [widget]),
  });
}

/** What callers of the score API see. */
function apiRows(config: Config): cloudwatch.IWidget[] {
  const inTime = [50, ...latencyObjectives.map(({ milliseconds }) => milliseconds)];
  return [
    graph('Requests of the score API a minute', [
      apiMetric(config, { metricName: 'Count', statistic: 'Sum', label: 'requests' }),
      apiMetric(config, { metricName: '4XXError', statistic: 'Sum', label: 'refused' }),
      apiMetric(config, { metricName: '5XXError', statistic: 'Sum', label: 'failed' }),
    ]),
    graph(
      'How long a caller waits, ms',
      (['p50', 'p95', 'p99'] as const).map((statistic) =>
        apiMetric(config, { metricName: 'Latency', statistic, label: statistic }),
      ),
      [
        { value: 180, label: 'p95 as promised' },
        { value: 380, label: 'p99 as promised' },
      ],
    ),
    graph(
      'Answers in time, percent',
      inTime.map((milliseconds) =>
        apiMetric(config, {
          metricName: 'Latency',
          statistic: `PR(:${milliseconds})`,
          label: `within ${milliseconds} ms`,
        }),
      ),
      [
        { value: 95, label: '95 % within 180 ms' },
        { value: 99, label: '99 % within 380 ms, ours: 50 ms' },
      ],
    ),
  ];
}

function graph(
  title: string,
  left: cloudwatch.IMetric[],
  leftAnnotations: cloudwatch.HorizontalAnnotation[] = [],
): cloudwatch.GraphWidget {
  return new cloudwatch.GraphWidget({ title, left, leftAnnotations, width: 24, height: 6, leftYAxis: { min: 0 } });
}

/** Dead letters are counted by their codes: all of them together. */
function deadLetters(period: Duration): cloudwatch.MathExpression {
  return new cloudwatch.MathExpression({
    expression: `SUM(SEARCH('{Weir} MetricName=deadLetters', 'Sum', ${period.toSeconds()}))`,
    usingMetrics: {},
    label: 'deadLetters',
    period,
  });
}

/** What the deployed design costs an hour, by the cost model, over the decisions of the hour. */
function costOfDecisions(config: Config): cloudwatch.MathExpression {
  const hour = Duration.hours(1);
  const isMsk = config.backbone === 'msk';
  const [spot, functions] = isMsk ? ['msk-spot', 'msk-lambda'] : ['kinesis-spot', 'kinesis-lambda-write'];
  const id = config.runtime === 'ecs-spot' ? spot : functions;
  const design = designs.find((one) => one.id === id);
  if (design === undefined) throw new Error(`got no design ${id}`);
  const { usdMonth } = costOf(
    design,
    createLoad({ ...config, workload: 'payments', ledgerUnitsPerEvent: 1, workerCpuUs: config.cpuUsPerEvent }),
  );
  return new cloudwatch.MathExpression({
    expression: `IF(decisions > 0, ${(usdMonth / 730).toFixed(4)} * 1000000 / decisions)`,
    usingMetrics: { decisions: metrics.decisionsMetric(hour) },
    label: 'USD a million',
    period: hour,
  });
}
