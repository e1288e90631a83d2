import { randomUUID } from 'node:crypto';
import type { KafkaAdmin, KafkaDriver } from '../../adapters/kafka/port.ts';
import { paymentTimings } from '../../core/contract/payment-fields.ts';
import { readHead } from '../../core/steps/repartition-record.ts';
import { until } from './eventually.ts';
import { openReading, type Reading } from './kafka-reading.ts';

/** Reads what goes between the workers of a group. */
export function readBetween(driver: KafkaDriver, topic: string): Promise<Reading> {
  return openReading(driver, { group: randomUUID(), topics: [topic], joinsAgain: true });
}

/** Resolves once every owner of a repartition topic knows the last watermark of each source, and has committed it. */
export async function areCaughtUp(options: {
  readonly admin: KafkaAdmin;
  readonly group: string;
  readonly topic: string;
  readonly reading: Reading;
  /** By source partition, the latest event time. */
  readonly latestMs: readonly number[];
}): Promise<void> {
  const { admin, group, topic, reading, latestMs } = options;
  const known = (): boolean => {
    const ends = new Set<string>();
    for (const { partition, value } of reading.records) {
      const head = readHead(value ?? new Uint8Array(), 0, value?.length ?? 0);
      const isLast = head.watermarkMs === latestMs[head.sourcePartition]! - paymentTimings.outOfOrdernessMs;
      if (isLast) ends.add(`${partition} ${head.sourcePartition}`);
    }
    return ends.size === latestMs.length ** 2;
  };
  await reading.until(known);
  await until(async () => {
    const lasts = new Map(reading.records.map(({ partition, offset }) => [partition, offset]));
    const at = [...lasts.keys()].map((partition) => ({ topic, partition }));
    const committed = await admin.committed(group, at);
    return committed.length === at.length && committed.every((one) => one.nextOffset > lasts.get(one.partition)!);
  });
}
