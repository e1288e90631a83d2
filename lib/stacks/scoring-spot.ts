import { Fn, Stack } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { decisionContract } from '../../core/contract/decision.ts';
import { acknowledgeStars } from '../acknowledge.ts';
import { grantConsume, grantProduce, grantTransactions, timeLagMetric } from '../cluster-access.ts';
import type { Config } from '../config.ts';
import { scaleWorkers } from '../scale-workers.ts';
import { shared } from '../shared-names.ts';
import { fileSystemArns, SpotConsumerService, statePath } from '../spot-consumer.ts';
import { clusterOf } from './backbone.ts';
import { networkOf } from './network.ts';
import type { ScoringProps } from './scoring-lambda.ts';
import { dataKeyOf } from './security.ts';

/** The group of the workers. */
export function workerGroup({ name }: Pick<Config, 'name'>): string {
  return `${name}-workers`;
}

/** Workers on Fargate Spot that score the records of MSK topics, with their state in a folder that all reach. */
export class SpotStack extends Stack {
  constructor(scope: Construct, id: string, { config, sizes, inputs, ...props }: ScoringProps) {
    super(scope, id, props);
    const { vpc, clients } = networkOf(this, config);
    const dataKey = dataKeyOf(this, config);
    const access = clusterOf(this, config);
    const cluster = new ecs.Cluster(this, 'Cluster', {
      clusterName: config.name,
      vpc,
      enableFargateCapacityProviders: true,
      containerInsightsV2: ecs.ContainerInsights.ENABLED,
    });
    const folder = {
      fileSystemId: shared(this, config.name, 'state/file-system'),
      accessPointId: shared(this, config.name, 'state/access-point'),
    };
    const group = workerGroup(config);
    const service = new SpotConsumerService(this, 'Workers', {
      config,
      vpc,
      clients,
      dataKey,
      cluster: cluster as ecs.ICluster,
      ...folder,
      tasksMin: sizes.tasksMin.value,
      command: [
        'run',
        '--source',
        Fn.join('', ['kafka://', access.clusterArn, '/', inputs.join(',')]),
        '--auth',
        'msk-iam',
        '--group',
        group,
        '--state',
        statePath,
        ...scoringArguments(config),
      ],
    });
    const role = service.task.taskRole;
    grantConsume(access, role, { topics: inputs, group });
    grantProduce(access, role, [decisionContract.topic]);
    const transactions = grantTransactions(access, role, group);
    role.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['kafka:GetBootstrapBrokers'], resources: [access.clusterArn] }),
    );
    const arns = fileSystemArns(this, folder);
    role.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['elasticfilesystem:ClientMount', 'elasticfilesystem:ClientWrite'],
        resources: [arns.fileSystem],
        conditions: { StringEquals: { 'elasticfilesystem:AccessPointArn': arns.accessPoint } },
      }),
    );
    const lag = timeLagMetric(access, { topic: inputs[0] ?? '', group });
    scaleWorkers(service, { sizes, lag, clusterName: config.name });
    acknowledgeStars(service.task, {
      resources: [transactions],
      reason: 'Transactions of a worker are named after its group and its partition: their ids have one prefix.',
    });
  }
}

/** The files in the image that the workers score with. */
function scoringArguments({ scoring }: Config): string[] {
  return Object.entries(scoring ?? {}).flatMap(([name, path]) => [`--${name}`, path]);
}
