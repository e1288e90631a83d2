import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { openAws } from '../../engines/aws/endpoint.ts';
import type { Emulator } from '../../engines/aws/emulators.ts';
import { drawPage } from '../../engines/chromium/picture.ts';
import { writeDefinition } from '../../runtime/lambda-definition.ts';
import { kinesisBatches } from '../../runtime/lambda-events.ts';
import { scoreHandler } from '../../runtime/lambda-score.ts';
import { serveHandler } from '../../runtime/lambda-serve.ts';
import { accountPayments, writeAccountFiles } from '../../simulate/account-payments.ts';
import { functions, ofType, synthesize } from '../lib/synthesized.ts';
import { drawCloudWatch, type Sample } from './cloudwatch-board.ts';
import { callerKey, functionVariables, kinesisPayload } from './function-world.ts';
import { gatewayEvent } from './gateway-event.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-cloudwatch-'));
/** `WEIR_BOARD_PICTURES=docs/images` draws the picture of the documentation anew. */
const pictures = process.env['WEIR_BOARD_PICTURES'] ?? dir;
const batches = 24;
const batchRecords = 40;
let aws: Emulator;
let variables: Readonly<Record<string, string>>;

beforeAll(async () => {
  aws = await openAws();
  await writeDefinition(writeAccountFiles(dir), dir);
  variables = await functionVariables(dir, ['*']);
});

afterAll(async () => {
  await aws?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('the CloudWatch board of functions is drawn from what they told while they scored', async () => {
  const samples = new Map<string, Sample[]>();
  const note = (name: string, value: number): void => {
    const sample = { seconds: Date.now() / 1000, value };
    samples.set(name, [...(samples.get(name) ?? []), sample]);
  };
  const print = vi.spyOn(process.stdout, 'write').mockImplementation((line) => {
    for (const [name, value] of metricsIn(String(line))) note(`Weir ${name}`, value);
    return true;
  });
  const from = Date.now() / 1000;
  try {
    await Promise.all([scoreStream(note), askApi(note)]);
  } finally {
    print.mockRestore();
  }
  const range = { from: Math.floor(from), to: Math.ceil(Date.now() / 1000) };
  const [board] = ofType(
    synthesize({ profile: 'prod', backbone: 'kinesis', ...functions }),
    'AWS::CloudWatch::Dashboard',
  );
  const path = join(pictures, 'weir-cloudwatch.png');
  await drawPage(drawCloudWatch(bodyOf(board?.Properties), samples, range), { path, width: 1360 });
  expect(statSync(path).size).toBeGreaterThan(50_000);
  for (const name of ['decisions.approve', 'duplicates', 'deadLetters.conflict', 'deadLetters.notJson'])
    expect({ name, seen: samples.has(`Weir ${name}`) }).toEqual({ name, seen: true });
});

/** Batches of a stream one after the other, with copies, conflicts and what is no event among them. */
async function scoreStream(note: (name: string, value: number) => void): Promise<void> {
  const handler = scoreHandler(kinesisBatches, variables);
  const values = accountPayments({ from: 0, count: batches * batchRecords, accounts: 50, partitions: 1 });
  for (let batch = 0; batch < batches; batch++) {
    const own = values.slice(batch * batchRecords, (batch + 1) * batchRecords).map(({ value }) => value);
    const arrivedMs = Date.now();
    const more = batch % 4 === 3 ? [own[0] ?? '', (own[1] ?? '').replace('"EUR"', '"USD"'), 'no event'] : [];
    await handler(kinesisPayload([...own, ...more], { first: batch * (batchRecords + 3) }));
    const tookMs = Date.now() - arrivedMs;
    note('AWS/Lambda Duration', tookMs);
    note('AWS/Lambda Invocations', 1);
    note('AWS/Kinesis GetRecords.IteratorAgeMilliseconds', tookMs);
  }
}

/** Requests one after the other, now and then one without a key. */
async function askApi(note: (name: string, value: number) => void): Promise<void> {
  const handler = serveHandler(variables);
  const values = accountPayments({ from: 100_000, count: 200, accounts: 40, partitions: 1 });
  for (const [number, { value }] of values.entries()) {
    const beganMs = performance.now();
    const bearer = number % 50 === 49 ? 'nobody' : callerKey;
    const body = value.replaceAll('acc-', 'api-');
    const event = gatewayEvent({ method: 'POST', path: '/v1/authorizations:score', body, bearer });
    const { statusCode } = await handler(event);
    note('AWS/ApiGateway Latency', performance.now() - beganMs);
    note('AWS/ApiGateway Count', 1);
    if (statusCode >= 400) note(`AWS/ApiGateway ${statusCode < 500 ? 4 : 5}XXError`, 1);
  }
}

const metricLine = z.looseObject({
  _aws: z.object({ CloudWatchMetrics: z.array(z.object({ Metrics: z.array(z.object({ Name: z.string() })) })) }),
});

/** What CloudWatch makes of a line of the embedded metric format. */
function metricsIn(line: string): [name: string, value: number][] {
  if (!line.startsWith('{"_aws"')) return [];
  const told = metricLine.parse(JSON.parse(line));
  return told._aws.CloudWatchMetrics.flatMap(({ Metrics }) => Metrics.map(({ Name }) => [Name, Number(told[Name])]));
}

/** The JSON of a dashboard, whose region is filled in at the deployment. */
function bodyOf(properties: Readonly<Record<string, unknown>> | undefined): string {
  const join = z.object({ 'Fn::Join': z.tuple([z.string(), z.array(z.union([z.string(), z.looseObject({})]))]) });
  const [separator, parts] = join.parse(properties?.['DashboardBody'])['Fn::Join'];
  return parts.map((part) => (typeof part === 'string' ? part : 'us-east-1')).join(separator);
}
