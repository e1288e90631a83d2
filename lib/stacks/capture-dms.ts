import { Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as dms from 'aws-cdk-lib/aws-dms';
import { ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { CaptureConfig } from '../capture-config.ts';
import { dmsStreamSettings, dmsTableMappings, dmsTaskSettings } from '../capture-settings.ts';
import { captureHandler, grantStreamRead } from '../capture-handler.ts';
import type { Config } from '../config.ts';
import { type Network, networkOf } from './network.ts';
import { dataKeyOf, grantDataKey } from './security.ts';

export type CaptureProps = StackProps & { readonly config: Config; readonly capture: CaptureConfig };
type Part = {
  readonly config: Config;
  readonly capture: CaptureConfig;
  readonly dataKey: IKey;
  readonly network: Network;
};

/** How long changes wait in their stream for a function that fails, hours: a long weekend. */
const retentionHours = 168;
/** DMS takes a day's changes again from its own log; the stream is what is kept of them. */
const batchRecordsMax = 100;

/**
 * DMS Serverless from a database to a stream of its own, and the function that makes events of it. CloudFormation leaves the
 * replication stopped, and it can be changed only while it is.
 */
export class DmsCaptureStack extends Stack {
  constructor(scope: Construct, id: string, { config, capture, ...props }: CaptureProps) {
    super(scope, id, props);
    const part = { config, capture, dataKey: dataKeyOf(this, config), network: networkOf(this, config) };
    const stream = makeStream(this, part);
    const source = makeSource(this, part);
    const target = makeTarget(this, part, stream);
    replicate(this, part, { source, target });
    const handler = captureHandler(this, { ...part, source: 'capture-dms' });
    grantStreamRead(handler.function, stream.streamArn);
    const mapping = new CfnEventSourceMapping(this, 'ReadChanges', {
      functionName: handler.alias.functionArn,
      eventSourceArn: stream.streamArn,
      startingPosition: 'TRIM_HORIZON',
      batchSize: batchRecordsMax,
      maximumBatchingWindowInSeconds: 0,
      // Changes of a row in their order: one batch of a shard at a time.
      parallelizationFactor: 1,
      functionResponseTypes: ['ReportBatchItemFailures'],
      // What makes no event is a dead letter and no failure; what fails is an outage, and a change left out is a wrong row.
      maximumRetryAttempts: -1,
      maximumRecordAgeInSeconds: -1,
    });
    mapping.node.addDependency(handler.function.role ?? handler.function);
  }
}

function makeStream(stack: Stack, { config, capture, dataKey }: Part): kinesis.Stream {
  const stream = new kinesis.Stream(stack, 'Changes', {
    streamName: `${config.name}-changes`,
    streamMode: kinesis.StreamMode.PROVISIONED,
    shardCount: capture.shards,
    retentionPeriod: Duration.hours(retentionHours),
    encryption: kinesis.StreamEncryption.KMS,
    encryptionKey: dataKey,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  acknowledge(stream, {
    'AwsSolutions-KDS3': 'A key of ours, whose use is logged and can be ended: that is worth its price a call.',
  });
  return stream;
}

function makeSource(stack: Stack, { config, capture, dataKey }: Part): dms.CfnEndpoint {
  const role = new Role(stack, 'SourceRole', {
    assumedBy: ofThisAccount(stack, `dms.${stack.region}.amazonaws.com`),
  });
  role.addToPolicy(
    new PolicyStatement({
      actions: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'],
      resources: [capture.secretArn],
    }),
  );
  if (capture.secretKeyArn !== undefined)
    role.addToPolicy(new PolicyStatement({ actions: ['kms:Decrypt'], resources: [capture.secretKeyArn] }));
  const endpoint = new dms.CfnEndpoint(stack, 'Source', {
    endpointIdentifier: `${config.name}-source`,
    endpointType: 'source',
    engineName: capture.engine,
    databaseName: capture.database,
    sslMode: 'require',
    kmsKeyId: dataKey.keyArn,
    postgreSqlSettings: {
      secretsManagerAccessRoleArn: role.roleArn,
      secretsManagerSecretId: capture.secretArn,
      captureDdls: true,
      // An idle database would keep its log for a slot that does not move.
      heartbeatEnable: true,
      heartbeatFrequency: 5,
      failTasksOnLobTruncation: true,
    },
  });
  endpoint.node.addDependency(role);
  return endpoint;
}

function makeTarget(stack: Stack, { config, dataKey }: Part, stream: kinesis.Stream): dms.CfnEndpoint {
  const role = new Role(stack, 'TargetRole', { assumedBy: ofThisAccount(stack, 'dms.amazonaws.com') });
  role.addToPolicy(
    new PolicyStatement({
      actions: ['kinesis:PutRecord', 'kinesis:PutRecords', 'kinesis:DescribeStream'],
      resources: [stream.streamArn],
    }),
  );
  grantDataKey(dataKey, role);
  const endpoint = new dms.CfnEndpoint(stack, 'Target', {
    endpointIdentifier: `${config.name}-changes`,
    endpointType: 'target',
    engineName: 'kinesis',
    kmsKeyId: dataKey.keyArn,
    kinesisSettings: { ...dmsStreamSettings, streamArn: stream.streamArn, serviceAccessRoleArn: role.roleArn },
  });
  endpoint.node.addDependency(role);
  return endpoint;
}

function replicate(
  stack: Stack,
  { config, capture, dataKey, network }: Part,
  { source, target }: { readonly source: dms.CfnEndpoint; readonly target: dms.CfnEndpoint },
): void {
  const subnets = new dms.CfnReplicationSubnetGroup(stack, 'Subnets', {
    replicationSubnetGroupIdentifier: `${config.name}-capture`,
    replicationSubnetGroupDescription: 'The isolated subnets',
    subnetIds: network.subnetIds,
  });
  if (capture.vpcRole === 'make') subnets.node.addDependency(makeVpcRole(stack));
  new dms.CfnReplicationConfig(stack, 'Replication', {
    replicationConfigIdentifier: `${config.name}-capture`,
    replicationType: 'full-load-and-cdc',
    sourceEndpointArn: source.ref,
    targetEndpointArn: target.ref,
    computeConfig: {
      minCapacityUnits: 1,
      maxCapacityUnits: capture.capacityUnitsMax,
      multiAz: config.profile === 'prod',
      kmsKeyId: dataKey.keyArn,
      replicationSubnetGroupId: subnets.ref,
      vpcSecurityGroupIds: [network.clients.securityGroupId],
    },
    replicationSettings: dmsTaskSettings,
    tableMappings: dmsTableMappings(capture.tables),
  });
}

/** DMS looks for a role of this name, one an account; it outlives the stack, as others may use it by then. */
function makeVpcRole(stack: Stack): Role {
  const role = new Role(stack, 'VpcRole', {
    roleName: 'dms-vpc-role',
    assumedBy: new ServicePrincipal('dms.amazonaws.com'),
    managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName('service-role/AmazonDMSVPCManagementRole')],
  });
  role.applyRemovalPolicy(RemovalPolicy.RETAIN);
  acknowledge(role, {
    'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonDMSVPCManagementRole]':
      'What DMS needs to put itself into a network, kept by AWS; it asks for this role by its name.',
  });
  return role;
}

function ofThisAccount(stack: Stack, service: string): ServicePrincipal {
  return new ServicePrincipal(service, { conditions: { StringEquals: { 'aws:SourceAccount': stack.account } } });
}
