import { Arn, Duration, Stack } from 'aws-cdk-lib';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { CaptureConfig } from './capture-config.ts';
import { grantProduce } from './cluster-access.ts';
import type { Config } from './config.ts';
import { Handler } from './handler.ts';
import { clusterOf } from './stacks/backbone.ts';
import type { Network } from './stacks/network.ts';

type Capturing = {
  readonly config: Config;
  readonly capture: CaptureConfig;
  readonly dataKey: IKey;
  readonly network: Network;
  /** The name of the function. */
  readonly source: string;
};

/** The function that makes events of changes and writes them to the log that is scored. */
export function captureHandler(scope: Construct, { config, capture, dataKey, network, source }: Capturing): Handler {
  const stack = Stack.of(scope);
  const access = config.backbone === 'msk' ? clusterOf(scope, config) : null;
  const target = access === null ? `kinesis://${config.name}` : `kafka://${access.clusterArn}/${capture.topic}`;
  const handler = new Handler(scope, 'Capture', {
    config,
    source,
    files: ['index.mjs', 'mapping.mjs'],
    vpc: network.vpc,
    clients: network.clients,
    dataKey,
    environment: { WEIR_CAPTURE_TARGET: target },
    memoryMb: 512,
    timeout: Duration.seconds(60),
  });
  if (access === null) {
    grantStreamWrite(handler.function, eventsStreamArn(stack, config));
    return handler;
  }
  grantProduce(access, handler.function, [capture.topic]);
  handler.function.addToRolePolicy(
    new PolicyStatement({ actions: ['kafka:GetBootstrapBrokers'], resources: [access.clusterArn] }),
  );
  return handler;
}

/** The stream that is scored. */
export function eventsStreamArn(stack: Stack, { name }: Config): string {
  return Arn.format({ service: 'kinesis', resource: 'stream', resourceName: name }, stack);
}

/** May write records of a stream. */
export function grantStreamWrite(grantee: IGrantable, streamArn: string): void {
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({ actions: ['kinesis:ListShards', 'kinesis:PutRecords'], resources: [streamArn] }),
  );
}

/** May read records of a stream, as an event source mapping does with the rights of its function. */
export function grantStreamRead(grantee: IGrantable, streamArn: string): void {
  const actions = ['DescribeStream', 'DescribeStreamSummary', 'GetRecords', 'GetShardIterator', 'ListShards'];
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({ actions: actions.map((action) => `kinesis:${action}`), resources: [streamArn] }),
  );
}
