import { RemovalPolicy } from 'aws-cdk-lib';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { CfnTopic } from 'aws-cdk-lib/aws-msk';
import { Construct } from 'constructs';
import { type ClusterAccess, grantConsume, grantProduce, grantReplay, timeLagMetric } from './cluster-access.ts';

/** A topic as its contract wants it. */
export type TopicShape = {
  readonly topic: string;
  readonly partitions: number;
  readonly replicas?: number | undefined;
  readonly configs: Readonly<Record<string, string>>;
};

/** Settings that Express brokers hold fixed: asking for them is refused. */
const fixedByExpress = new Set(['min.insync.replicas', 'unclean.leader.election.enable']);

/** A topic of a contract with its twins for dead letters and late events. They outlive the stack: a topic is data. */
export class DomainTopic extends Construct {
  readonly topics: readonly string[];
  readonly #access: ClusterAccess;

  constructor(
    scope: Construct,
    id: string,
    { access, shapes }: { readonly access: ClusterAccess; readonly shapes: readonly TopicShape[] },
  ) {
    super(scope, id);
    this.#access = access;
    this.topics = shapes.map(({ topic }) => topic);
    for (const shape of shapes) {
      const topic = new CfnTopic(this, idOfTopic(shape.topic), {
        clusterArn: access.clusterArn,
        topicName: shape.topic,
        partitionCount: shape.partitions,
        replicationFactor: shape.replicas ?? 3,
        configs: topicConfigs(shape.configs),
      });
      topic.applyRemovalPolicy(RemovalPolicy.RETAIN);
    }
  }

  grantProduce(grantee: IGrantable): void {
    grantProduce(this.#access, grantee, this.topics);
  }

  grantConsume(grantee: IGrantable, group: string): void {
    grantConsume(this.#access, grantee, { topics: this.topics, group });
  }

  grantReplay(grantee: IGrantable): void {
    grantReplay(this.#access, grantee, this.topics);
  }

  /** Of the topic itself, not of its twins. */
  lagMetric(group: string): Metric {
    return timeLagMetric(this.#access, { topic: this.topics[0] ?? '', group });
  }
}

/** `fraud.decision.v1` as `FraudDecisionV1`. */
export function idOfTopic(topic: string): string {
  return topic.replaceAll(/(^|[.-])(\w)/g, (_, __, letter: string) => letter.toUpperCase());
}

/** The settings of a topic as `AWS::MSK::Topic` takes them: a JSON object, in base64. */
export function topicConfigs(configs: TopicShape['configs']): string {
  const free = Object.entries(configs).filter(([name]) => !fixedByExpress.has(name));
  return Buffer.from(JSON.stringify(Object.fromEntries(free))).toString('base64');
}
