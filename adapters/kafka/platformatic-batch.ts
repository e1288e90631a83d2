import type { Consumer, RecordsBatch } from '@platformatic/kafka';
import { withoutAborted } from './aborted-records.ts';
import type { KafkaBatch, KafkaRecord, SourceOffset } from './port.ts';

// Bits of a batch's attributes, https://kafka.apache.org/documentation/#recordbatch
const isAppendTime = 1 << 3;
const isControl = 1 << 5;

/** What a broker answers about one partition of a fetch. */
type FetchedPartition = Awaited<ReturnType<Consumer['fetch']>>['responses'][number]['partitions'][number];

/** What a fetch found of a partition: without marks and what aborted transactions wrote, and without what lies in the same batch before the offset. */
export function batchOf(from: SourceOffset, fetched: FetchedPartition): KafkaBatch {
  const { topic, partition } = from;
  const records: KafkaRecord[] = [];
  let { nextOffset } = from;
  const kept = new Set(withoutAborted(fetched.records ?? [], fetched.abortedTransactions ?? []));
  for (const batch of fetched.records ?? []) {
    const firstOffset = Number(batch.firstOffset);
    const isRead = kept.has(batch) && (batch.attributes & isControl) === 0;
    if (isRead) addRecords(batch, firstOffset, from.nextOffset, records);
    nextOffset = Math.max(nextOffset, firstOffset + batch.lastOffsetDelta + 1);
  }
  return { topic, partition, records, nextOffset, highWatermark: Number(fetched.highWatermark) };
}

function addRecords(batch: RecordsBatch, firstOffset: number, fromOffset: number, records: KafkaRecord[]): void {
  const firstMs = Number(batch.firstTimestamp);
  const appendMs = (batch.attributes & isAppendTime) === 0 ? null : Number(batch.maxTimestamp);
  for (const { offsetDelta, timestampDelta, key, value, headers } of batch.records) {
    const offset = firstOffset + offsetDelta;
    if (offset < fromOffset) continue;
    records.push({
      offset,
      key,
      value,
      headers: headers.map(([name, bytes]) => [name?.toString() ?? '', bytes ?? Buffer.alloc(0)]),
      timestampMs: appendMs ?? firstMs + Number(timestampDelta),
    });
  }
}
