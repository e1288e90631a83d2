import { setTimeout as delay } from 'node:timers/promises';
import { GetRecordsCommand, GetShardIteratorCommand, type KinesisClient, type _Record } from '@aws-sdk/client-kinesis';
import { disaggregate } from '../../core/decode/aggregated-record.ts';
import { backoffMs } from './backoff.ts';
import { kinesisFailure, trimmed } from './kinesis-failure.ts';
import {
  kinesisLimits as limits,
  type ShardCursor,
  type ShardPosition,
  type ShardRead,
  type ShardRecord,
} from './port.ts';

type Place = { readonly stream: string; readonly shardId: string; readonly after: ShardPosition | null };

/**
 * Reads a shard by polling. It goes on AT the last record and not after it, and drops what was taken: so a record that is
 * not in the stream any more is noticed, where Kinesis would begin with the oldest one without a word.
 */
export function openCursor(client: KinesisClient, { stream, shardId, after }: Place): ShardCursor {
  let last = after;
  /** The next record must be the last one again. */
  let isResuming = after !== null;
  let iterator: string | null = null;
  const begin = async (): Promise<string> => {
    const answer = await client.send(
      new GetShardIteratorCommand({
        StreamName: stream,
        ShardId: shardId,
        ...(last === null
          ? { ShardIteratorType: 'TRIM_HORIZON' }
          : { ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: last.sequence }),
      }),
    );
    isResuming = last !== null;
    return answer.ShardIterator ?? '';
  };
  const ask = async () => {
    for (let attempt = 1; ; attempt++) {
      try {
        iterator ??= await begin();
        return await client.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: limits.recordsMax }));
      } catch (error) {
        const name = error instanceof Error ? error.name : '';
        if (name === 'ExpiredIteratorException') iterator = null;
        else if (name !== 'ProvisionedThroughputExceededException' || attempt === limits.attempts)
          throw kinesisFailure(error, `reading ${stream} ${shardId}`);
        await delay(backoffMs(attempt));
      }
    }
  };
  const resume = (records: ShardRecord[]): ShardRecord[] => {
    const [first, ...rest] = records;
    if (!isResuming || last === null || first === undefined) return records;
    if (first.sequence !== last.sequence)
      throw trimmed({ stream, shardId, sequence: last.sequence, found: first.sequence });
    isResuming = false;
    const left = first.records.slice(last.taken);
    return left.length === 0 ? rest : [{ ...first, takenBefore: last.taken, records: left }, ...rest];
  };
  return {
    read: async (): Promise<ShardRead> => {
      const { Records = [], NextShardIterator, MillisBehindLatest } = await ask();
      const all = Records.map(recordOf);
      const records = resume(all);
      const newest = all.at(-1);
      if (newest !== undefined) last = { sequence: newest.sequence, taken: newest.records.length };
      iterator = NextShardIterator ?? null;
      return { records, behindMs: MillisBehindLatest ?? 0, isAtEnd: NextShardIterator === undefined };
    },
  };
}

function recordOf({
  SequenceNumber = '',
  Data = new Uint8Array(),
  PartitionKey = '',
  ApproximateArrivalTimestamp,
}: _Record) {
  return {
    sequence: SequenceNumber,
    arrivalMs: ApproximateArrivalTimestamp?.getTime() ?? 0,
    takenBefore: 0,
    records: disaggregate(Data) ?? [{ partitionKey: PartitionKey, data: Data }],
  };
}
