import { randomUUID } from 'node:crypto';
import type { KafkaAdmin, KafkaDriver, OutgoingRecord, PackedRecords } from '../../adapters/kafka/port.ts';
import { openReading } from './kafka-reading.ts';

/** The UTF-8 of a text. */
export const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** The text of bytes. */
export const said = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : new TextDecoder().decode(bytes);

/** A topic of its own for each test: records of old times stay. */
export async function newTopic(driver: KafkaDriver, partitions = 1): Promise<string> {
  const topic = `test.${randomUUID()}`;
  await using admin = await adminOf(driver);
  await admin.createTopics([{ topic, partitions, configs: { 'retention.ms': '-1' } }]);
  return topic;
}

/** An admin that is closed where its scope ends. */
export async function adminOf(driver: KafkaDriver): Promise<KafkaAdmin & AsyncDisposable> {
  const admin = await driver.openAdmin();
  return { ...admin, [Symbol.asyncDispose]: () => admin.close() };
}

/** Records of partition 0 that count on. */
export const numbered = (topic: string, from: number, count: number): OutgoingRecord[] =>
  Array.from({ length: count }, (_, index) => ({
    topic,
    partition: 0,
    key: text(`key ${from + index}`),
    value: text(`value ${from + index}`),
  }));

/** Records of partition 0 that count on, packed. */
export function packedNumbers(topic: string, from: number, count: number): PackedRecords {
  const join = (parts: readonly string[]) => {
    const bytes = text(parts.join(''));
    let end = 0;
    return { bytes, ends: Uint32Array.from(parts, (part) => (end += part.length)) };
  };
  const indexes = Array.from({ length: count }, (_, index) => from + index);
  const keys = join(indexes.map(String));
  const values = join(indexes.map(String));
  return {
    topic,
    partition: 0,
    count,
    keys: keys.bytes,
    keyEnds: keys.ends,
    values: values.bytes,
    valueEnds: values.ends,
    valuePrefix: text('value '),
    headers: [['trace', text('abc')]],
  };
}

/** All committed values of a topic's partition 0, by a group of its own. */
export async function valuesIn(driver: KafkaDriver, topic: string, count: number, isolation?: 'uncommitted') {
  const reading = await openReading(driver, {
    group: randomUUID(),
    topics: [topic],
    ...(isolation === undefined ? {} : { isolation }),
  });
  await reading.until(() => reading.records.length >= count || reading.failures.length > 0);
  await reading.close();
  return reading.records.map(({ value }) => said(value));
}
