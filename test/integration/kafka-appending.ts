import { randomUUID } from 'node:crypto';
import type { KafkaDriver } from '../../adapters/kafka/port.ts';
import { openReading } from './kafka-reading.ts';
import { numbered, packedNumbers, said } from './kafka-records.ts';

/** Appends five records behind three others in two calls: where and of when each is, as those told. */
export async function appendedAmong(driver: KafkaDriver, topic: string) {
  const producer = await driver.openProducer();
  await producer.send(numbered(topic, 0, 3));
  const first = await producer.append(packedNumbers(topic, 3, 4));
  const second = await producer.append(packedNumbers(topic, 7, 1));
  await producer.close();
  const placed = [0, 1, 2, 3].map((index) => ({ offset: first.firstOffset + index, timestampMs: first.timestampMs }));
  const all = [...placed, { offset: second.firstOffset, timestampMs: second.timestampMs }];
  return all.map((at, index) => ({ ...at, value: `value ${3 + index}` }));
}

/** Of the records of partition 0 in `[from, until)`, by their places in the topic: where, of when and what each is. */
export async function recordsFrom(driver: KafkaDriver, topic: string, from: number, until: number) {
  const reading = await openReading(driver, { group: randomUUID(), topics: [topic] });
  await reading.until(() => reading.records.length >= until);
  await reading.close();
  return reading.records
    .slice(from, until)
    .map(({ offset, timestampMs, value }) => ({ offset, timestampMs, value: said(value) }));
}
