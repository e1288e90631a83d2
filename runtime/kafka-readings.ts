import type { SubmittedReading, TelemetryPort } from '../adapters/http/port.ts';
import { packRecords } from '../adapters/kafka/packed-records.ts';
import type { PlainProducer } from '../adapters/kafka/port.ts';
import { partitionOf } from './partitions.ts';

/** Puts readings into a topic, those of a plant in their order into its partition; whoever watches them reads them there. */
export function topicTelemetry(
  producer: Pick<PlainProducer, 'append'>,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
): TelemetryPort {
  const last = new Map<number, Promise<unknown>>();
  const append = (partition: number, readings: readonly SubmittedReading[]): Promise<unknown> => {
    const records = readings.map(({ plant, bytes }) => ({ key: Buffer.from(plant), value: bytes }));
    const before = last.get(partition) ?? Promise.resolve();
    const own = before.catch(() => undefined).then(() => producer.append(packRecords({ topic, partition }, records)));
    last.set(partition, own);
    return own;
  };
  return {
    append: async (readings) => {
      const byPartition = new Map<number, SubmittedReading[]>();
      for (const reading of readings) {
        const partition = partitionOf({ tenantId: reading.tenantId, key: reading.plant }, partitions);
        byPartition.set(partition, [...(byPartition.get(partition) ?? []), reading]);
      }
      await Promise.all([...byPartition].map(([partition, own]) => append(partition, own)));
    },
  };
}
