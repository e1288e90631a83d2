import { Duration } from 'aws-cdk-lib';
import { AdjustmentType } from 'aws-cdk-lib/aws-applicationautoscaling';
import { type IMetric, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type * as ecs from 'aws-cdk-lib/aws-ecs';
import type { Sizes } from './derived-sizes.ts';
import type { SpotConsumerService } from './spot-consumer.ts';

/** Seconds of lag at which tasks are added: one in a fifth more, then half as many, then twice. */
const lagSteps = { some: 2, much: 10, grave: 60 } as const;
const cpuPercent = 65;

/**
 * CPU is the floor: it follows the load. Lag comes on top, in steps. What Spot does not give, tasks on demand do. There are
 * never more of all together than partitions. All alarms of a lag treat missing data as none: it is missing while a group
 * rebalances.
 */
export function scaleWorkers(
  service: SpotConsumerService,
  { sizes, lag, clusterName }: { readonly sizes: Sizes; readonly lag: IMetric; readonly clusterName: string },
): void {
  const tasks = service.spot.autoScaleTaskCount({
    minCapacity: sizes.tasksMin.value,
    maxCapacity: sizes.tasksMax.value,
  });
  tasks.scaleOnCpuUtilization('Cpu', {
    targetUtilizationPercent: cpuPercent,
    scaleOutCooldown: Duration.seconds(60),
    scaleInCooldown: Duration.minutes(10),
  });
  tasks.scaleOnMetric('Lag', {
    metric: lag,
    adjustmentType: AdjustmentType.PERCENT_CHANGE_IN_CAPACITY,
    minAdjustmentMagnitude: 1,
    cooldown: Duration.minutes(2),
    evaluationPeriods: 1,
    scalingSteps: [
      { upper: 0, change: 0 },
      { lower: lagSteps.some, change: 20 },
      { lower: lagSteps.much, change: 50 },
      { lower: lagSteps.grave, change: 100 },
    ],
  });
  const surge = service.surge.autoScaleTaskCount({ minCapacity: 0, maxCapacity: sizes.surgeMax.value });
  surge.scaleOnMetric('SpotIsShort', {
    metric: missingTasks(service.spot, clusterName),
    adjustmentType: AdjustmentType.EXACT_CAPACITY,
    cooldown: Duration.minutes(3),
    evaluationPeriods: 3,
    scalingSteps: surgeSteps(sizes.surgeMax.value),
  });
}

/** Tasks that are wanted and do not run. */
function missingTasks(service: ecs.FargateService, clusterName: string): MathExpression {
  const metric = (metricName: string): Metric =>
    new Metric({
      namespace: 'ECS/ContainerInsights',
      metricName,
      dimensionsMap: { ClusterName: clusterName, ServiceName: service.serviceName },
      statistic: 'Average',
      period: Duration.minutes(1),
    });
  return new MathExpression({
    expression: 'desired - running',
    usingMetrics: { desired: metric('DesiredTaskCount'), running: metric('RunningTaskCount') },
    label: 'tasks that Spot does not give',
    period: Duration.minutes(1),
  });
}

/** As many on demand as are missing, in three steps. */
function surgeSteps(max: number): { lower?: number; upper?: number; change: number }[] {
  const third = Math.max(1, Math.ceil(max / 3));
  return [
    { upper: 0, change: 0 },
    { lower: 1, change: Math.min(max, third) },
    { lower: third + 1, change: Math.min(max, 2 * third) },
    { lower: 2 * third + 1, change: max },
  ];
}
