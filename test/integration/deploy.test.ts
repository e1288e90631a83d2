import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudWatchClient, DescribeAlarmsCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ConfirmSubscriptionCommand, ListTopicsCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
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
import { holdingData, openDeployment } from './deployment.ts';
import { until } from './eventually.ts';
import { checkSource, readTables } from './lambda-check.ts';
import { putPayments, readStream } from './lambda-kinesis.ts';

/** What MiniStack has no part of: written down, and that is all. Anything else that it lacks fails the deployment. */
const recordedTypes = [
  'AWS::CodeDeploy::Application',
  'AWS::CodeDeploy::DeploymentGroup',
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
const dir = mkdtempSync(join(tmpdir(), 'weir-deploy-'));
const deployment = openDeployment(dir, {
  profile: 'dev',
  backbone: 'kinesis',
  runtime: 'lambda',
  name,
  sizes: { shards: 2 },
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
  await bundleFunctions(join(dir, 'functions'), join(dir, 'definition'));
}

function definition(): ReturnType<typeof readDefinition> {
  return readDefinition(join(dir, 'definition'));
}

async function putEvents(from: number, count: number): Promise<void> {
  await putPayments(name, accountPayments({ from, count, accounts: 100, partitions: 1 }));
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

describe('stacks that are deployed to an empty account', () => {
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
    const told = await openPager();
    const client = new CloudWatchClient({});
    try {
      await subscribe(told.url);
      await told.subscribed;
      const { CompositeAlarms = [] } = await client.send(new DescribeAlarmsCommand({ AlarmTypes: ['CompositeAlarm'] }));
      const fails = CompositeAlarms.find(({ AlarmDescription = '' }) => AlarmDescription.includes('scoring-errors.md'));
      const behind = CompositeAlarms.find(({ AlarmDescription = '' }) => AlarmDescription.includes('lag.md'));
      for (const alarm of [fails, behind]) await ringAll(client, alarm?.AlarmRule ?? '');
      await until(async () => told.alarms.length > 0);
      const { CompositeAlarms: after = [] } = await client.send(
        new DescribeAlarmsCommand({ AlarmTypes: ['CompositeAlarm'], StateValue: 'ALARM' }),
      );
      expect(after.map(({ AlarmName }) => AlarmName)).toEqual([fails?.AlarmName]);
      expect(told.alarms).toEqual([fails?.AlarmName]);
    } finally {
      client.destroy();
      told.server.close();
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
    await untilKept(1200);
    expect(await keptByMark()).toEqual({ [oldMark]: 1000, [firstMark()]: 200 });
  });

  test('leave everything that holds data when they are destroyed', async () => {
    const resources = await deployment.resources();
    const types = new Map<string, number>();
    for (const { type } of resources) types.set(type, (types.get(type) ?? 0) + 1);
    await deployment.destroy();
    expect(Object.values(await keptByMark()).reduce((sum, count) => sum + count, 0)).toBe(1200);
    expect((await shardsOfStream()).flatMap(({ records }) => records)).toHaveLength(1200);
    const lambda = new LambdaClient({});
    await expect(
      lambda.send(new InvokeCommand({ FunctionName: `${name}-score-kinesis`, Payload: Buffer.from('{}') })),
    ).rejects.toThrow(/not found/i);
    lambda.destroy();
    const recorded = recordedTypes.map((type) => `${type} ${types.get(type) ?? 0}`);
    console.log(`recorded by the emulator and no more: ${recorded.join(', ')}`);
    for (const type of recordedTypes) expect([type, types.get(type) ?? 0]).not.toEqual([type, 0]);
  });
});

/** Sets each alarm of a rule, but for those that it wants quiet. */
async function ringAll(client: CloudWatchClient, rule: string): Promise<void> {
  const names = [...rule.matchAll(/(?<!NOT \(?)ALARM\("?(?:[^")]*:alarm:)?([^")]+)"?\)/g)].map(([, one = '']) => one);
  expect(names.length).toBeGreaterThan(0);
  for (const AlarmName of names)
    await client.send(new SetAlarmStateCommand({ AlarmName, StateValue: 'ALARM', StateReason: 'asked for' }));
}

async function subscribe(Endpoint: string): Promise<void> {
  const client = new SNSClient({});
  const { Topics = [] } = await client.send(new ListTopicsCommand({}));
  const TopicArn = Topics.map((topic) => topic.TopicArn ?? '').find((arn) => arn.endsWith(`${name}-alarms`));
  await client.send(new SubscribeCommand({ TopicArn, Protocol: 'http', Endpoint }));
  client.destroy();
}

type Pager = {
  readonly url: string;
  readonly subscribed: Promise<unknown>;
  readonly alarms: string[];
  readonly server: Server;
};

/** A pager: it confirms that it is subscribed, and keeps the names of the alarms that it is told of. */
async function openPager(): Promise<Pager> {
  const alarms: string[] = [];
  const client = new SNSClient({});
  const { promise: subscribed, resolve } = Promise.withResolvers<unknown>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.end();
      const { Type, TopicArn, Token, Message } = notification.parse(JSON.parse(Buffer.concat(chunks).toString()));
      if (Type === 'SubscriptionConfirmation')
        resolve(client.send(new ConfirmSubscriptionCommand({ TopicArn, Token })));
      if (Type !== 'Notification') return;
      const { AlarmName, NewStateValue } = alarmMessage.parse(JSON.parse(Message));
      if (NewStateValue === 'ALARM') alarms.push(AlarmName);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('got no port, expected a TCP address');
  return { url: `http://127.0.0.1:${address.port}/`, subscribed, alarms, server };
}

const notification = z.object({
  Type: z.string(),
  TopicArn: z.string(),
  Token: z.string().optional(),
  Message: z.string(),
});
const alarmMessage = z.object({ AlarmName: z.string(), NewStateValue: z.string() });
