import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { type ClusterAccess, timeLagMetric } from './cluster-access.ts';
import type { Config } from './config.ts';

const minute = Duration.minutes(1);

/** The outcomes that the functions count by. */
export const outcomes = ['approve', 'review', 'stepUp', 'decline'] as const;

/** A sum that the functions tell; without a dimension, as one a card or an account would be a metric each. */
export function countMetric(name: string, period: Duration = minute): Metric {
  return new Metric({ namespace: 'Weir', metricName: name, statistic: Stats.SUM, period, label: name });
}

/** Decisions of all outcomes; those that did not occur told nothing, which is 0 and not unknown. */
export function decisionsMetric(period: Duration): MathExpression {
  return new MathExpression({
    expression: outcomes.map((one) => `FILL(${one}, 0)`).join(' + '),
    usingMetrics: Object.fromEntries(outcomes.map((one) => [one, countMetric(`decisions.${one}`, period)])),
    label: 'decisions',
    period,
  });
}

/** Lag in seconds of everything that reads the log: a line a topic, or one for the stream. */
export function lagMetrics(
  { name }: Pick<Config, 'name'>,
  { access, groups }: { readonly access: ClusterAccess | null; readonly groups: ReadonlyMap<string, string> },
): IMetric[] {
  if (access !== null) return [...groups].map(([topic, group]) => timeLagMetric(access, { topic, group }));
  const age = new Metric({
    namespace: 'AWS/Kinesis',
    metricName: 'GetRecords.IteratorAgeMilliseconds',
    dimensionsMap: { StreamName: name },
    statistic: Stats.MAXIMUM,
    period: minute,
  });
  return [new MathExpression({ expression: 'age / 1000', usingMetrics: { age }, label: 'lag, s', period: minute })];
}

/** A percentile of how long records wait for their decisions, ms, as workers tell it. */
export function latencyMetric(percentile: number): Metric {
  return new Metric({
    namespace: 'Weir',
    metricName: 'latencyMs',
    statistic: Stats.p(percentile),
    period: minute,
    label: `p${percentile}`,
  });
}

/** A percentile of how long a function takes for a batch, ms. */
export function durationMetric(functionName: string, percentile: number): Metric {
  return new Metric({
    namespace: 'AWS/Lambda',
    metricName: 'Duration',
    dimensionsMap: { FunctionName: functionName },
    statistic: Stats.p(percentile),
    period: minute,
    label: `p${percentile}`,
  });
}

/** Calls of a function, or what went wrong with them. */
export function functionMetric(
  functionName: string,
  metricName: 'Errors' | 'Invocations' | 'Throttles',
  period: Duration = minute,
): Metric {
  return new Metric({
    namespace: 'AWS/Lambda',
    metricName,
    dimensionsMap: { FunctionName: functionName },
    statistic: Stats.SUM,
    period,
    label: metricName,
  });
}
