import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Aws, Duration } from 'aws-cdk-lib';

/** An MSK cluster by its ARN; the ARNs of its topics, groups and transactions follow from it. */
export type ClusterAccess = {
  readonly clusterArn: string;
  readonly clusterName: string;
  /** What AWS puts behind the name in the ARNs of the cluster and of all that is in it. */
  readonly clusterUuid: string;
};

type Resource = 'topic' | 'group' | 'transactional-id';

/** May open connections. */
function grantConnect({ clusterArn }: ClusterAccess, grantee: IGrantable): void {
  allow(grantee, ['kafka-cluster:Connect', 'kafka-cluster:DescribeCluster'], [clusterArn]);
}

/** May write records of topics. */
export function grantProduce(access: ClusterAccess, grantee: IGrantable, topics: readonly string[]): void {
  grantConnect(access, grantee);
  allow(grantee, ['kafka-cluster:WriteDataIdempotently'], [access.clusterArn]);
  allow(
    grantee,
    ['kafka-cluster:DescribeTopic', 'kafka-cluster:WriteData'],
    topics.map((topic) => arnOf(access, 'topic', topic)),
  );
}

/** May write records of topics and offsets of a group in transactions, whose ids begin with a prefix. */
export function grantTransactions(access: ClusterAccess, grantee: IGrantable, idPrefix: string): void {
  const actions = ['kafka-cluster:DescribeTransactionalId', 'kafka-cluster:AlterTransactionalId'];
  allow(grantee, actions, [transactionsArn(access, idPrefix)]);
}

/** The ARN of all transactions whose ids begin with a prefix. */
export function transactionsArn(access: ClusterAccess, idPrefix: string): string {
  return arnOf(access, 'transactional-id', `${idPrefix}*`);
}

/** May read topics as a member of a group. */
export function grantConsume(
  access: ClusterAccess,
  grantee: IGrantable,
  { topics, group }: { readonly topics: readonly string[]; readonly group: string },
): void {
  grantConnect(access, grantee);
  allow(
    grantee,
    ['kafka-cluster:DescribeTopic', 'kafka-cluster:DescribeTopicDynamicConfiguration', 'kafka-cluster:ReadData'],
    topics.map((topic) => arnOf(access, 'topic', topic)),
  );
  allow(grantee, ['kafka-cluster:DescribeGroup', 'kafka-cluster:AlterGroup'], [arnOf(access, 'group', group)]);
}

/** May read topics again as groups of replays, which are named for it; the live group stays out of reach. */
export function grantReplay(access: ClusterAccess, grantee: IGrantable, topics: readonly string[]): void {
  grantConsume(access, grantee, { topics, group: 'x-replay-*' });
}

/** The oldest record that a group has not read, seconds. Missing while the group rebalances. */
export function timeLagMetric(
  { clusterName }: ClusterAccess,
  { topic, group }: { readonly topic: string; readonly group: string },
): Metric {
  return new Metric({
    namespace: 'AWS/Kafka',
    metricName: 'EstimatedMaxTimeLag',
    dimensionsMap: { 'Cluster Name': clusterName, 'Consumer Group': group, Topic: topic },
    statistic: Stats.MAXIMUM,
    period: Duration.minutes(1),
    label: `${topic} lag, s`,
  });
}

/** The ARN of a topic, a group or a transaction. */
export function arnOf({ clusterName, clusterUuid }: ClusterAccess, resource: Resource, name: string): string {
  const { PARTITION, REGION, ACCOUNT_ID } = Aws;
  return `arn:${PARTITION}:kafka:${REGION}:${ACCOUNT_ID}:${resource}/${clusterName}/${clusterUuid}/${name}`;
}

function allow(grantee: IGrantable, actions: string[], resources: string[]): void {
  grantee.grantPrincipal.addToPrincipalPolicy(new PolicyStatement({ actions, resources }));
}
