import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCursor } from '../../../adapters/kinesis/shard-cursor.ts';
import { aggregate } from '../../../core/decode/aggregated-record.ts';

type Asked = { readonly operation: string; readonly body: unknown };

/** A server that answers as Kinesis does, what the test says. */
let answers: (readonly [status: number, body: object])[];
let asked: Asked[];
let server: Server;
let client: KinesisClient;

beforeEach(async () => {
  answers = [];
  asked = [];
  server = createServer((request, response) => {
    void request.toArray().then((chunks) => {
      const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
      asked.push({ operation, body: JSON.parse(Buffer.concat(chunks as Buffer[]).toString()) });
      const [status, body] = answers.shift() ?? [500, {}];
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = new KinesisClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler(),
  });
});

afterEach(() => {
  client.destroy();
  server.closeAllConnections();
  server.close();
});

const iterator = (name: string) => [200, { ShardIterator: name }] as const;
const three = aggregate(['a', 'b', 'c'].map((text) => ({ partitionKey: 'k', data: Buffer.from(text) })));
const found = (...sequences: readonly string[]) => {
  const Records = sequences.map((SequenceNumber) => ({
    SequenceNumber,
    PartitionKey: 'k',
    ApproximateArrivalTimestamp: 1_760_000_000,
    Data: Buffer.from(three).toString('base64'),
  }));
  return [200, { Records, NextShardIterator: 'next', MillisBehindLatest: 250 }] as const;
};
const failed = (type: string) => [400, { __type: type, message: 'no' }] as const;
const at = { stream: 'payments', shardId: 'shardId-000000000000' };

test('reading goes on within a record that was taken in part, and after it', async () => {
  answers = [iterator('one'), found('7', '8'), found('9')];
  const cursor = openCursor(client, { ...at, after: { sequence: '7', taken: 2 } });
  const first = await cursor.read();
  expect(asked[0]?.body).toMatchObject({ ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: '7' });
  const texts = first.records.map(({ sequence, takenBefore, records }) => [
    sequence,
    takenBefore,
    records.map(({ data }) => Buffer.from(data).toString()).join(''),
  ]);
  expect(texts).toEqual([
    ['7', 2, 'c'],
    ['8', 0, 'abc'],
  ]);
  expect(first).toMatchObject({ behindMs: 250, isAtEnd: false });
  expect((await cursor.read()).records.map(({ sequence }) => sequence)).toEqual(['9']);
});

test('a record that is no longer there is noticed, where Kinesis would go on with the oldest one', async () => {
  answers = [iterator('one'), found('12')];
  const cursor = openCursor(client, { ...at, after: { sequence: '7', taken: 3 } });
  await expect(cursor.read()).rejects.toMatchObject({
    code: 'OFFSET_OUT_OF_RANGE',
    message: expect.stringContaining('got record 12') as string,
  });
});

test('an iterator that has expired is asked for again, and nothing comes twice', async () => {
  answers = [iterator('one'), found('7'), failed('ExpiredIteratorException'), iterator('two'), found('7', '8')];
  const cursor = openCursor(client, { ...at, after: null });
  expect((await cursor.read()).records.map(({ sequence }) => sequence)).toEqual(['7']);
  expect((await cursor.read()).records.map(({ sequence }) => sequence)).toEqual(['8']);
  expect(asked.map(({ operation }) => operation)).toEqual([
    'GetShardIterator',
    'GetRecords',
    'GetRecords',
    'GetShardIterator',
    'GetRecords',
  ]);
});

test('a shard that is read too often is asked again, and a refusal says what was done', async () => {
  answers = [iterator('one'), failed('ProvisionedThroughputExceededException'), found('7')];
  const cursor = openCursor(client, { ...at, after: null });
  expect((await cursor.read()).records).toHaveLength(1);
  answers = [failed('ResourceNotFoundException')];
  await expect(cursor.read()).rejects.toMatchObject({ code: 'STREAM_UNKNOWN' });
});
