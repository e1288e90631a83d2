import { Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { acknowledgeStars } from '../acknowledge.ts';
import { grantStreamRead } from '../capture-handler.ts';
import { grantConsume, grantProduce } from '../cluster-access.ts';
import type { Config } from '../config.ts';
import type { Sizes } from '../derived-sizes.ts';
import { idOfTopic } from '../domain-topic.ts';
import { Handler } from '../handler.ts';
import { redriveHandler } from '../redrive-handler.ts';
import { keptBucket } from '../kept-bucket.ts';
import { shared } from '../shared-names.ts';
import { grantTables, stateTables, tableVariables } from '../state-tables.ts';
import { clusterOf } from './backbone.ts';
import { type Network, networkOf } from './network.ts';
import { dataKeyOf } from './security.ts';

export type ScoringProps = StackProps & {
  readonly config: Config;
  readonly sizes: Sizes;
  /** The topics whose events are scored or move a hold. */
  readonly inputs: readonly string[];
};

/** Retries before a batch is laid aside; without a number Lambda would retry until the records expire. */
const retriesMax = 10;
const batchRecordsMax = 500;

/** The group of the functions on a topic: the name stays, as a new one would read the topic from its start. */
export function lambdaGroup({ name }: Pick<Config, 'name'>, topic: string): string {
  return `${name}-score-${topic}`;
}

/** Functions that score the records of MSK topics. */
export class MskLambdaStack extends Stack {
  constructor(scope: Construct, id: string, { config, sizes, inputs, ...props }: ScoringProps) {
    super(scope, id, props);
    const access = clusterOf(this, config);
    const [dataKey, network] = [dataKeyOf(this, config), networkOf(this, config)];
    const { alias, function: scorer } = makeHandler(this, { config, dataKey, network, source: 'score-msk' });
    scorer.addToRolePolicy(
      new PolicyStatement({
        actions: ['kafka:DescribeCluster', 'kafka:DescribeClusterV2', 'kafka:GetBootstrapBrokers'],
        resources: [access.clusterArn],
      }),
    );
    redriveHandler(this, { config, dataKey, network, inputs });
    for (const topic of inputs) {
      grantConsume(access, scorer, { topics: [topic], group: lambdaGroup(config, topic) });
      // What fails for good is written there by Lambda, with the rights of the function.
      grantProduce(access, scorer, [`${topic}.dead-letter`]);
      const mapping = new CfnEventSourceMapping(this, `Read${idOfTopic(topic)}`, {
        functionName: alias.functionArn,
        eventSourceArn: access.clusterArn,
        topics: [topic],
        amazonManagedKafkaEventSourceConfig: { consumerGroupId: lambdaGroup(config, topic) },
        startingPosition: 'TRIM_HORIZON',
        batchSize: batchRecordsMax,
        // The default waits half a second for more.
        maximumBatchingWindowInSeconds: 0,
        provisionedPollerConfig: {
          minimumPollers: sizes.pollersMin.value,
          maximumPollers: sizes.pollersMax.value,
        },
        functionResponseTypes: ['ReportBatchItemFailures'],
        bisectBatchOnFunctionError: true,
        maximumRetryAttempts: retriesMax,
        destinationConfig: { onFailure: { destination: `kafka://${topic}.dead-letter` } },
      });
      mapping.node.addDependency(scorer.role ?? scorer);
    }
  }
}

/** Functions that score the records of a Kinesis stream. */
export class KinesisLambdaStack extends Stack {
  constructor(scope: Construct, id: string, { config, ...props }: ScoringProps) {
    super(scope, id, props);
    const streamArn = shared(this, config.name, 'backbone/stream-arn');
    const [dataKey, network] = [dataKeyOf(this, config), networkOf(this, config)];
    const { alias, function: scorer } = makeHandler(this, { config, dataKey, network, source: 'score-kinesis' });
    redriveHandler(this, { config, dataKey, network, inputs: [] });
    const failed = keptBucket(this, 'Failed', { dataKey, expireDays: 90 });
    const objects = failed.arnForObjects('*');
    scorer.addToRolePolicy(
      new PolicyStatement({ actions: ['s3:PutObject', 's3:ListBucket'], resources: [failed.bucketArn, objects] }),
    );
    acknowledgeStars(this, { resources: [objects], reason: 'Lambda names the objects of what failed.' });
    grantStreamRead(scorer, streamArn);
    const mapping = new CfnEventSourceMapping(this, 'ReadEvents', {
      functionName: alias.functionArn,
      eventSourceArn: streamArn,
      startingPosition: 'TRIM_HORIZON',
      batchSize: batchRecordsMax,
      maximumBatchingWindowInSeconds: 0,
      // One batch of a shard at a time: its watermark is one item, and its order is the log's.
      parallelizationFactor: 1,
      functionResponseTypes: ['ReportBatchItemFailures'],
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: retriesMax,
      maximumRecordAgeInSeconds: 86_400,
      destinationConfig: { onFailure: { destination: failed.bucketArn } },
    });
    mapping.node.addDependency(scorer.role ?? scorer);
  }
}

function makeHandler(
  stack: Stack,
  {
    config,
    dataKey,
    network,
    source,
  }: { readonly config: Config; readonly dataKey: IKey; readonly network: Network; readonly source: string },
): Handler {
  const handler = new Handler(stack, 'Scorer', {
    config,
    source,
    vpc: network.vpc,
    clients: network.clients,
    dataKey,
    environment: tableVariables(config),
    memoryMb: 1769,
    timeout: Duration.seconds(60),
  });
  grantTables(stack, { config, grantee: handler.function, tables: Object.values(stateTables) });
  return handler;
}
