import { createHash } from 'node:crypto';
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordsCommand,
  waitUntilStreamExists,
} from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { aggregate, type EncodedRecord } from 'aws-kinesis-agg';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { frame } from '../../runtime/lambda-events.ts';
import type { StreamEvent } from './lambda-log.ts';
import type { SourceLog } from './lambda-source.ts';

const aggregatedEvents = 40;
const recordsOfPutMax = 500;
const shards = 2;

/** Puts events into a stream as a producer library does, aggregated by shard, and reads them back as Lambda's poller does. */
export async function throughKinesis(stream: string, events: readonly StreamEvent[]): Promise<SourceLog[]> {
  await makeStream(stream, shards);
  const client = openClient();
  for (let from = 0; from < events.length; from += aggregatedEvents) {
    await putAggregated(client, stream, events.slice(from, from + aggregatedEvents));
  }
  client.destroy();
  return readStream(stream);
}

/** Makes a stream, and waits until it is there. */
export async function makeStream(StreamName: string, ShardCount: number): Promise<void> {
  const client = openClient();
  await client.send(new CreateStreamCommand({ StreamName, ShardCount }));
  await waitUntilStreamExists({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { StreamName });
  client.destroy();
}

/** Puts values into a stream that is there, a record each, in their order. */
export async function putRecords(
  StreamName: string,
  values: readonly { readonly key: string; readonly value: string }[],
): Promise<void> {
  const client = openClient();
  for (let from = 0; from < values.length; from += recordsOfPutMax) {
    const Records = values
      .slice(from, from + recordsOfPutMax)
      .map(({ key, value }) => ({ PartitionKey: key, Data: Buffer.from(value) }));
    const { FailedRecordCount = 0 } = await client.send(new PutRecordsCommand({ StreamName, Records }));
    if (FailedRecordCount > 0) throw new Error(`got ${FailedRecordCount} records refused, expected none`);
  }
  client.destroy();
}

/** Reads a stream from its beginning. */
export async function readStream(stream: string): Promise<SourceLog[]> {
  const client = openClient();
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName: stream }));
  const logs = await Promise.all(Shards.map(async ({ ShardId = '' }) => readShard(client, stream, ShardId)));
  client.destroy();
  return logs.filter(({ records }) => records.length > 0);
}

/** The emulator speaks no whole HTTP/2, which this client's own handler wants. */
function openClient(): KinesisClient {
  return new KinesisClient({ requestHandler: new NodeHttpHandler() });
}

async function putAggregated(client: KinesisClient, StreamName: string, events: readonly StreamEvent[]): Promise<void> {
  for (let shard = 0; shard < shards; shard++) {
    const own = events.filter(({ accountId }) => shardOf(accountId) === shard);
    if (own.length === 0) continue;
    const ExplicitHashKey = String((2n ** 128n / BigInt(shards)) * BigInt(shard));
    const encoded = await encode(own);
    const Records = encoded.map(({ partitionKey, data }) => ({
      PartitionKey: partitionKey,
      ExplicitHashKey,
      Data: data,
    }));
    await client.send(new PutRecordsCommand({ StreamName, Records }));
  }
}

async function encode(events: readonly StreamEvent[]): Promise<EncodedRecord[]> {
  const records = events.map(({ contract, accountId, bytes }) => ({
    partitionKey: accountId,
    data: Buffer.from(contract === authorizationContract.topic ? bytes : frame(contract, bytes)),
  }));
  const encoded: EncodedRecord[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  aggregate(
    records,
    (record, done) => {
      encoded.push(record);
      done();
    },
    resolve,
    reject,
  );
  await promise;
  return encoded;
}

/** By the hash that Kinesis takes of a partition key. */
function shardOf(accountId: string): number {
  return Math.floor(((createHash('md5').update(accountId).digest()[0] ?? 0) * shards) / 256);
}

async function readShard(client: KinesisClient, StreamName: string, ShardId: string): Promise<SourceLog> {
  const begin = { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const;
  let { ShardIterator } = await client.send(new GetShardIteratorCommand(begin));
  const eventSourceARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`;
  const records: unknown[] = [];
  for (;;) {
    const got = await client.send(new GetRecordsCommand({ ShardIterator, Limit: 1000 }));
    for (const { SequenceNumber = '', PartitionKey = '', Data, ApproximateArrivalTimestamp } of got.Records ?? []) {
      records.push({
        eventID: `${ShardId}:${SequenceNumber}`,
        eventSource: 'aws:kinesis',
        eventName: 'aws:kinesis:record',
        eventVersion: '1.0',
        awsRegion: 'us-east-1',
        eventSourceARN,
        kinesis: {
          kinesisSchemaVersion: '1.0',
          partitionKey: PartitionKey,
          sequenceNumber: SequenceNumber,
          data: Buffer.from(Data ?? []).toString('base64'),
          approximateArrivalTimestamp: (ApproximateArrivalTimestamp?.getTime() ?? 0) / 1000,
        },
      });
    }
    if ((got.Records ?? []).length === 0) break;
    ShardIterator = got.NextShardIterator;
  }
  return { records, payloadOf: (part) => ({ Records: part }), identifierOf };
}

function identifierOf(record: unknown): string {
  const { kinesis } = record as { kinesis: { sequenceNumber: string } };
  return kinesis.sequenceNumber;
}
