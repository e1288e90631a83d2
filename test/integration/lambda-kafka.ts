import type { KafkaDriver, OutgoingRecord } from '../../adapters/kafka/port.ts';
import { contractHeader } from '../../runtime/lambda-events.ts';
import { partitionOf } from '../../runtime/partitions.ts';
import { openReading } from './kafka-reading.ts';
import type { StreamEvent } from './lambda-log.ts';
import type { SourceLog } from './lambda-source.ts';

const partitions = 2;
const chunk = 500;

/** Writes events to a topic and reads them back, shaped as an event source mapping of MSK gives them. */
export async function throughKafka(
  driver: KafkaDriver,
  topic: string,
  events: readonly StreamEvent[],
): Promise<SourceLog[]> {
  const admin = await driver.openAdmin();
  const configs = { 'retention.ms': '-1', 'message.timestamp.type': 'LogAppendTime' };
  await admin.createTopics([{ topic, partitions, configs }]);
  await admin.close();
  const producer = await driver.openProducer();
  for (let from = 0; from < events.length; from += chunk) {
    await producer.send(events.slice(from, from + chunk).map((event) => recordOf(topic, event)));
  }
  await producer.close();
  const reading = await openReading(driver, { group: `${topic}-read`, topics: [topic] });
  await reading.until(() => reading.records.length >= events.length);
  await reading.close();
  return Array.from({ length: partitions }, (_, partition) => {
    const name = `${topic}-${partition}`;
    const records = reading.records
      .filter((record) => record.partition === partition)
      .map(({ offset, key, value, headers, timestampMs }) => ({
        topic,
        partition,
        offset,
        timestamp: timestampMs,
        timestampType: 'LOG_APPEND_TIME',
        ...(key === null ? {} : { key: Buffer.from(key).toString('base64') }),
        ...(value === null ? {} : { value: Buffer.from(value).toString('base64') }),
        headers: headers.map(([header, bytes]) => ({ [header]: [...bytes] })),
      }));
    const payloadOf = (part: readonly unknown[]): unknown => ({
      eventSource: 'aws:kafka',
      eventSourceArn: 'arn:aws:kafka:us-east-1:000000000000:cluster/weir/1',
      bootstrapServers: 'b-1.weir.kafka.us-east-1.amazonaws.com:9098',
      records: { [name]: part },
    });
    return { records, payloadOf, identifierOf };
  }).filter(({ records }) => records.length > 0);
}

function recordOf(topic: string, { contract, accountId, bytes }: StreamEvent): OutgoingRecord {
  const encoder = new TextEncoder();
  return {
    topic,
    partition: partitionOf({ tenantId: '', key: accountId }, partitions),
    key: encoder.encode(accountId),
    value: bytes,
    headers: [[contractHeader, encoder.encode(contract)]],
  };
}

function identifierOf(record: unknown): string {
  const { topic, partition, offset } = record as { topic: string; partition: number; offset: number };
  return JSON.stringify({ partition: `${topic}-${partition}`, offset });
}
