import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { headOf } from '../../core/sinks/kept-event.ts';
import { openAws } from '../../engines/aws/endpoint.ts';
import { type Emulator, startMiniStackForStacks } from '../../engines/aws/emulators.ts';
import { readDefinition, writeDefinition } from '../../runtime/lambda-definition.ts';
import { kinesisBatches, type LambdaBatch } from '../../runtime/lambda-events.ts';
import { bundleFunctions } from '../../scripts/bundle.ts';
import { accountPayments, writeAccountFiles } from '../../simulate/account-payments.ts';
import { openPager, ringAll } from './alarms.ts';
import { putKeys } from './callers.ts';
import { type Deployed, holdingData, openDeployment } from './deployment.ts';
import { until } from './eventually.ts';
import { checkSource, readTables } from './lambda-check.ts';
import { putRecords, readStream } from './lambda-kinesis.ts';

/** What MiniStack has no part of: written down, and that is all. Anything else that it lacks fails the deployment. */
const recordedTypes = [
  'AWS::CodeDeploy::Application',
  'AWS::CodeDeploy::DeploymentGroup',
  'AWS::DMS::Endpoint',
  'AWS::DMS::ReplicationConfig',
  'AWS::DMS::ReplicationSubnetGroup',
  'AWS::EC2::FlowLog',
  'AWS::EC2::SecurityGroupIngress',
];
const name = 'weir-test';
const tables = {
  keyedState: `${name}-state`,
  ledger: `${name}-ledger`,
  idempotency: `${name}-idempotency`,
  aside: `${name}-aside`,
};
/** What the mapping makes of the samples of DMS. */
const eventsOfDms = 8;
const dir = mkdtempSync(join(tmpdir(), 'weir-deploy-'));
const deployment = openDeployment(dir, {
  profile: 'dev',
  backbone: 'kinesis',
  runtime: 'lambda',
  name,
  sizes: { shards: 2 },
  apiRequestsPerSecond: 10,
  capture: {
    by: 'dms',
    database: 'core',
    secretArn: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:core-AbCdEf',
    tables: ['public.merchant', 'public.dispute'],
  },
  functionsFolder: join(dir, 'functions'),
});
let aws: Emulator;

beforeAll(async () => {
  aws = await openAws(async () => startMiniStackForStacks(recordedTypes));
  await bundle(writeAccountFiles(dir));
  await deployment.bootstrap();
  await deployment.deploy();
});

