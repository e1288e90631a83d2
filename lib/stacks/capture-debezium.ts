import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as connect from 'aws-cdk-lib/aws-kafkaconnect';
import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { CfnTopic } from 'aws-cdk-lib/aws-msk';
import type { Construct } from 'constructs';
import { acknowledgeStars } from '../acknowledge.ts';
import { bootstrapBrokers } from '../bootstrap-brokers.ts';
import { captureHandler } from '../capture-handler.ts';
import type { CaptureConfig } from '../capture-config.ts';
import { debeziumConverters, debeziumRecordSettings } from '../capture-settings.ts';
import { arnOf, type ClusterAccess, grantConsume, grantProduce } from '../cluster-access.ts';
import type { Config } from '../config.ts';
import { topicConfigs } from '../domain-topic.ts';
import { clusterOf } from './backbone.ts';
import type { CaptureProps } from './capture-dms.ts';
import { type Network, networkOf } from './network.ts';
import { dataKeyOf, grantDataKey } from './security.ts';

type Part = {
  readonly config: Config;
  readonly capture: CaptureConfig;
  readonly dataKey: IKey;
  readonly access: ClusterAccess;
  readonly network: Network;
  readonly plugin: { readonly bucketArn: string; readonly key: string };
};

const retentionMs = 168 * 3_600_000;
/** What MSK Connect names its own topics and groups by. */
const ownNames = ['__amazon_msk_connect_*', 'connect-*'] as const;
const connectVersion = '3.7.x';

/** Debezium in MSK Connect, which signs in by IAM, and the function that makes events of what it writes. */
export class DebeziumCaptureStack extends Stack {
  constructor(
    scope: Construct,
    id: string,
    { config, capture, plugin, ...props }: CaptureProps & { readonly plugin: Part['plugin'] },
  ) {
    super(scope, id, props);
    const [dataKey, access] = [dataKeyOf(this, config), clusterOf(this, config)];
    const part = { config, capture, plugin, dataKey, access, network: networkOf(this, config) };
    const topic = makeTopic(this, part);
    const connector = makeConnector(this, part);
    connector.addResourceDependency(topic);
    const handler = captureHandler(this, { ...part, source: 'capture-debezium' });
    const group = `${config.name}-capture`;
    grantConsume(part.access, handler.function, { topics: [changesTopic(config)], group });
    handler.function.addToRolePolicy(
      new PolicyStatement({
        actions: ['kafka:DescribeCluster', 'kafka:DescribeClusterV2', 'kafka:GetBootstrapBrokers'],
        resources: [part.access.clusterArn],
      }),
    );
    const mapping = new CfnEventSourceMapping(this, 'ReadChanges', {
      functionName: handler.alias.functionArn,
      eventSourceArn: part.access.clusterArn,
      topics: [changesTopic(config)],
      amazonManagedKafkaEventSourceConfig: { consumerGroupId: group },
      startingPosition: 'TRIM_HORIZON',
      batchSize: 100,
      maximumBatchingWindowInSeconds: 0,
      provisionedPollerConfig: { minimumPollers: 1, maximumPollers: 1 },
      functionResponseTypes: ['ReportBatchItemFailures'],
      // What makes no event is a dead letter and no failure; what fails is an outage, and a change left out is a wrong row.
      maximumRetryAttempts: -1,
      maximumRecordAgeInSeconds: -1,
    });
    mapping.addResourceDependency(topic);
    mapping.node.addDependency(handler.function.role ?? handler.function);
  }
}

/** All tables come by one topic of one partition: their changes in the order of the database. */
function changesTopic({ name }: Config): string {
  return `${name}.changes`;
}

function makeTopic(stack: Stack, { config, access }: Part): CfnTopic {
  const topic = new CfnTopic(stack, 'Changes', {
    clusterArn: access.clusterArn,
    topicName: changesTopic(config),
    partitionCount: 1,
    replicationFactor: 3,
    configs: topicConfigs({ 'cleanup.policy': 'delete', 'retention.ms': String(retentionMs) }),
  });
  topic.applyRemovalPolicy(RemovalPolicy.RETAIN);
  return topic;
}

