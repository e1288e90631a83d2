import { Arn, Stack } from 'aws-cdk-lib';
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { decisionContract } from '../../core/contract/decision.ts';
import { acknowledgeStars } from '../acknowledge.ts';
import { grantConsume, grantProduce, grantTransactions, timeLagMetric, transactionsArn } from '../cluster-access.ts';
import type { Config } from '../config.ts';
import { scaleWorkers } from '../scale-workers.ts';
import { shared } from '../shared-names.ts';
import { grantTables, leasesTable, tableArn, tableNameOf } from '../state-tables.ts';
import { lagMetrics } from '../watched-metrics.ts';
import { fileSystemArns, SpotConsumerService, statePath } from '../spot-consumer.ts';
import { clusterOf, decisionsStream } from './backbone.ts';
import { networkOf } from './network.ts';
import type { ScoringProps } from './scoring-lambda.ts';
import { dataKeyOf, grantDataKey } from './security.ts';

/** The group of the workers. */
export function workerGroup({ name }: Pick<Config, 'name'>): string {
  return `${name}-workers`;
}

/** Workers on Fargate Spot that score the records of MSK topics or a stream, with their state in a folder that all reach. */
export class SpotStack extends Stack {
  constructor(scope: Construct, id: string, { config, sizes, inputs, ...props }: ScoringProps) {
    super(scope, id, props);
    const { vpc, clients } = networkOf(this, config);
    const dataKey = dataKeyOf(this, config);
    const source =
      config.backbone === 'msk' ? mskSource(this, { config, inputs }) : kinesisSource(this, { config, dataKey });
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
        ...source.command,
        '--group',
        workerGroup(config),
        '--state',
        statePath,
        ...scoringArguments(config),
      ],
    });
    const role = service.task.taskRole;
    source.grant(role);
    const arns = fileSystemArns(this, folder);
    role.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['elasticfilesystem:ClientMount', 'elasticfilesystem:ClientWrite'],
        resources: [arns.fileSystem],
        conditions: { StringEquals: { 'elasticfilesystem:AccessPointArn': arns.accessPoint } },
      }),
    );
    scaleWorkers(service, { sizes, lag: source.lag, clusterName: config.name });
    acknowledgeStars(service.task, source.stars);
  }
}

/** What a worker reads: its arguments, its rights, how far it is behind. */
type Source = {
  readonly command: readonly string[];
  readonly grant: (role: IRole) => void;
  readonly lag: IMetric;
  readonly stars: { readonly resources: readonly string[]; readonly reason: string };
};

function mskSource(stack: Stack, { config, inputs }: Pick<ScoringProps, 'config' | 'inputs'>): Source {
  const access = clusterOf(stack, config);
  const group = workerGroup(config);
  return {
    command: ['--source', `kafka://${access.clusterArn}/${inputs.join(',')}`, '--auth', 'msk-iam'],
    grant: (role) => {
      grantConsume(access, role, { topics: inputs, group });
      grantProduce(access, role, [decisionContract.topic]);
      grantTransactions(access, role, group);
      role.addToPrincipalPolicy(
        new PolicyStatement({ actions: ['kafka:GetBootstrapBrokers'], resources: [access.clusterArn] }),
      );
    },
    lag: timeLagMetric(access, { topic: inputs[0] ?? '', group }),
    stars: {
      resources: [transactionsArn(access, group)],
      reason: 'Transactions of a worker are named after its group and its partition: their ids have one prefix.',
    },
  };
}

function kinesisSource(stack: Stack, { config, dataKey }: { readonly config: Config; readonly dataKey: IKey }): Source {
  const streamArn = (name: string): string =>
    Arn.format({ service: 'kinesis', resource: 'stream', resourceName: name }, stack);
  const decisions = decisionsStream(config);
  const leases = tableNameOf(config, leasesTable);
  const [lag] = lagMetrics(config, { access: null, groups: new Map() });
  if (lag === undefined) throw new Error('got no metric of lag, expected one');
  return {
    command: ['--source', `kinesis://${config.name}`, '--decisions', decisions, '--leases', leases],
    grant: (role) => {
      const read = ['kinesis:ListShards', 'kinesis:GetShardIterator', 'kinesis:GetRecords'];
      role.addToPrincipalPolicy(new PolicyStatement({ actions: read, resources: [streamArn(config.name)] }));
      role.addToPrincipalPolicy(
        new PolicyStatement({
          actions: ['kinesis:ListShards', 'kinesis:PutRecords'],
          resources: [streamArn(decisions)],
        }),
      );
      grantTables(stack, { config, grantee: role, tables: [leasesTable], actions: ['Query', 'UpdateItem'] });
      // A worker asks for the table to be made each time that it starts: it is there.
      role.addToPrincipalPolicy(
        new PolicyStatement({
          actions: ['dynamodb:CreateTable', 'dynamodb:DescribeTable'],
          resources: [tableArn(stack, config, leasesTable)],
        }),
      );
      grantDataKey(dataKey, role);
    },
    lag,
    stars: { resources: [], reason: '' },
  };
}

/** The files in the image that the workers score with. */
function scoringArguments({ scoring }: Config): string[] {
  return Object.entries(scoring ?? {}).flatMap(([name, path]) => [`--${name}`, path]);
}
