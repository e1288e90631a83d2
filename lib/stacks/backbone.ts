import { Duration, Fn, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as msk from 'aws-cdk-lib/aws-msk';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
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

/** Ports of MSK's listeners in the network. */
const brokerPorts = { iam: 9098, scram: 9096 } as const;

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
    brokers.addIngressRule(clients, ec2.Port.tcp(brokerPorts.iam), 'Kafka with IAM');
    brokers.addIngressRule(clients, ec2.Port.tcp(443), 'Pollers of functions, whose interfaces bear this group too');
    brokers.addIngressRule(brokers, ec2.Port.tcp(brokerPorts.iam), 'Pollers of functions connect from this group');
    const isScram = config.capture.kind === 'dms';
    if (isScram) brokers.addIngressRule(clients, ec2.Port.tcp(brokerPorts.scram), 'Kafka with SCRAM, for DMS');
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
        sasl: { iam: { enabled: true }, ...(isScram ? { scram: { enabled: true } } : {}) },
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
    if (isScram) addScramUser(this, { config, clusterArn: cluster.attrArn, dataKey });
  }
}

/** The log: a Kinesis stream. */
export class KinesisStack extends Stack {
  constructor(scope: Construct, id: string, { config, sizes, ...props }: BackboneProps) {
    super(scope, id, props);
    const stream = new kinesis.Stream(this, 'Events', {
      streamName: config.name,
      streamMode: kinesis.StreamMode.PROVISIONED,
      shardCount: sizes.shards.value,
      retentionPeriod: Duration.hours(config.retentionHours),
      encryption: kinesis.StreamEncryption.KMS,
      encryptionKey: dataKeyOf(this, config),
      removalPolicy: RemovalPolicy.RETAIN,
    });
    acknowledge(stream, {
      'AwsSolutions-KDS3': 'A key of ours, whose use is logged and can be ended: that is worth its price a call.',
    });
    share(this, config.name, { key: 'backbone/stream-arn', value: stream.streamArn });
  }
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

/** DMS cannot sign in by IAM: it has a user of its own, whose secret must be named so and have a key of ours. */
function addScramUser(
  stack: Stack,
  { config, clusterArn, dataKey }: { config: Config; clusterArn: string; dataKey: IKey },
): void {
  const secret = new Secret(stack, 'ScramUser', {
    secretName: `AmazonMSK_${config.name}-dms`,
    encryptionKey: dataKey,
    generateSecretString: {
      secretStringTemplate: JSON.stringify({ username: 'dms' }),
      generateStringKey: 'password',
      excludePunctuation: true,
    },
  });
  new msk.CfnBatchScramSecret(stack, 'ScramSecret', { clusterArn, secretArnList: [secret.secretArn] });
  share(stack, config.name, { key: 'backbone/scram-secret', value: secret.secretArn });
  acknowledge(secret, {
    'AwsSolutions-SMG4':
      'DMS keeps what it was given: a rotation would cut it off until its endpoint is changed with it.',
  });
}