function makeConnector(stack: Stack, part: Part): connect.CfnConnector {
  const { config, dataKey, plugin, access, network } = part;
  const logs = new LogGroup(stack, 'ConnectLogs', {
    logGroupName: `/${config.name}/connect`,
    encryptionKey: dataKey,
    retention: RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const custom = new connect.CfnCustomPlugin(stack, 'Plugin', {
    name: `${config.name}-debezium`,
    contentType: 'ZIP',
    location: { s3Location: { bucketArn: plugin.bucketArn, fileKey: plugin.key } },
  });
  const worker = new connect.CfnWorkerConfiguration(stack, 'Worker', {
    name: `${config.name}-debezium`,
    propertiesFileContent: Buffer.from(workerProperties(part)).toString('base64'),
  });
  const role = connectorRole(stack, part);
  const connector = new connect.CfnConnector(stack, 'Connector', {
    connectorName: `${config.name}-debezium`,
    kafkaConnectVersion: connectVersion,
    connectorConfiguration: connectorSettings(part),
    capacity: { provisionedCapacity: { mcuCount: 1, workerCount: 1 } },
    kafkaCluster: {
      apacheKafkaCluster: {
        bootstrapServers: bootstrapBrokers(stack, access.clusterArn),
        vpc: { subnets: network.subnetIds, securityGroups: [network.clients.securityGroupId] },
      },
    },
    kafkaClusterClientAuthentication: { authenticationType: 'IAM' },
    kafkaClusterEncryptionInTransit: { encryptionType: 'TLS' },
    serviceExecutionRoleArn: role.roleArn,
    plugins: [{ customPlugin: { customPluginArn: custom.attrCustomPluginArn, revision: custom.attrRevision } }],
    workerConfiguration: {
      workerConfigurationArn: worker.attrWorkerConfigurationArn,
      revision: worker.attrRevision,
    },
    logDelivery: { workerLogDelivery: { cloudWatchLogs: { enabled: true, logGroup: logs.logGroupName } } },
  });
  connector.node.addDependency(role);
  return connector;
}

/** A worker reads the database's secret by a provider of secrets, which the plugin brings along. */
function workerProperties({ capture }: Part): string {
  const [, , , region = ''] = capture.secretArn.split(':');
  const settings = {
    ...debeziumConverters,
    'config.providers': 'secrets',
    'config.providers.secrets.class': 'com.amazonaws.kafka.config.providers.SecretsManagerConfigProvider',
    'config.providers.secrets.param.region': region,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

function connectorSettings({ config, capture }: Part): Record<string, string> {
  // https://github.com/aws-samples/msk-config-providers: an ARN's own colons would end it.
  const secret = (field: string): string => `\${secrets:${encodeURIComponent(capture.secretArn)}:${field}}`;
  return {
    ...debeziumRecordSettings,
    'tasks.max': '1',
    'database.hostname': secret('host'),
    'database.port': secret('port'),
    'database.user': secret('username'),
    'database.password': secret('password'),
    'database.dbname': capture.database,
    'database.sslmode': 'require',
    'slot.name': `${config.name.replaceAll('-', '_')}_changes`,
    'publication.name': `${config.name.replaceAll('-', '_')}_changes`,
    'publication.autocreate.mode': 'filtered',
    'table.include.list': capture.tables.join(','),
    // An idle database would keep its log for a slot that does not move.
    'heartbeat.interval.ms': '10000',
    transforms: 'one',
    'transforms.one.type': 'org.apache.kafka.connect.transforms.RegexRouter',
    'transforms.one.regex': '.*',
    'transforms.one.replacement': changesTopic(config),
  };
}

function connectorRole(stack: Stack, { config, capture, access, dataKey }: Part): Role {
  const role = new Role(stack, 'ConnectorRole', {
    assumedBy: new ServicePrincipal('kafkaconnect.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
    }),
  });
  grantProduce(access, role, [changesTopic(config)]);
  const [topics, groups] = ownNames;
  const ownTopics = arnOf(access, 'topic', topics);
  const ownGroups = [arnOf(access, 'group', topics), arnOf(access, 'group', groups)];
  const allow = (actions: readonly string[], resources: readonly string[]): void =>
    void role.addToPolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }));
  allow(
    ['CreateTopic', 'DescribeTopic', 'ReadData', 'WriteData'].map((action) => `kafka-cluster:${action}`),
    [ownTopics],
  );
  allow(['kafka-cluster:DescribeGroup', 'kafka-cluster:AlterGroup'], ownGroups);
  allow(['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'], [capture.secretArn]);
  if (capture.secretKeyArn !== undefined) allow(['kms:Decrypt'], [capture.secretKeyArn]);
  grantDataKey(dataKey, role);
  acknowledgeStars(role, {
    resources: [ownTopics, ...ownGroups],
    reason: 'MSK Connect names its topics and groups itself, with these prefixes.',
  });
  return role;
}
