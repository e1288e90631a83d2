import { describe, expect, test } from 'vitest';
import { readChange } from '../../core/decode/read-change.ts';
import {
  debeziumConverters,
  debeziumRecordSettings,
  dmsStreamSettings,
  dmsTableMappings,
  dmsTaskSettings,
} from '../../lib/capture-settings.ts';
import { readConfig } from '../../lib/config.ts';
import { byDebezium, byDms, functions, ofType, spot, statementsOf, synthesize } from './synthesized.ts';

const dms = synthesize({ profile: 'prod', backbone: 'kinesis', ...functions, capture: byDms });
const debezium = synthesize({ profile: 'prod', backbone: 'msk', ...functions, capture: byDebezium });

type StreamSettings = { [Name in keyof typeof dmsStreamSettings]: (typeof dmsStreamSettings)[Name] | boolean };

/** What DMS documents that it writes of an update under settings: fields that a setting asks for are there with it alone. */
function recordOf(
  settings: StreamSettings,
  before: { readonly EnableBeforeImage: boolean; readonly FieldName: string },
) {
  const transaction = {
    'commit-timestamp': '2026-01-01T09:30:00.250000Z',
    'transaction-id': 1140,
    'transaction-record-id': 7,
    'stream-position': '00000002/7C007328.2.00000002/7C007328',
  };
  return {
    data: { merchant_id: 'm-1', risk: 'high', ...(settings.includeNullAndEmpty ? { sector: null } : {}) },
    ...(before.EnableBeforeImage ? { [before.FieldName]: { merchant_id: 'm-0' } } : {}),
    metadata: {
      timestamp: '2026-01-01T09:30:01.000000Z',
      'record-type': 'data',
      operation: 'update',
      'partition-key-type': 'primary-key',
      ...(settings.includePartitionValue ? { 'partition-key-value': 'public.merchant.m-1' } : {}),
      'schema-name': 'public',
      'table-name': 'merchant',
      ...(settings.includeTransactionDetails ? transaction : {}),
    },
  };
}

function read(record: unknown): Record<string, unknown> {
  const result = readChange('dms', Buffer.from(JSON.stringify(record)));
  if (result.kind !== 'change') throw new Error(`got ${result.kind}, expected a change`);
  return { ...result.change };
}

