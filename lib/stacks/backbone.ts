import { Duration, Fn, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as msk from 'aws-cdk-lib/aws-msk';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { ClusterAccess } from '../cluster-access.ts';
import type { Config } from '../config.ts';
import type { Sizes } from '../derived-sizes.ts';
import { DomainTopic, idOfTopic, type TopicShape } from '../domain-topic.ts';
import { share, shared } from '../shared-names.ts';
import { networkOf } from './network.ts';
import { dataKeyOf } from './security.ts';

export type BackboneProps = StackProps & {
  readonly config: Config;
  readonly sizes: Sizes;
  /** The topics of all contracts; those that begin with another's name are its twins. */
  readonly topics: readonly TopicShape[];
};

/** The port of MSK's listener that takes IAM. */
const iamPort = 9098;

/** The log: MSK Express with the topics of the contracts. */
export class MskStack extends Stack {
  readonly domainTopics: readonly DomainTopic[];

  constructor(scope: Construct, id: string, { config, sizes, topics, ...props }: BackboneProps) {
    super(scope, id, props);
    const { vpc, clients, subnetIds } = networkOf(this, config);
    const dataKey = dataKeyOf(this, config);
    const brokers = new ec2.SecurityGroup(this, 'Brokers', {
      vpc,
      description: 'Brokers: Kafka with IAM from clients.',
    });
    brokers.addIngressRule(clients, ec2.Port.tcp(iamPort), 'Kafka with IAM');
    brokers.addIngressRule(brokers, ec2.Port.tcp(iamPort), 'Pollers of functions connect from this group');
    const logGroup = new LogGroup(this, 'BrokerLogs', {
      logGroupName: `/${config.name}/brokers`,
      encryptionKey: dataKey,
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const cluster = new msk.CfnCluster(this, 'Cluster', {
      clusterName: config.name,
      kafkaVersion: config.kafkaVersion,
      numberOfBrokerNodes: sizes.brokers.value,
      brokerNodeGroupInfo: {
        instanceType: 'express.m7g.large',
        clientSubnets: subnetIds,
        securityGroups: [brokers.securityGroupId],
      },
      clientAuthentication: {
        sasl: { iam: { enabled: true } },
        unauthenticated: { enabled: false },
      },
      encryptionInfo: {
        encryptionAtRest: { dataVolumeKmsKeyId: dataKey.keyArn },
        encryptionInTransit: { clientBroker: 'TLS', inCluster: true },
      },
      // Lag of groups is told at this level, and costs nothing.
      enhancedMonitoring: 'DEFAULT',
      loggingInfo: { brokerLogs: { cloudWatchLogs: { enabled: true, logGroup: logGroup.logGroupName } } },
    });
    cluster.applyRemovalPolicy(RemovalPolicy.RETAIN);
    const clusterUuid = Fn.select(2, Fn.split('/', cluster.attrArn, 3));
    const access = { clusterArn: cluster.attrArn, clusterName: config.name, clusterUuid };
    this.domainTopics = makeTopics(this, access, topics);
    share(this, config.name, { key: 'backbone/cluster-arn', value: cluster.attrArn });
    share(this, config.name, { key: 'backbone/cluster-uuid', value: clusterUuid });
  }
}

/** The log: a Kinesis stream. */
export class KinesisStack extends Stack {
  readonly #dataKey: IKey;

  constructor(scope: Construct, id: string, { config, sizes, ...props }: BackboneProps) {
    super(scope, id, props);
    this.#dataKey = dataKeyOf(this, config);
    const stream = this.#makeStream('Events', { config, shards: sizes.shards.value, streamName: config.name });
    // Workers write their decisions to a stream of their own.
    if (config.runtime === 'ecs-spot')
      this.#makeStream('Decisions', { config, shards: sizes.shards.value, streamName: decisionsStream(config) });
    share(this, config.name, { key: 'backbone/stream-arn', value: stream.streamArn });
  }

  #makeStream(
    id: string,
    { config, shards, streamName }: { readonly config: Config; readonly shards: number; readonly streamName: string },
  ): kinesis.Stream {
    const stream = new kinesis.Stream(this, id, {
      streamName,
      streamMode: kinesis.StreamMode.PROVISIONED,
      shardCount: shards,
      retentionPeriod: Duration.hours(config.retentionHours),
      encryption: kinesis.StreamEncryption.KMS,
      encryptionKey: this.#dataKey,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    acknowledge(stream, {
      'AwsSolutions-KDS3': 'A key of ours, whose use is logged and can be ended: that is worth its price a call.',
    });
    return stream;
  }
}

/** The stream that workers on Kinesis write decisions to. */
export function decisionsStream({ name }: Pick<Config, 'name'>): string {
  return `${name}-decisions`;
}

/** The cluster as other stacks see it. */
export function clusterOf(scope: Construct, config: Config): ClusterAccess {
  return {
    clusterArn: shared(scope, config.name, 'backbone/cluster-arn'),
    clusterName: config.name,
    clusterUuid: shared(scope, config.name, 'backbone/cluster-uuid'),
  };
}

/** A construct for each contract: its topic, and the twins that are named after it. */
function makeTopics(scope: Construct, access: ClusterAccess, topics: readonly TopicShape[]): DomainTopic[] {
  const own = topics.filter(({ topic }) => !topics.some((other) => topic.startsWith(`${other.topic}.`)));
  return own.map((shape) => {
    const shapes = [shape, ...topics.filter(({ topic }) => topic.startsWith(`${shape.topic}.`))];
    return new DomainTopic(scope, idOfTopic(shape.topic), { access, shapes });
  });
}
