import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateStreamCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openStream } from '../../adapters/kinesis/stream.ts';
import { startMiniStack, type Emulator } from '../../engines/aws/emulators.ts';
import { openAws } from '../../engines/aws/endpoint.ts';
import { openRecordingProxy, type RecordingProxy } from '../../engines/aws/recording-proxy.ts';
import { captureHandler } from '../../runtime/lambda-capture.ts';
import { writeDefinition } from '../../runtime/lambda-definition.ts';
import { kinesisBatches } from '../../runtime/lambda-events.ts';
import { redriveHandler } from '../../runtime/lambda-redrive.ts';
import { scoreHandler } from '../../runtime/lambda-score.ts';
import { serveHandler } from '../../runtime/lambda-serve.ts';
import { accountPayments, writeAccountFiles } from '../../simulate/account-payments.ts';
import { byDms, functions, statementsOf, synthesize } from '../lib/synthesized.ts';
import { callerKey, functionVariables, kinesisPayload } from './function-world.ts';
import { gatewayEvent } from './gateway-event.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-permissions-'));
const stream = `payments-${randomUUID().slice(0, 8)}`;
const payments = accountPayments({ from: 0, count: 3, accounts: 1, partitions: 1 }).map(({ value }) => value);
let aws: Emulator;
let proxy: RecordingProxy;
let variables: Readonly<Record<string, string>>;

beforeAll(async () => {
  aws = await openAws(async () => startMiniStack({}));
  await writeDefinition(writeAccountFiles(dir), dir);
  const target = `kinesis://${stream}`;
  const functions = await functionVariables(dir, ['accounts']);
  variables = { ...functions, WEIR_REDRIVE_TARGET: target, WEIR_CAPTURE_TARGET: target };
  await new KinesisClient({ maxAttempts: 3 }).send(new CreateStreamCommand({ StreamName: stream, ShardCount: 1 }));
  const made = openStream(stream);
  await vi.waitUntil(async () => (await made.listShards()).length === 1, { timeout: 20_000 });
  made.close();
  proxy = await openRecordingProxy(aws.endpoint);
  process.env['AWS_ENDPOINT_URL'] = proxy.endpoint;
});

afterAll(async () => {
  await proxy?.close();
  await aws?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** By the role of a function, the work that a run of it does. */
const works: Readonly<Record<string, () => Promise<void>>> = {
  ApiRole: async () => {
    const handler = serveHandler(variables);
    const call = async (method: string, path: string, body: string | null): Promise<number> =>
      (await handler(gatewayEvent({ method, path, body, bearer: callerKey }))).statusCode;
    const [first = '', second = ''] = payments;
    const { eventTimeMs } = JSON.parse(first);
    const score = '/v1/authorizations:score';
    expect(await call('POST', score, first)).toBe(200);
    expect(await call('POST', score, first)).toBe(200);
    expect(await call('POST', score, second)).toBe(200);
    expect(await call('POST', score, first.replace('"EUR"', '"USD"'))).toBe(409);
    const release = { tenantId: 'accounts', eventId: 'c', eventTimeMs, accountId: 'acc-0', authorizationId: 'a-0' };
    const clearing = JSON.stringify({ ...release, amountMinor: 100, currency: 'EUR' });
    expect(await call('POST', '/v1/clearings', clearing)).toBe(202);
  },
  ScorerRole: async () => {
    const values = [...payments.map((value) => value.replaceAll('acc-0', 'acc-stream')), 'no event'];
    const response = await scoreHandler(kinesisBatches, variables)(kinesisPayload(values, { stream }));
    expect(response).toEqual({ batchItemFailures: [] });
  },
  RedriveRole: async () => {
    const report = await redriveHandler(variables)({ source: `${stream}/shardId-000000000000` });
    expect(report.letters).toEqual({ notJson: 1 });
  },
  CaptureRole: async () => {
    const lines = readFileSync('test/golden/changes/dms.jsonl', 'utf8').trimEnd().split('\n');
    const response = await captureHandler('dms', variables)(kinesisPayload(lines));
    expect(response).toEqual({ batchItemFailures: [] });
  },
};

/** What no request of the function itself is, and who makes it. */
const explained: readonly (readonly [RegExp, string])[] = [
  [/^ec2:/, 'Lambda makes and removes the network interfaces of a function in a network'],
  [/^logs:/, 'the runtime of Lambda writes what the function prints'],
  [/^kms:/, 'the tables, streams and secrets use the key on behalf of who asks'],
  [/^kinesis:(Describe|Get|List)/, 'the event source mapping reads the stream; a target of Kinesis lists its shards'],
  [/^s3:(ListBucket|PutObject)$/, 'the event source mapping keeps batches that it gave up in the bucket'],
  [/^secretsmanager:DescribeSecret$/, 'the CDK grants it with the reading of the secret'],
  [/^dynamodb:DeleteItem$/, 'a state beyond one item leaves blocks behind, which are deleted when it is written again'],
  [/^dynamodb:GetItem$/, 'read back where a server does not say what stood in the way of a conditional write'],
];

test('each function asks for what its role allows, and what else the role allows is explained', async () => {
  const statements = statementsOf(synthesize({ profile: 'prod', backbone: 'kinesis', ...functions, capture: byDms }));
  for (const [role, work] of Object.entries(works)) {
    proxy.takeActions();
    await work();
    const asked = [...proxy.takeActions()].toSorted();
    const allowed = new Set(
      statements.filter(({ where }) => where.startsWith(`${role}DefaultPolicy`)).flatMap(({ actions }) => actions),
    );
    expect(asked.length).toBeGreaterThan(0);
    const refused = asked.filter((action) => !allowed.has(action));
    const unused = [...allowed].filter((action) => !asked.includes(action)).toSorted();
    const open = unused.filter((action) => !explained.some(([pattern]) => pattern.test(action)));
    process.stderr.write(`${role}: asked ${asked.join(' ')}\n${role}: not asked ${unused.join(' ')}\n`);
    expect({ role, refused, open }).toEqual({ role, refused: [], open: [] });
  }
});