describe('what DMS is set to', () => {
  const { BeforeImageSettings: before } = dmsTaskSettings;

  test('write is read whole: time, place and transaction, the row with its nulls, the key before', () => {
    expect(read(recordOf(dmsStreamSettings, before))).toMatchObject({
      schema: 'public',
      table: 'merchant',
      operation: 'update',
      before: { merchant_id: 'm-0' },
      after: { merchant_id: 'm-1', risk: 'high', sector: null },
      commitTimeMs: Date.parse('2026-01-01T09:30:00.250Z'),
      position: expect.stringContaining('00000002/7C007328'),
      transaction: '1140',
    });
  });

  test.each([
    ['includeTransactionDetails', { transaction: null, commitTimeMs: Date.parse('2026-01-01T09:30:01Z') }],
    ['includeNullAndEmpty', { after: { merchant_id: 'm-1', risk: 'high' } }],
  ] as const)('would lose something without %s', (name, lost) => {
    const less = read(recordOf({ ...dmsStreamSettings, [name]: false }, before));
    expect(less).toMatchObject(lost);
    expect(less).not.toEqual(read(recordOf(dmsStreamSettings, before)));
  });

  test('would not tell a change of the key without the image before', () => {
    expect(read(recordOf(dmsStreamSettings, { ...before, EnableBeforeImage: false }))).toMatchObject({ before: null });
  });

  test('is what the endpoint and the replication have, over the tables that were named', () => {
    const [source, target] = ofType(dms, 'AWS::DMS::Endpoint');
    expect(source?.Properties).toMatchObject({ EngineName: 'postgres', SslMode: 'require' });
    const asked = Object.entries(dmsStreamSettings).map(([name, value]) => [
      name[0]?.toUpperCase() + name.slice(1),
      value,
    ]);
    expect(target?.Properties['KinesisSettings']).toMatchObject(Object.fromEntries(asked));
    expect(ofType(dms, 'AWS::DMS::ReplicationConfig')[0]?.Properties).toMatchObject({
      ReplicationType: 'full-load-and-cdc',
      ReplicationSettings: dmsTaskSettings,
      TableMappings: dmsTableMappings(['public.merchant', 'public.dispute']),
      ComputeConfig: { MultiAZ: true },
    });
  });

  test('keeps the changes of a row in their order', () => {
    expect(dmsTaskSettings.TargetMetadata).toMatchObject({ ParallelApplyThreads: 0, BatchApplyEnabled: false });
    const [mapping] = ofType(dms, 'AWS::Lambda::EventSourceMapping').filter(({ id }) => id === 'ReadChanges');
    expect(mapping?.Properties).toMatchObject({
      ParallelizationFactor: 1,
      MaximumBatchingWindowInSeconds: 0,
      MaximumRetryAttempts: -1,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
    expect(ofType(dms, 'AWS::Kinesis::Stream').map(({ Properties }) => Properties['ShardCount'])).toContain(1);
  });
});

describe('Debezium on a cluster that takes IAM', () => {
  const [connector] = ofType(debezium, 'AWS::KafkaConnect::Connector');
  const settings = Object(connector?.Properties['ConnectorConfiguration']);

  test('has its password from the secret and nowhere else', () => {
    expect(connector?.Properties).toMatchObject({
      KafkaClusterClientAuthentication: { AuthenticationType: 'IAM' },
      KafkaClusterEncryptionInTransit: { EncryptionType: 'TLS' },
    });
    for (const name of ['hostname', 'port', 'user', 'password'])
      expect(settings[`database.${name}`]).toMatch(/^\$\{secrets:arn%3Aaws%3Asecretsmanager%3A[^:]+:\w+\}$/);
    expect(settings).toMatchObject({ ...debeziumRecordSettings, 'database.sslmode': 'require' });
  });

  test('writes all tables, and its heartbeats, to one topic of one partition, which is there before it', () => {
    const [topic] = ofType(debezium, 'AWS::MSK::Topic').filter(({ id }) => id === 'Changes');
    expect(topic?.Properties).toMatchObject({ TopicName: 'weir.changes', PartitionCount: 1 });
    expect(settings).toMatchObject({ 'transforms.one.regex': '.*', 'transforms.one.replacement': 'weir.changes' });
    expect(connector).toMatchObject({ DependsOn: expect.arrayContaining(['Changes']) });
  });

  test('writes the schema with each record, without which decimals would be bytes', () => {
    const [worker] = ofType(debezium, 'AWS::KafkaConnect::WorkerConfiguration');
    const properties = Buffer.from(String(worker?.Properties['PropertiesFileContent']), 'base64').toString();
    for (const [name, value] of Object.entries(debeziumConverters)) expect(properties).toContain(`${name}=${value}\n`);
    expect(properties).toContain('config.providers.secrets.param.region=us-east-1');
  });

  test('may make no topic but those of MSK Connect itself', () => {
    const makes = statementsOf(debezium).filter(({ actions }) => actions.includes('kafka-cluster:CreateTopic'));
    expect(makes.map(({ where }) => where.replace(/[0-9A-F]{8}$/, ''))).toEqual(['ConnectorRoleDefaultPolicy']);
    expect(makes[0]?.resources.join()).toContain('__amazon_msk_connect_*');
  });
});

test.each([
  [{ backbone: 'kinesis', ...functions, capture: byDebezium }, /by: dms/],
  [{ backbone: 'msk', ...spot, capture: byDms }, /runtime=lambda/],
  [{ backbone: 'msk', ...functions, capture: { ...byDebezium, plugin: undefined } }, /ZIP/],
])('a capture that nothing here can do is refused with what to choose', (given, fix) => {
  expect(() => readConfig(given)).toThrow(
    expect.objectContaining({ code: 'PAIR_REFUSED', fix: expect.stringMatching(fix) }),
  );
});

test('dead letters are put back by hand, by one at a time, which may read them and write to the log alone', () => {
  for (const of of [dms, debezium]) {
    const [redrive] = ofType(of, 'AWS::Lambda::Function').filter(({ id }) => id.startsWith('Redrive'));
    expect(redrive?.Properties).toMatchObject({ ReservedConcurrentExecutions: 1 });
    const own = statementsOf(of).filter(({ where }) => where.startsWith('Redrive'));
    const tables = own
      .filter(({ actions }) => actions.includes('dynamodb:Query'))
      .flatMap(({ resources }) => resources);
    expect(tables).toHaveLength(1);
    expect(tables[0]).toContain('-aside');
    expect(ofType(of, 'AWS::Lambda::EventSourceMapping').map(({ id }) => id)).not.toContain('Redrive');
  }
});
