import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { AwsCustomResource, AwsCustomResourcePolicy, PhysicalResourceId } from 'aws-cdk-lib/custom-resources';
import { acknowledge } from './acknowledge.ts';

/** The brokers of a cluster that take IAM, as `HOST:PORT,...`: CloudFormation does not tell them, so a function asks. */
export function bootstrapBrokers(stack: Stack, clusterArn: string): string {
  const output = 'BootstrapBrokerStringSaslIam';
  const ask = {
    service: 'Kafka',
    action: 'GetBootstrapBrokers',
    parameters: { ClusterArn: clusterArn },
    outputPaths: [output],
    physicalResourceId: PhysicalResourceId.of('bootstrap-brokers'),
  };
  const logGroup = new LogGroup(stack, 'BrokersLogs', {
    retention: RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const asked = new AwsCustomResource(stack, 'BrokersOfCluster', {
    onCreate: ask,
    onUpdate: ask,
    installLatestAwsSdk: false,
    logGroup,
    policy: AwsCustomResourcePolicy.fromStatements([
      new PolicyStatement({ actions: ['kafka:GetBootstrapBrokers'], resources: [clusterArn] }),
    ]),
  });
  const ofCdk = 'A function of CDK that asks for addresses when a deployment comes; it sees no data.';
  acknowledge(logGroup, { 'PCI.DSS.321-CloudWatchLogGroupEncrypted': ofCdk });
  const own = stack.node.children.find((child) => child.node.id.startsWith('AWS679f53fac002430cb0da5b7982bd2287'));
  if (own === undefined) throw new Error('got no function of the custom resource, expected one');
  acknowledge(own, {
    'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]': ofCdk,
    'AwsSolutions-L1': ofCdk,
    'PCI.DSS.321-LambdaInsideVPC': ofCdk,
  });
  return asked.getResponseField(output);
}
