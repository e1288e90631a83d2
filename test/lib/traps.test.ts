import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readConfig } from '../../lib/config.ts';
import {
  byDebezium,
  byDms,
  functions,
  ofType,
  spot,
  statementsOf,
  type Synthesized,
  synthesize,
} from './synthesized.ts';

const msk = synthesize({ profile: 'prod', backbone: 'msk', ...functions, capture: byDebezium });
const all: readonly (readonly [string, Synthesized])[] = [
  ['msk lambda debezium', msk],
  ['msk lambda dms', synthesize({ profile: 'prod', backbone: 'msk', ...functions, capture: byDms })],
  ['kinesis lambda', synthesize({ profile: 'prod', backbone: 'kinesis', ...functions, capture: byDms })],
  ['msk ecs-spot', synthesize({ profile: 'prod', backbone: 'msk', ...spot })],
  ['kinesis ecs-spot', synthesize({ profile: 'prod', backbone: 'kinesis', ...spot })],
];

/** Which endpoint takes the calls of a service; null where nothing in the network calls it, or brokers are in it. */
const endpoints: Readonly<Record<string, string | null>> = {
  kms: 'kms',
  logs: 'logs',
  secretsmanager: 'secretsmanager',
  kinesis: 'kinesis-streams',
  dynamodb: 'dynamodb',
  s3: 's3',
  kafka: 'kafka',
  ecr: 'ecr.dkr',
  elasticfilesystem: 'elasticfilesystem',
  'kafka-cluster': null,
  ec2: null,
};
/** Roles of what runs in the network. */
const inside = /^(Scorer|Api|Redrive|Capture|Workers|ConnectorRole)/;

describe.each(all)('in the stacks of %s', (_, synthesized) => {
  test('each service that is called from inside has an endpoint, as there is no other way to it', () => {
    const services = new Set(
      statementsOf(synthesized)
        .filter(({ where }) => inside.test(where))
        .flatMap(({ actions }) => actions.map((action) => action.split(':')[0] ?? '')),
    );
    expect(services.size).toBeGreaterThan(3);
    const there = JSON.stringify(ofType(synthesized, 'AWS::EC2::VPCEndpoint').map(({ Properties }) => Properties));
    for (const service of services) {
      const endpoint = endpoints[service];
      expect({ service, endpoint }).not.toEqual({ service, endpoint: undefined });
      if (typeof endpoint === 'string') expect(there).toContain(`.${endpoint}"`);
    }
    expect(there).toContain('.sts"');
  });

  test('no stack holds another by an export', () => {
    expect(JSON.stringify(synthesized.resources)).not.toContain('Fn::ImportValue');
    expect(ofType(synthesized, 'AWS::SSM::Parameter').length).toBeGreaterThan(8);
  });

  test('functions of ours run on Node 24 on arm64 in the network, with their variables encrypted by our key', () => {
    const ours = ofType(synthesized, 'AWS::Lambda::Function').filter(({ id }) => !id.startsWith('AWS679f'));
    for (const { id, Properties } of ours)
      expect({ id, ...Properties }).toMatchObject({
        id,
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        VpcConfig: { SubnetIds: expect.any(Array) },
        KmsKeyArn: expect.anything(),
      });
  });

  test('no key is open to all, and nobody here may use the one of card tokens', () => {
    const actions = statementsOf(synthesized).flatMap((one) => one.actions);
    expect(actions.filter((action) => action.includes('Mac'))).toEqual([]);
    for (const { id, Properties } of ofType(synthesized, 'AWS::KMS::Key')) {
      const principals = JSON.stringify(Properties['KeyPolicy']);
      expect({ id, open: /"Principal":("\*"|\{"AWS":"\*"\})/.test(principals) }).toEqual({ id, open: false });
    }
  });
});

describe('the cluster', () => {
  const [cluster] = ofType(msk, 'AWS::MSK::Cluster');

  test('takes IAM over TLS and nothing else, on brokers of Express in three zones', () => {
    expect(cluster?.Properties).toMatchObject({
      ClientAuthentication: { Sasl: { Iam: { Enabled: true } }, Unauthenticated: { Enabled: false } },
      EncryptionInfo: { EncryptionInTransit: { ClientBroker: 'TLS', InCluster: true } },
      BrokerNodeGroupInfo: { InstanceType: expect.stringMatching(/^express\./) },
    });
    expect(Number(cluster?.Properties['NumberOfBrokerNodes']) % 3).toBe(0);
  });

  test('is of a version that topics can be made of by CloudFormation: 3.6 and later', () => {
    expect(() => readConfig({ kafkaVersion: '3.5.1' })).toThrow(/3\.6/);
    expect(readConfig({ kafkaVersion: '3.6.0' }).kafkaVersion).toBe('3.6.0');
    expect(readConfig({ kafkaVersion: '4.0.x' }).kafkaVersion).toBe('4.0.x');
  });

  test('lets producers write idempotently, which is a right on the cluster and not on topics', () => {
    const idempotent = statementsOf(msk).filter(({ actions }) =>
      actions.includes('kafka-cluster:WriteDataIdempotently'),
    );
    expect(idempotent.length).toBeGreaterThan(1);
    for (const { resources } of idempotent) for (const one of resources) expect(one).toMatch(/clusterarn/i);
  });

  test('has an archive of each topic of inputs by a channel, which only Express has', () => {
    const channels = ofType(msk, 'AWS::MSK::Channel');
    const read = ofType(msk, 'AWS::Lambda::EventSourceMapping').filter(({ stack }) => stack === 'weir-scoring');
    expect(channels).toHaveLength(read.length);
  });
});

test('functions of a stream write what they gave up to a bucket, and of a cluster to the topic for dead letters', () => {
  const mappings = all.flatMap(([, one]) =>
    ofType(one, 'AWS::Lambda::EventSourceMapping').filter(({ stack }) => stack === 'weir-scoring'),
  );
  expect(mappings.length).toBeGreaterThan(4);
  for (const { Properties } of mappings) {
    const target = JSON.stringify(Properties['DestinationConfig']);
    expect(target).toMatch(Properties['Topics'] === undefined ? /Failed\w+","Arn"/ : /kafka:\/\/.*\.dead-letter/);
  }
});

test('cdk.json sets what Step Functions need to write results of distributed maps', () => {
  const { context } = z
    .object({ context: z.record(z.string(), z.unknown()) })
    .parse(JSON.parse(readFileSync('cdk.json', 'utf8')));
  expect(context['@aws-cdk/aws-stepfunctions:useDistributedMapResultWriterV2']).toBe(true);
});
