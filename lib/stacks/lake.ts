import { Stack, type StackProps } from 'aws-cdk-lib';
import { CfnWorkGroup } from 'aws-cdk-lib/aws-athena';
import { CfnDatabase } from 'aws-cdk-lib/aws-glue';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnDeliveryStream } from 'aws-cdk-lib/aws-kinesisfirehose';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { CfnChannel } from 'aws-cdk-lib/aws-msk';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { acknowledge, acknowledgeStars } from '../acknowledge.ts';
import { arnOf, grantConsume } from '../cluster-access.ts';
import type { Config } from '../config.ts';
import { idOfTopic } from '../domain-topic.ts';
import { keptBucket } from '../kept-bucket.ts';
import { shared } from '../shared-names.ts';
import { clusterOf } from './backbone.ts';
import { dataKeyOf, grantDataKey } from './security.ts';

type LakeProps = StackProps & { readonly config: Config; readonly inputs: readonly string[] };

/** How old the archive may be, seconds: the least that a channel takes. */
const freshnessSeconds = 300;
const channelGroups = '__amazon_msk_channel*';
const queryBytesMax = 100 * 2 ** 30;

/** The raw events as files, for replays past the log's retention, and a work group to ask them by SQL. */
export class LakeStack extends Stack {
  constructor(scope: Construct, id: string, { config, inputs, ...props }: LakeProps) {
    super(scope, id, props);
    const dataKey = dataKeyOf(this, config);
    const lake = keptBucket(this, 'Lake', { dataKey, expireDays: null });
    if (config.backbone === 'msk') archiveTopics(this, { config, inputs, lake, dataKey });
    else archiveStream(this, { config, lake, dataKey });
    new CfnDatabase(this, 'Database', {
      catalogId: this.account,
      databaseInput: { name: config.name.replaceAll('-', '_'), description: 'Tables of the lake' },
    });
    new CfnWorkGroup(this, 'Queries', {
      name: config.name,
      recursiveDeleteOption: false,
      workGroupConfiguration: {
        enforceWorkGroupConfiguration: true,
        publishCloudWatchMetricsEnabled: true,
        bytesScannedCutoffPerQuery: queryBytesMax,
        resultConfiguration: {
          outputLocation: `s3://${lake.bucketName}/athena/`,
          encryptionConfiguration: { encryptionOption: 'SSE_KMS', kmsKey: dataKey.keyArn },
        },
      },
    });
  }
}

type Archive = { readonly config: Config; readonly lake: Bucket; readonly dataKey: IKey };

/** A channel of MSK for each topic: bytes as they are, exactly once by itself. */
function archiveTopics(stack: Stack, { config, inputs, lake, dataKey }: Archive & { inputs: readonly string[] }): void {
  const access = clusterOf(stack, config);
  const role = new Role(stack, 'ChannelRole', { assumedBy: ofThisAccount(stack, 'kafka.amazonaws.com') });
  grantConsume(access, role, { topics: inputs, group: channelGroups });
  grantFiles(role, { lake, dataKey });
  acknowledgeStars(role, {
    resources: [arnOf(access, 'group', channelGroups)],
    reason: 'A channel names its group itself, with this prefix.',
  });
  for (const topic of inputs) {
    const channel = new CfnChannel(stack, `Archive${idOfTopic(topic)}`, {
      channelName: `${config.name}-${topic.replaceAll('.', '-')}`,
      clusterArn: access.clusterArn,
      topicConfigurationList: [
        { topicArn: arnOf(access, 'topic', topic), recordConverter: { valueConverter: 'BYTE_ARRAY' } },
      ],
      encryptionConfiguration: { kmsKeyArn: dataKey.keyArn },
      s3DestinationConfiguration: {
        serviceExecutionRoleArn: role.roleArn,
        dataFreshnessInSeconds: freshnessSeconds,
        deadLetterQueueS3: { bucketArn: lake.bucketArn, errorOutputPrefix: `archive-errors/${topic}/` },
        storage: {
          bucketArn: lake.bucketArn,
          outputPrefix: `archive/${topic}/`,
          compressionType: 'NONE',
          storageClass: 'STANDARD',
        },
      },
    });
    channel.node.addDependency(role);
  }
}

/** Firehose from the stream: aggregated records stay as they are. */
function archiveStream(stack: Stack, { config, lake, dataKey }: Archive): void {
  const streamArn = shared(stack, config.name, 'backbone/stream-arn');
  const role = new Role(stack, 'FirehoseRole', { assumedBy: ofThisAccount(stack, 'firehose.amazonaws.com') });
  grantFiles(role, { lake, dataKey });
  role.addToPolicy(
    new PolicyStatement({
      actions: ['kinesis:DescribeStream', 'kinesis:GetShardIterator', 'kinesis:GetRecords', 'kinesis:ListShards'],
      resources: [streamArn],
    }),
  );
  const logGroup = new LogGroup(stack, 'ArchiveLogs', {
    logGroupName: `/${config.name}/archive`,
    encryptionKey: dataKey,
    retention: RetentionDays.THREE_MONTHS,
  });
  logGroup.grantWrite(role);
  const delivery = new CfnDeliveryStream(stack, 'Archive', {
    deliveryStreamName: `${config.name}-archive`,
    deliveryStreamType: 'KinesisStreamAsSource',
    kinesisStreamSourceConfiguration: { kinesisStreamArn: streamArn, roleArn: role.roleArn },
    extendedS3DestinationConfiguration: {
      bucketArn: lake.bucketArn,
      roleArn: role.roleArn,
      prefix: 'archive/!{timestamp:yyyy/MM/dd/HH}/',
      errorOutputPrefix: 'archive-errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/',
      bufferingHints: { intervalInSeconds: freshnessSeconds, sizeInMBs: 128 },
      compressionFormat: 'UNCOMPRESSED',
      encryptionConfiguration: { kmsEncryptionConfig: { awskmsKeyArn: dataKey.keyArn } },
      cloudWatchLoggingOptions: { enabled: true, logGroupName: logGroup.logGroupName, logStreamName: 'errors' },
    },
  });
  delivery.node.addDependency(role);
  acknowledge(delivery, {
    'AwsSolutions-KDF1': 'Its source is a stream that is encrypted by our key: Firehose keeps nothing of its own.',
  });
}

function ofThisAccount(stack: Stack, service: string): ServicePrincipal {
  return new ServicePrincipal(service, { conditions: { StringEquals: { 'aws:SourceAccount': stack.account } } });
}

/** May write files under the prefixes of the archive alone. */
function grantFiles(role: Role, { lake, dataKey }: Omit<Archive, 'config'>): void {
  const objects = [lake.arnForObjects('archive/*'), lake.arnForObjects('archive-errors/*')];
  role.addToPolicy(
    new PolicyStatement({
      actions: ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'],
      resources: objects,
    }),
  );
  role.addToPolicy(
    new PolicyStatement({
      actions: ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'],
      resources: [lake.bucketArn],
    }),
  );
  grantDataKey(dataKey, role);
  acknowledgeStars(role, { resources: objects, reason: 'What archives names its objects, below these prefixes.' });
}
