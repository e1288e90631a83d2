import { setTimeout as delay } from 'node:timers/promises';
import { KinesisClient, ListShardsCommand, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { aggregate, type UserRecord } from '../../core/decode/aggregated-record.ts';
import { backoffMs } from './backoff.ts';
import { kinesisFailure, putRefused } from './kinesis-failure.ts';
import { type KinesisStream, kinesisLimits as limits, type Shard } from './port.ts';
import { openCursor } from './shard-cursor.ts';

/**
 * A stream by its name, in the region, at the endpoint and with the credentials of the environment. Over HTTP/1.1: polling
 * gains nothing from the client's HTTP/2, and an emulator's ends after 64 KiB of an answer.
 */
export function openStream(name: string): KinesisStream {
  const client = new KinesisClient({ maxAttempts: limits.attempts, requestHandler: new NodeHttpHandler() });
  return {
    name,
    listShards: () => listShards(client, name),
    open: (shardId, after) => openCursor(client, { stream: name, shardId, after }),
    put: async (shardKey, records) => {
      const packed = packRecords(records);
      for (let from = 0; from < packed.length; from += limits.putRecordsMax)
        await putAll(client, { stream: name, shardKey, blobs: packed.slice(from, from + limits.putRecordsMax) });
    },
    close: () => client.destroy(),
  };
}

async function listShards(client: KinesisClient, stream: string): Promise<readonly Shard[]> {
  const shards: Shard[] = [];
  let next: string | undefined;
  do {
    const asked = next === undefined ? { StreamName: stream } : { NextToken: next };
    const answer = await client.send(new ListShardsCommand(asked)).catch((error: unknown) => {
      throw kinesisFailure(error, `listing the shards of ${stream}`);
    });
    for (const { ShardId, ParentShardId, AdjacentParentShardId } of answer.Shards ?? []) {
      const parentIds = [ParentShardId, AdjacentParentShardId].filter((id) => id !== undefined);
      if (ShardId !== undefined) shards.push({ shardId: ShardId, parentIds });
    }
    next = answer.NextToken;
  } while (next !== undefined);
  return shards;
}

/** Records in order, in as few Kinesis records as their limit allows. */
function packRecords(records: readonly UserRecord[]): Uint8Array[] {
  const packed: Uint8Array[] = [];
  let open: UserRecord[] = [];
  let openBytes = 0;
  for (const record of records) {
    const bytes = record.data.length + 3 * record.partitionKey.length + 32;
    if (open.length > 0 && openBytes + bytes > limits.recordBytesMax) {
      packed.push(aggregate(open));
      open = [];
      openBytes = 0;
    }
    open.push(record);
    openBytes += bytes;
  }
  if (open.length > 0) packed.push(aggregate(open));
  return packed;
}

/** Asks again for what was not taken: the stream takes each by itself. */
async function putAll(
  client: KinesisClient,
  put: { readonly stream: string; readonly shardKey: string; readonly blobs: readonly Uint8Array[] },
): Promise<void> {
  let left = put.blobs;
  for (let attempt = 1; left.length > 0; attempt++) {
    const entries = left.map((blob) => ({ Data: blob, PartitionKey: put.shardKey }));
    const answer = await client
      .send(new PutRecordsCommand({ StreamName: put.stream, Records: entries }))
      .catch((error: unknown) => {
        throw kinesisFailure(error, `writing to ${put.stream}`);
      });
    const results = answer.Records ?? [];
    const refused = results.find(({ ErrorCode }) => ErrorCode !== undefined);
    left = left.filter((_, index) => results[index]?.SequenceNumber === undefined);
    if (left.length === 0) return;
    if (attempt === limits.attempts)
      throw putRefused({ stream: put.stream, why: refused?.ErrorCode ?? 'no answer', left: left.length });
    await delay(backoffMs(attempt));
  }
}
