import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { serverlessTables } from '../../adapters/dynamodb/names.ts';
import { inputContracts } from '../../core/contract/contracts.ts';
import { stateTables } from '../../lib/state-tables.ts';
import { wantedTopics } from '../../runtime/topic-plan.ts';
import { byDebezium, byDms, functions, ofScoring, ofType, spot, statementsOf, synthesize } from './synthesized.ts';

const lambda = synthesize({ profile: 'prod', backbone: 'msk', ...functions, capture: byDebezium });
const kinesis = synthesize({ profile: 'prod', backbone: 'kinesis', ...functions, capture: byDms });
const workers = synthesize({ profile: 'prod', backbone: 'msk', ...spot });
const shardWorkers = synthesize({ profile: 'prod', backbone: 'kinesis', ...spot });
const all = [
  ['msk lambda', lambda],
  ['kinesis lambda', kinesis],
  ['msk ecs-spot', workers],
  ['kinesis ecs-spot', shardWorkers],
] as const;

describe.each(all)('the stacks of %s', (name, synthesized) => {
  test('keep tables, keys, buckets, the log and its topics when they go, and when one is replaced', () => {
    const data = /^AWS::(DynamoDB::Table|KMS::Key|S3::Bucket|MSK::Cluster|MSK::Topic|Kinesis::Stream|EFS::FileSystem)$/;
    const kept = synthesized.resources.filter(({ Type }) => data.test(Type));
    expect(kept.length).toBeGreaterThan(9);
    for (const { id, DeletionPolicy, UpdateReplacePolicy } of kept)
      expect({ id, DeletionPolicy, UpdateReplacePolicy }).toEqual({
        id,
        DeletionPolicy: 'Retain',
        UpdateReplacePolicy: 'Retain',
      });
  });

  test('have tables that can be brought back to any second, are not deleted by mistake and are encrypted by our key', () => {
    const tables = ofType(synthesized, 'AWS::DynamoDB::Table');
    expect(tables).toHaveLength(name === 'kinesis ecs-spot' ? 5 : 4);
    for (const { Properties } of tables)
      expect(Properties).toMatchObject({
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        DeletionProtectionEnabled: true,
        SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
      });
  });

  test('have no way out of the network', () => {
    for (const type of ['AWS::EC2::NatGateway', 'AWS::EC2::InternetGateway', 'AWS::EC2::EIP', 'AWS::EC2::Route'])
      expect(ofType(synthesized, type)).toEqual([]);
    expect(ofType(synthesized, 'AWS::EC2::Subnet')).toHaveLength(3);
    expect(ofType(synthesized, 'AWS::EC2::VPCEndpoint').length).toBeGreaterThanOrEqual(8);
  });

  test('allow no action with a star, and a whole service to nobody', () => {
    const statements = statementsOf(synthesized);
    expect(statements.length).toBeGreaterThan(4);
    for (const { where, actions } of statements)
      expect({ where, stars: actions.filter((action) => action.includes('*')) }).toEqual({ where, stars: [] });
  });

  test('allow everything of a kind only where there is no ARN', () => {
    const open = statementsOf(synthesized).filter(({ resources }) => resources.includes('"*"'));
    const withoutArn =
      /^(ec2:(Create|Delete|Describe|Assign|Unassign)\w+|ecr:GetAuthorizationToken|logs:\w+Deliver\w+)$/;
    for (const { where, actions } of open)
      expect({ where, actions: actions.filter((action) => !withoutArn.test(action)) }).toEqual({ where, actions: [] });
  });

  test('have an alarm with a page in docs/runbook', () => {
    const alarms = synthesized.resources.filter(({ Type }) => /^AWS::CloudWatch::(Composite)?Alarm$/.test(Type));
    // Those of scaling tell nobody: they change a number of tasks.
    const told = alarms.filter(({ id }) => !/^Workers\w+TaskCount/.test(id));
    expect(told.length).toBeGreaterThan(1);
    for (const { id, Properties } of told) {
      const page = /docs\/runbook\/[\w-]+\.md/.exec(String(Properties['AlarmDescription']))?.[0];
      expect({ id, page }).toMatchObject({ page: expect.stringContaining('docs/runbook/') });
      expect(readFileSync(String(page), 'utf8')).toContain('#');
    }
  });

  test(`are those of the outline of ${name}`, async () => {
    const counts = new Map<string, number>();
    for (const { stack, Type } of synthesized.resources) {
      const key = `${stack.replace(/^weir-/, '')} ${Type}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const types = [...counts].map(([key, count]) => `${String(count).padStart(3)} ${key}`);
    const rights = statementsOf(synthesized).flatMap(({ where, actions }) =>
      actions.map((action) => `    ${where.replace(/[0-9A-F]{8}$/, '')} ${action}`),
    );
    const outline = `${[...types, '', ...new Set(rights.toSorted())].join('\n')}\n`;
    await expect(outline).toMatchFileSnapshot(`../golden/stacks/${name.replace(' ', '-')}.txt`);
  });
});

describe('functions on MSK', () => {
  const mappings = ofScoring(lambda, 'AWS::Lambda::EventSourceMapping');

  test('read each topic of inputs without waiting for more, in provisioned mode, a poller a partition at most', () => {
    const partitions = Number(ofType(lambda, 'AWS::MSK::Topic')[0]?.Properties['PartitionCount']);
    expect(mappings.flatMap(({ Properties }) => Properties['Topics'])).toEqual([...inputContracts.keys()]);
    for (const { Properties } of mappings) {
      expect(Properties).toMatchObject({
        MaximumBatchingWindowInSeconds: 0,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        BisectBatchOnFunctionError: true,
        MaximumRetryAttempts: 10,
        StartingPosition: 'TRIM_HORIZON',
      });
      const pollers = Properties['ProvisionedPollerConfig'] as Record<string, number>;
      expect(pollers['MaximumPollers']).toBeLessThanOrEqual(partitions);
      expect(pollers['MinimumPollers']).toBeGreaterThanOrEqual(1);
    }
  });

  test('have groups of their own, in ASCII and without a colon', () => {
    const groups = mappings.map(({ Properties }) =>
      String((Properties['AmazonManagedKafkaEventSourceConfig'] as Record<string, unknown>)['ConsumerGroupId']),
    );
    expect(new Set(groups).size).toBe(mappings.length);
    for (const group of groups) expect(group).toMatch(/^[A-Za-z0-9._-]+$/);
  });

  test('may do with the cluster what reading, and laying aside, needs', () => {
    const actions = new Set(
      statementsOf(lambda)
        .filter(({ where }) => where.startsWith('Scorer'))
        .flatMap((one) => one.actions),
    );
    for (const action of [
      'kafka-cluster:Connect',
      'kafka-cluster:DescribeGroup',
      'kafka-cluster:AlterGroup',
      'kafka-cluster:DescribeTopic',
      'kafka-cluster:ReadData',
      'kafka-cluster:WriteData',
      'kafka:DescribeClusterV2',
      'kafka:GetBootstrapBrokers',
      'ec2:CreateNetworkInterface',
    ])
      expect(actions).toContain(action);
  });

  test('may read the topics of inputs alone, and write their dead letters alone', () => {
    const touched = (action: string): string[] =>
      statementsOf(lambda)
        .filter(({ where, actions }) => where.startsWith('Scorer') && actions.includes(action))
        .flatMap(({ resources }) => resources);
    expect(touched('kafka-cluster:ReadData')).toHaveLength(inputContracts.size);
    expect(touched('kafka-cluster:WriteData')).toHaveLength(inputContracts.size);
    for (const resource of touched('kafka-cluster:WriteData')) expect(resource).toContain('.dead-letter');
  });

  test('are taken over by a new version step by step, and the old one comes back at an alarm', () => {
    const groups = ofType(lambda, 'AWS::CodeDeploy::DeploymentGroup');
    expect(groups.length).toBe(ofType(lambda, 'AWS::Lambda::Alias').length);
    for (const { Properties } of groups)
      expect(Properties).toMatchObject({
        DeploymentConfigName: 'CodeDeployDefault.LambdaCanary10Percent5Minutes',
        AlarmConfiguration: { Enabled: true },
        AutoRollbackConfiguration: { Enabled: true },
      });
  });
});

describe('functions on Kinesis', () => {
  test('take one batch of a shard at a time, without waiting, and lay aside in a bucket', () => {
    const mappings = ofScoring(kinesis, 'AWS::Lambda::EventSourceMapping');
    expect(mappings).toHaveLength(1);
    expect(mappings[0]?.Properties).toMatchObject({
      ParallelizationFactor: 1,
      MaximumBatchingWindowInSeconds: 0,
      BisectBatchOnFunctionError: true,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      DestinationConfig: { OnFailure: { Destination: expect.anything() } },
    });
  });
});

describe('the tables', () => {
  test('are keyed, and named to the functions, as the adapter that reads them has it', () => {
    const adapter = Object.values(serverlessTables);
    expect(adapter).toHaveLength(Object.keys(stateTables).length);
    const [environment] = ofType(lambda, 'AWS::Lambda::Function').map(({ Properties }) => Properties['Environment']);
    for (const { variable, partitionKey, sortKey, timeToLive } of adapter) {
      const table = Object.values(stateTables).find((one) => one.variable === variable);
      expect(table).toMatchObject({ partitionKey, sortKey, timeToLive });
      expect(environment).toMatchObject({ Variables: { [variable]: expect.stringContaining('weir-') } });
    }
  });
});

describe('the topics', () => {
  test('are those of the contracts with their twins, without what Express holds fixed', () => {
    const topics = ofType(lambda, 'AWS::MSK::Topic').filter(({ stack }) => stack === 'weir-backbone');
    const wanted = wantedTopics({ prefix: '', replicas: 3 });
    expect(topics.map(({ Properties }) => String(Properties['TopicName'])).toSorted()).toEqual(
      wanted.map(({ topic }) => topic).toSorted(),
    );
    for (const { Properties } of topics) {
      const configs: unknown = JSON.parse(Buffer.from(String(Properties['Configs']), 'base64').toString());
      expect(configs).toMatchObject({ 'cleanup.policy': 'delete' });
      expect(configs).not.toHaveProperty('min.insync.replicas');
    }
  });
});

describe('workers on Spot', () => {
  const task = ofType(workers, 'AWS::ECS::TaskDefinition')[0];
  const container = (task?.Properties['ContainerDefinitions'] as Record<string, unknown>[] | undefined)?.[0];

  test('get all of the two minutes that Spot gives, write to their folder alone, and have no environment', () => {
    expect(container).toMatchObject({ StopTimeout: 120, ReadonlyRootFilesystem: true, User: '1000' });
    expect(container).not.toHaveProperty('Environment');
    expect(JSON.stringify(container)).toContain('msk-iam');
  });

  test('are never more, with those on demand that step in, than partitions', () => {
    const partitions = Number(ofType(workers, 'AWS::MSK::Topic')[0]?.Properties['PartitionCount']);
    const targets = ofType(workers, 'AWS::ApplicationAutoScaling::ScalableTarget').map(({ Properties }) => Properties);
    expect(targets).toHaveLength(2);
    const most = targets.reduce((sum, target) => sum + Number(target['MaxCapacity']), 0);
    expect(most).toBeLessThanOrEqual(partitions);
    expect(targets.map((target) => target['MinCapacity'])).toContain(0);
  });

  test('on Kinesis are never more than shards, and know their leases and their decisions by name', () => {
    const shards = Number(ofType(shardWorkers, 'AWS::Kinesis::Stream')[0]?.Properties['ShardCount']);
    const targets = ofType(shardWorkers, 'AWS::ApplicationAutoScaling::ScalableTarget');
    const most = targets.reduce((sum, { Properties }) => sum + Number(Properties['MaxCapacity']), 0);
    expect(most).toBeLessThanOrEqual(shards);
    const command = JSON.stringify(ofType(shardWorkers, 'AWS::ECS::TaskDefinition')[0]?.Properties);
    for (const name of ['kinesis://weir', 'weir-decisions', 'weir-leases']) expect(command).toContain(name);
  });

  test('are on demand at their base and on Spot above it; those that step in are on demand', () => {
    const strategies = ofType(workers, 'AWS::ECS::Service').map(
      ({ Properties }) => Properties['CapacityProviderStrategy'],
    );
    expect(strategies).toEqual([
      [
        { CapacityProvider: 'FARGATE', Base: 1, Weight: 0 },
        { CapacityProvider: 'FARGATE_SPOT', Weight: 1 },
      ],
      [{ CapacityProvider: 'FARGATE', Weight: 1 }],
    ]);
  });

  test('grow by lag in seconds above a floor by CPU', () => {
    const policies = ofType(workers, 'AWS::ApplicationAutoScaling::ScalingPolicy').map(
      ({ Properties }) => Properties['PolicyType'],
    );
    expect(policies.filter((type) => type === 'TargetTrackingScaling')).toHaveLength(1);
    expect(policies.filter((type) => type === 'StepScaling').length).toBeGreaterThanOrEqual(2);
    const lag = ofType(workers, 'AWS::CloudWatch::Alarm').filter(
      ({ id, Properties }) => id.startsWith('Workers') && JSON.stringify(Properties).includes('EstimatedMaxTimeLag'),
    );
    expect(lag.length).toBeGreaterThan(0);
  });
});