afterAll(async () => {
  await aws?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Bundles the functions with a definition, as `npm run bundle` does; its runtime is what a comparison runs. */
async function bundle(files: Parameters<typeof writeDefinition>[0]): Promise<void> {
  await writeDefinition(files, join(dir, 'definition'));
  await bundleFunctions(join(dir, 'functions'), join(dir, 'definition'), 'examples/changes/mapping.ts');
}

function definition(): ReturnType<typeof readDefinition> {
  return readDefinition(join(dir, 'definition'));
}

async function putEvents(from: number, count: number): Promise<void> {
  await putRecords(name, accountPayments({ from, count, accounts: 100, partitions: 1 }));
}

/** How many events the ledger keeps, by the mark of what decided them. */
async function keptByMark(): Promise<Record<string, number>> {
  const client = new DynamoDBClient({});
  const counts: Record<string, number> = {};
  for await (const { Items = [] } of paginateScan({ client }, { TableName: tables.ledger, ConsistentRead: true })) {
    for (const { event, source } of Items) {
      // What decided is kept there as well, from no source.
      if (event?.B === undefined || !(source?.S ?? '').startsWith(`${name}/`)) continue;
      const { mark } = headOf(event.B);
      counts[mark] = (counts[mark] ?? 0) + 1;
    }
  }
  client.destroy();
  return counts;
}

async function untilKept(events: number): Promise<void> {
  await until(async () => Object.values(await keptByMark()).reduce((sum, count) => sum + count, 0) >= events);
}

async function shardsOfStream(): Promise<LambdaBatch[]> {
  const logs = await readStream(name);
  return logs.flatMap(({ payloadOf, records }) => kinesisBatches(payloadOf(records), authorizationContract.topic));
}

async function recordsOfStream(): Promise<LambdaBatch['records'][number][]> {
  return (await shardsOfStream()).flatMap(({ records }) => records);
}

/** Of the records that are no payments of ours, the contracts that they name. */
async function contractsOfStream(): Promise<string[]> {
  const contracts = (await recordsOfStream()).map(({ contract }) => contract);
  return contracts.filter((contract) => contract !== authorizationContract.topic);
}

async function invoke(source: string, payload: unknown): Promise<unknown> {
  const client = new LambdaClient({});
  const command = { FunctionName: `${name}-${source}`, Qualifier: 'live', Payload: JSON.stringify(payload) };
  const { Payload } = await client.send(new InvokeCommand(command));
  client.destroy();
  return JSON.parse(Buffer.from(Payload ?? []).toString());
}

describe('stacks that are deployed to an empty account', () => {
  /** Those that the first deployment left. */
  const keys: Deployed[] = [];
  const firstMark = (): string => definition().by.mark;

  test('decide 1,000 payments of the stream once each, as the embedded run does', async () => {
    await putEvents(0, 1000);
    await untilKept(1000);
    const shards = await shardsOfStream();
    const checks = await Promise.all(shards.map(async (shard) => checkSource(definition(), tables, shard)));
    expect(shards).toHaveLength(2);
    expect(checks.flatMap(({ problems }) => problems)).toEqual([]);
    expect(checks.reduce((sum, { decisions }) => sum + decisions, 0)).toBe(1000);
  });

  test('keep a ledger whose debits equal its credits, with the entry of each decision', async () => {
    const shards = await shardsOfStream();
    const held = await Promise.all(shards.map(async ({ source }) => readTables(definition(), tables, source)));
    const entries = held.flatMap((one) => one.entries);
    const outcomes = new Map(held.flatMap((one) => one.decisions).map(({ eventId, outcome }) => [eventId, outcome]));
    const balances = new Map<string, number>();
    for (const { debitAccount, creditAccount, amountMinor } of entries) {
      balances.set(debitAccount, (balances.get(debitAccount) ?? 0) - amountMinor);
      balances.set(creditAccount, (balances.get(creditAccount) ?? 0) + amountMinor);
    }
    const credited = entries.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
    const owed = [...balances].filter(([account]) => account.startsWith('cardholder/'));
    expect([...balances.values()].reduce((sum, balance) => sum + balance, 0)).toBe(0);
    expect(owed.reduce((sum, [, balance]) => sum - balance, 0)).toBe(credited);
    const authorizations = entries.filter(({ kind }) => kind === 'authorization');
    expect(authorizations).toHaveLength(1000);
    for (const { authorizationId, outcome, amountMinor } of authorizations) {
      expect(outcome).toBe(outcomes.get(authorizationId));
      expect(amountMinor > 0).toBe(outcome !== 'decline');
    }
  });

  test('tell people once when the scorer fails and is behind as well', async () => {
    const told = await openPager(`${name}-alarms`);
    const client = new CloudWatchClient({});
    try {
      const { CompositeAlarms = [] } = await client.send(new DescribeAlarmsCommand({ AlarmTypes: ['CompositeAlarm'] }));
      const named = (id: string) => CompositeAlarms.find(({ AlarmName = '' }) => AlarmName.includes(id));
      const [fails, behind] = [named('ScoringFails'), named('ScoringBehind')];
      for (const alarm of [fails, behind]) await ringAll(client, alarm?.AlarmRule ?? '');
      await until(async () => told.alarms.length > 0);
      const { CompositeAlarms: after = [] } = await client.send(
        new DescribeAlarmsCommand({ AlarmTypes: ['CompositeAlarm'], StateValue: 'ALARM' }),
      );
      expect(after.map(({ AlarmName }) => AlarmName)).toEqual([fails?.AlarmName]);
      expect(told.alarms).toEqual([fails?.AlarmName]);
    } finally {
      client.destroy();
      told.close();
    }
  });

  test('raise the alarm that brings an old version back when an invocation fails', async () => {
    const [lambda, client] = [new LambdaClient({}), new CloudWatchClient({})];
    const { FunctionError } = await lambda.send(
      new InvokeCommand({ FunctionName: `${name}-score-kinesis`, Qualifier: 'live', Payload: Buffer.from('{}') }),
    );
    expect(FunctionError).toBe('Unhandled');
    await until(async () => {
      const { MetricAlarms = [] } = await client.send(new DescribeAlarmsCommand({ StateValue: 'ALARM' }));
      return MetricAlarms.some(({ AlarmName = '' }) => AlarmName.includes('NewVersionErrors'));
    });
    lambda.destroy();
    client.destroy();
  });

  test('make events of what DMS would write to its stream, and send them to be scored', async () => {
    const lines = readFileSync('test/golden/changes/dms.jsonl', 'utf8').trimEnd().split('\n');
    await putRecords(
      `${name}-changes`,
      lines.map((value) => ({ key: 'dms', value })),
    );
    await until(async () => (await contractsOfStream()).length >= eventsOfDms);
    const captured = await contractsOfStream();
    expect(captured.filter((contract) => contract === 'payments.dispute.v1')).toHaveLength(1);
    expect(captured.filter((contract) => contract === 'registry.merchant.v1').length).toBeGreaterThan(3);
  });

  test('tell by hand which dead letters wait, and put them back', async () => {
    await putRecords(name, [{ key: 'c1', value: 'no event' }]);
    const sources = (await shardsOfStream()).map(({ source }) => source);
    // One after the other, as one runs at a time.
    const redrive = async (dryRun: boolean): Promise<unknown[]> => {
      const answers: unknown[] = [];
      for (const source of sources) answers.push(await invoke('redrive-dlq', { source, codes: ['notJson'], dryRun }));
      return answers;
    };
    await until(async () => (await redrive(true)).some((answer) => JSON.stringify(answer).includes('"notJson":1')));
    const before = (await recordsOfStream()).length;
    expect(await redrive(false)).toContainEqual(expect.objectContaining({ dryRun: false, letters: { notJson: 1 } }));
    expect(await recordsOfStream()).toHaveLength(before + 1);
  });

  test('answer a payment over HTTP to whom the secret knows, and give the first answer again', async () => {
    const key = 'a-key-of-the-shop';
    await putKeys(`${name}/api-keys`, key);
    const resources = await deployment.resources();
    const gateway = resources.find(({ type }) => type === 'AWS::ApiGateway::RestApi')?.physicalId;
    const url = `${aws.endpoint}/_aws/execute-api/${gateway}/live/v1/authorizations:score`;
    // Stream and API share no account.
    const [payment] = accountPayments({ from: 5000, count: 1, accounts: 1, partitions: 1, accountOf: () => 500 });
    const ask = async (bearer: string): Promise<Response> =>
      fetch(url, { method: 'POST', headers: { authorization: `Bearer ${bearer}` }, body: payment?.value ?? '' });
    expect((await ask('another')).status).toBe(401);
    const first = await ask(key);
    expect(first.status).toBe(200);
    const text = await first.text();
    expect(JSON.parse(text)).toMatchObject({ eventId: 'a-5000', outcome: expect.any(String) });
    expect(await (await ask(key)).text()).toBe(text);
  });

  test('change retention and rules without replacing what holds data, and decide on', async () => {
    const before = holdingData(await deployment.resources());
    const oldMark = firstMark();
    const files = writeAccountFiles(dir);
    const rules = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(files.rules, 'utf8')));
    writeFileSync(files.rules, JSON.stringify({ ...rules, version: 2 }));
    await bundle(files);
    await deployment.deploy({ retentionHours: 48 });
    const after = holdingData(await deployment.resources());
    const identity = ({ stack, logicalId, type, physicalId }: (typeof before)[number]) =>
      `${type} ${stack} ${logicalId} ${physicalId}`;
    expect(before.length).toBeGreaterThan(10);
    expect(after.map(identity)).toEqual(before.map(identity));
    const changed = after.filter(({ properties }, index) => {
      return JSON.stringify(properties) !== JSON.stringify(before[index]?.properties);
    });
    expect(changed.map(({ type }) => type)).toEqual(['AWS::Kinesis::Stream']);
    await putEvents(1000, 200);
    await untilKept(1201);
    expect(await keptByMark()).toEqual({ [oldMark]: 1001, [firstMark()]: 200 });
  });

  test('leave everything that holds data when they are destroyed', async () => {
    const resources = await deployment.resources();
    const types = new Map<string, number>();
    for (const { type } of resources) types.set(type, (types.get(type) ?? 0) + 1);
    await deployment.destroy();
    expect(Object.values(await keptByMark()).reduce((sum, count) => sum + count, 0)).toBe(1201);
    expect(await recordsOfStream()).toHaveLength(1200 + eventsOfDms + 2);
    const lambda = new LambdaClient({});
    await expect(
      lambda.send(new InvokeCommand({ FunctionName: `${name}-score-kinesis`, Payload: Buffer.from('{}') })),
    ).rejects.toThrow(/not found/i);
    lambda.destroy();
    const recorded = recordedTypes.map((type) => `${type} ${types.get(type) ?? 0}`);
    console.log(`recorded by the emulator and no more: ${recorded.join(', ')}`);
    for (const type of recordedTypes) expect([type, types.get(type) ?? 0]).not.toEqual([type, 0]);
    keys.push(...resources.filter(({ type }) => type === 'AWS::KMS::Key'));
  });

  test('come back over the tables and the stream that they left, decide nothing twice, and decide on', async () => {
    const arnOf = (id: string): string => {
      const key = keys.find(({ logicalId }) => logicalId.startsWith(id));
      return `arn:aws:kms:us-east-1:000000000000:key/${key?.physicalId}`;
    };
    await deployment.comeBack({
      retentionHours: 48,
      keptKeys: { data: arnOf('DataKey'), panToken: arnOf('PanTokenKey') },
    });
    const before = await keptByMark();
    await putEvents(1200, 50);
    await untilKept(1251);
    expect(await keptByMark()).toEqual({ ...before, [firstMark()]: 250 });
  });
});
