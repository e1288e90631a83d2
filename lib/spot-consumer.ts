import { Duration, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc } from 'aws-cdk-lib/aws-ec2';
import { Repository } from 'aws-cdk-lib/aws-ecr';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { Config } from './config.ts';

export type SpotConsumerProps = {
  readonly config: Config;
  readonly vpc: IVpc;
  readonly clients: ISecurityGroup;
  readonly dataKey: IKey;
  readonly cluster: ecs.ICluster;
  /** The worker's arguments; no variable of the environment, which anyone who may look at the task would read. */
  readonly command: readonly string[];
  readonly fileSystemId: string;
  readonly accessPointId: string;
  readonly tasksMin: number;
};

/** Between SIGTERM and SIGKILL: Spot gives two minutes, and the default takes 30 s of them. */
const stopSeconds = 120;
const metricsPort = 9464;
const stateVolume = 'state';
/** Where the folder of the partitions is in the container. */
export const statePath = '/state';

/**
 * Workers of a Kafka group on Fargate: some on demand, which never go away all at once, the rest on Spot; beside them a
 * service on demand that stands at zero until Spot is short.
 */
export class SpotConsumerService extends Construct {
  readonly task: ecs.FargateTaskDefinition;
  readonly spot: ecs.FargateService;
  readonly surge: ecs.FargateService;

  constructor(scope: Construct, id: string, props: SpotConsumerProps) {
    super(scope, id);
    this.task = makeTask(this, props);
    const { cluster, vpc, clients, config, tasksMin } = props;
    const common = {
      cluster,
      taskDefinition: this.task,
      assignPublicIp: false,
      vpcSubnets: { subnets: vpc.isolatedSubnets },
      securityGroups: [clients],
      circuitBreaker: { enable: true, rollback: true },
      // A member that starts takes partitions of one that still runs: never fewer than all, a half more at most.
      minHealthyPercent: 100,
      maxHealthyPercent: 150,
      enableECSManagedTags: true,
      propagateTags: ecs.PropagatedTagSource.SERVICE,
      enableExecuteCommand: false,
    };
    this.spot = new ecs.FargateService(this, 'Spot', {
      ...common,
      serviceName: `${config.name}-workers`,
      desiredCount: tasksMin,
      capacityProviderStrategies: [
        { capacityProvider: 'FARGATE', base: Math.max(1, Math.ceil(tasksMin / 4)), weight: 0 },
        { capacityProvider: 'FARGATE_SPOT', weight: 1 },
      ],
    });
    this.surge = new ecs.FargateService(this, 'Surge', {
      ...common,
      serviceName: `${config.name}-surge`,
      desiredCount: 0,
      capacityProviderStrategies: [{ capacityProvider: 'FARGATE', weight: 1 }],
    });
  }
}

function makeTask(scope: Construct, props: SpotConsumerProps): ecs.FargateTaskDefinition {
  const { config, dataKey, command, fileSystemId, accessPointId } = props;
  const task = new ecs.FargateTaskDefinition(scope, 'Task', {
    family: `${config.name}-worker`,
    cpu: 1024,
    memoryLimitMiB: 2048,
    runtimePlatform: {
      cpuArchitecture: ecs.CpuArchitecture.ARM64,
      operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
    },
    volumes: [
      {
        name: stateVolume,
        efsVolumeConfiguration: {
          fileSystemId,
          transitEncryption: 'ENABLED',
          authorizationConfig: { accessPointId, iam: 'ENABLED' },
        },
      },
    ],
  });
  const logGroup = new LogGroup(scope, 'Logs', {
    logGroupName: `/${config.name}/workers`,
    encryptionKey: dataKey,
    retention: RetentionDays.ONE_YEAR,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const container = task.addContainer('worker', {
    image: imageOf(scope, config),
    command: [...command, '--metrics-port', String(metricsPort), '--metric-lines'],
    logging: ecs.LogDrivers.awsLogs({ logGroup, streamPrefix: 'worker', mode: ecs.AwsLogDriverMode.NON_BLOCKING }),
    stopTimeout: Duration.seconds(stopSeconds),
    readonlyRootFilesystem: true,
    user: '1000',
    healthCheck: {
      command: [
        'CMD',
        'node',
        '-e',
        `fetch('http://127.0.0.1:${metricsPort}/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))`,
      ],
      interval: Duration.seconds(15),
      startPeriod: Duration.seconds(60),
    },
    portMappings: [{ containerPort: metricsPort }],
  });
  container.addMountPoints({ sourceVolume: stateVolume, containerPath: statePath, readOnly: false });
  acknowledge(task, {
    'AwsSolutions-IAM5[Resource::*]': 'ecr:GetAuthorizationToken has no resource.',
  });
  return task;
}

/** The image of ECR by its address. Only its own repository may be pulled. */
function imageOf(scope: Construct, { imageUri = '' }: Config): ecs.ContainerImage {
  const [, account = '', region = '', repositoryName = '', mark = ''] =
    /^(\d{12})\.dkr\.ecr\.([\w-]+)\.amazonaws\.com(?:\.cn)?\/([\w./-]+)[:@]([\w.:-]+)$/.exec(imageUri) ?? [];
  const repository = Repository.fromRepositoryAttributes(scope, 'Image', {
    repositoryName,
    repositoryArn: `arn:${Stack.of(scope).partition}:ecr:${region}:${account}:repository/${repositoryName}`,
  });
  return ecs.ContainerImage.fromEcrRepository(repository, mark);
}

/** The bare ids of a file system's ARNs, for statements of mounting. */
export function fileSystemArns(
  scope: Construct,
  { fileSystemId, accessPointId }: Pick<SpotConsumerProps, 'fileSystemId' | 'accessPointId'>,
): { readonly fileSystem: string; readonly accessPoint: string } {
  const { partition, region, account } = Stack.of(scope);
  const head = `arn:${partition}:elasticfilesystem:${region}:${account}`;
  return {
    fileSystem: Fn.join('', [head, ':file-system/', fileSystemId]),
    accessPoint: Fn.join('', [head, ':access-point/', accessPointId]),
  };
}
