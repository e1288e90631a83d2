import { Duration, type Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Config } from './config.ts';

/** The rates at which a budget of 30 days is spent too fast, over a long window and still over a short one. */
export const burns = [
  { name: 'Fast', rate: 14.4, long: Duration.hours(1), short: Duration.minutes(5) },
  { name: 'Slow', rate: 6, long: Duration.hours(6), short: Duration.minutes(30) },
] as const;

/** What is promised of answers: the share that may take longer. Our own 50 ms are on the board and page nobody. */
export const latencyObjectives = [
  { milliseconds: 180, budget: 0.05 },
  { milliseconds: 380, budget: 0.01 },
] as const;
/** 99.97 % of requests are answered without an error of ours. */
export const availabilityBudget = 0.0003;

type ApiStatistic = 'Sum' | 'p50' | 'p95' | 'p99' | `PR(:${number})`;

/** A metric of the gateway before the score API. `PR(:N)` is the share of values up to N, in percent. */
export function apiMetric(
  { name }: Pick<Config, 'name'>,
  metric: {
    readonly metricName: '4XXError' | '5XXError' | 'Count' | 'Latency';
    readonly statistic: ApiStatistic;
    readonly period?: Duration;
    readonly label?: string;
  },
): cloudwatch.Metric {
  const { metricName, statistic, period = Duration.minutes(1), label = metricName } = metric;
  const dimensionsMap = { ApiName: name, Stage: 'live' };
  return new cloudwatch.Metric({ namespace: 'AWS/ApiGateway', metricName, dimensionsMap, statistic, period, label });
}

/** The share of requests that missed an objective over a period. */
function missed(config: Config, objective: number | 'available', period: Duration): cloudwatch.IMetric {
  if (objective === 'available')
    return new cloudwatch.MathExpression({
      expression: 'IF(calls > 0, errors / calls, 0)',
      usingMetrics: {
        errors: apiMetric(config, { metricName: '5XXError', statistic: 'Sum', period }),
        calls: apiMetric(config, { metricName: 'Count', statistic: 'Sum', period }),
      },
      period,
      label: 'share of requests that fail',
    });
  const inTime = apiMetric(config, { metricName: 'Latency', statistic: `PR(:${objective})`, period });
  return new cloudwatch.MathExpression({
    expression: '1 - inTime / 100',
    usingMetrics: { inTime },
    period,
    label: `share of answers after ${objective} ms`,
  });
}

/** Alarms of an objective whose budget is spent too fast: any burn, and of each both of its windows. */
export function burnRules(
  stack: Stack,
  config: Config,
  objective: { readonly missed: number | 'available'; readonly budget: number; readonly page: string },
  made: (alarm: cloudwatch.Alarm) => void,
): cloudwatch.IAlarmRule {
  const name = objective.missed === 'available' ? 'ApiErrors' : `ApiAfter${objective.missed}ms`;
  const rules = burns
    .filter(({ rate }) => rate * objective.budget < 1)
    .map(({ name: speed, rate, long, short }) => {
      const alarms = [long, short].map((period, index) => {
        const alarm = new cloudwatch.Alarm(stack, `${name}${speed}${index === 0 ? 'Long' : 'Short'}`, {
          alarmDescription: `The budget of 30 days goes ${rate} times as fast as it may. docs/runbook/${objective.page}.md`,
          metric: missed(config, objective.missed, period),
          threshold: Number((rate * objective.budget).toPrecision(6)),
          evaluationPeriods: 1,
          comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
          treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
        });
        made(alarm);
        return alarm;
      });
      return cloudwatch.AlarmRule.allOf(...alarms);
    });
  return cloudwatch.AlarmRule.anyOf(...rules);
}
