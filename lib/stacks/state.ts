import { RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { Config } from '../config.ts';
import { keptBucket } from '../kept-bucket.ts';
import { share } from '../shared-names.ts';
import { leasesTable, type StateTable, stateTables, tableNameOf } from '../state-tables.ts';
import { networkOf } from './network.ts';
import { dataKeyOf } from './security.ts';

/** What must never be lost: tables, checkpoints, the folder of the workers. Everything outlives the stack. */
export class StateStack extends Stack {
  constructor(scope: Construct, id: string, { config, ...props }: StackProps & { readonly config: Config }) {
    super(scope, id, props);
    const dataKey = dataKeyOf(this, config);
    const hasLeases = config.backbone === 'kinesis' && config.runtime === 'ecs-spot';
    const tables: Record<string, StateTable> = { ...stateTables, ...(hasLeases ? { Leases: leasesTable } : {}) };
    for (const [id, table] of Object.entries(tables)) {
      new dynamodb.Table(this, id, {
        tableName: tableNameOf(config, table),
        partitionKey: keyOf(table.partitionKey),
        ...(table.sortKey === null ? {} : { sortKey: keyOf(table.sortKey) }),
        ...(table.timeToLive === null ? {} : { timeToLiveAttribute: table.timeToLive }),
        billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption: dynamodb.TableEncryption.CUSTOMER_MANAGED,
        encryptionKey: dataKey,
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
        deletionProtection: true,
        removalPolicy: RemovalPolicy.RETAIN,
      });
    }
    const checkpoints = keptBucket(this, 'Checkpoints', { dataKey, expireDays: null });
    share(this, config.name, { key: 'state/checkpoint-bucket', value: checkpoints.bucketName });
    if (config.runtime === 'ecs-spot') addWorkerFolder(this, config, dataKey);
  }
}

function keyOf({ name, type }: { readonly name: string; readonly type: 'S' | 'B' }): dynamodb.Attribute {
  return { name, type: type === 'S' ? dynamodb.AttributeType.STRING : dynamodb.AttributeType.BINARY };
}

/** The folder of the partitions, which all workers reach: who takes a partition over finds its state there. */
function addWorkerFolder(stack: Stack, config: Config, dataKey: IKey): void {
  const { vpc, clients } = networkOf(stack, config);
  const group = new ec2.SecurityGroup(stack, 'FileSystemGroup', {
    vpc,
    description: 'File system of the workers: NFS from them.',
    allowAllOutbound: false,
  });
  group.addIngressRule(clients, ec2.Port.tcp(2049), 'NFS from workers');
  const fileSystem = new efs.FileSystem(stack, 'WorkerFolder', {
    vpc,
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
    securityGroup: group,
    encrypted: true,
    kmsKey: dataKey,
    performanceMode: efs.PerformanceMode.GENERAL_PURPOSE,
    throughputMode: efs.ThroughputMode.ELASTIC,
    enableAutomaticBackups: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const worker = { uid: '1000', gid: '1000' };
  const accessPoint = fileSystem.addAccessPoint('Worker', {
    path: '/weir',
    posixUser: worker,
    createAcl: { ownerUid: worker.uid, ownerGid: worker.gid, permissions: '0750' },
  });
  share(stack, config.name, { key: 'state/file-system', value: fileSystem.fileSystemId });
  share(stack, config.name, { key: 'state/access-point', value: accessPoint.accessPointId });
}
