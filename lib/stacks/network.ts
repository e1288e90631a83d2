import { Fn, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { Config } from '../config.ts';
import { share, shared } from '../shared-names.ts';

/** Services that are called from inside; S3 and DynamoDB have gateways, which cost nothing. */
const endpointsAlways = {
  Sts: ec2.InterfaceVpcEndpointAwsService.STS,
  Kms: ec2.InterfaceVpcEndpointAwsService.KMS,
  Logs: ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
  Monitoring: ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_MONITORING,
  Secrets: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
} as const;
const endpointsOf = {
  msk: { Kafka: new ec2.InterfaceVpcEndpointAwsService('kafka') },
  kinesis: { Kinesis: ec2.InterfaceVpcEndpointAwsService.KINESIS_STREAMS },
  lambda: { Lambda: ec2.InterfaceVpcEndpointAwsService.LAMBDA },
  'ecs-spot': {
    EcrApi: ec2.InterfaceVpcEndpointAwsService.ECR,
    EcrDocker: ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    FileSystem: ec2.InterfaceVpcEndpointAwsService.ELASTIC_FILESYSTEM,
  },
} as const;

/** A network without a way out: three isolated subnets, no NAT, and an endpoint for each service that is called. */
export class NetworkStack extends Stack {
  constructor(scope: Construct, id: string, { config, ...props }: StackProps & { readonly config: Config }) {
    super(scope, id, props);
    const vpc = new ec2.Vpc(this, 'Vpc', {
      availabilityZones: zonesOf(config),
      natGateways: 0,
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [{ name: 'isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 20 }],
    });
    logFlows(this, vpc, config);
    vpc.addGatewayEndpoint('S3', { service: ec2.GatewayVpcEndpointAwsService.S3 });
    vpc.addGatewayEndpoint('DynamoDb', { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB });
    const clients = new ec2.SecurityGroup(this, 'Clients', {
      vpc: vpc as ec2.IVpc,
      description: 'Functions and tasks: they open connections and take none.',
    });
    const endpoints = new ec2.SecurityGroup(this, 'Endpoints', {
      vpc: vpc as ec2.IVpc,
      description: 'Interface endpoints: HTTPS from the network.',
      allowAllOutbound: false,
    });
    endpoints.addIngressRule(clients, ec2.Port.tcp(443), 'HTTPS from functions and tasks');
    for (const [name, service] of Object.entries({
      ...endpointsAlways,
      ...endpointsOf[config.backbone],
      ...(config.capture?.by === 'dms' ? endpointsOf.kinesis : {}),
      ...endpointsOf[config.runtime],
    }))
      vpc.addInterfaceEndpoint(name, { service, securityGroups: [endpoints], open: false, privateDnsEnabled: true });
    share(this, config.name, { key: 'network/vpc-id', value: vpc.vpcId });
    vpc.isolatedSubnets.forEach(({ subnetId, routeTable }, index) => {
      share(this, config.name, { key: subnetKeys[index] ?? 'network/subnet-1', value: subnetId });
      share(this, config.name, { key: routeKeys[index] ?? 'network/routes-1', value: routeTable.routeTableId });
    });
    share(this, config.name, { key: 'network/clients-group', value: clients.securityGroupId });
    acknowledge(vpc, {
      'PCI.DSS.321-VPCDefaultSecurityGroupClosed':
        'Closing it takes a custom resource with rights over all security groups; nothing here uses the default one.',
    });
  }
}

const subnetKeys = ['network/subnet-1', 'network/subnet-2', 'network/subnet-3'] as const;
const routeKeys = ['network/routes-1', 'network/routes-2', 'network/routes-3'] as const;

/** The network, and who may open connections in it. */
export type Network = { readonly vpc: ec2.IVpc; readonly clients: ec2.ISecurityGroup; readonly subnetIds: string[] };

/** The network as other stacks see it: once a stack. */
export function networkOf(scope: Construct, config: Config): Network {
  const subnetIds = subnetKeys.map((key) => shared(scope, config.name, key));
  const vpc = ec2.Vpc.fromVpcAttributes(scope, 'Vpc', {
    vpcId: shared(scope, config.name, 'network/vpc-id'),
    availabilityZones: zonesOf(config),
    isolatedSubnetIds: subnetIds,
    isolatedSubnetRouteTableIds: routeKeys.map((key) => shared(scope, config.name, key)),
  });
  const clients = ec2.SecurityGroup.fromSecurityGroupId(
    scope,
    'Clients',
    shared(scope, config.name, 'network/clients-group'),
    { mutable: false },
  );
  return { vpc, clients, subnetIds };
}

function zonesOf({ availabilityZones }: Config): string[] {
  return availabilityZones ?? [0, 1, 2].map((index) => Fn.select(index, Fn.getAzs()));
}

function logFlows(stack: Stack, vpc: ec2.Vpc, config: Config): void {
  const encryptionKey = kms.Key.fromKeyArn(stack, 'DataKey', shared(stack, config.name, 'security/data-key'));
  const logGroup = new LogGroup(stack, 'FlowLogs', {
    logGroupName: `/${config.name}/flows`,
    encryptionKey,
    retention: RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  vpc.addFlowLog('Flows', { destination: ec2.FlowLogDestination.toCloudWatchLogs(logGroup) });
}
