import { hash } from 'node:crypto';
import type { SubmittedReading, TelemetryPort } from '../adapters/http/port.ts';
import type { KinesisStream } from '../adapters/kinesis/port.ts';
import { readingContract } from '../core/contract/reading.ts';
import { frame } from './lambda-events.ts';

/** Puts readings into a stream, those of a plant in their order into its shard, many in one record. */
export function telemetryStream(stream: Pick<KinesisStream, 'put'>): TelemetryPort {
  return {
    append: async (readings) => {
      await Promise.all([...byPlant(readings)].map(async ([key, own]) => stream.put(key, own.map(recordOf))));
    },
  };
}

function byPlant(readings: readonly SubmittedReading[]): Map<string, SubmittedReading[]> {
  const plants = new Map<string, SubmittedReading[]>();
  for (const reading of readings) {
    const key = keyOf(reading);
    const own = plants.get(key) ?? [];
    own.push(reading);
    plants.set(key, own);
  }
  return plants;
}

function recordOf(reading: SubmittedReading) {
  return { partitionKey: keyOf(reading), data: frame(readingContract.topic, reading.bytes) };
}

/** Of a plant: tenants may have plants of one name. A hash of it chooses the shard. */
function keyOf({ tenantId, plant }: SubmittedReading): string {
  return hash('sha256', JSON.stringify([tenantId, plant]), 'hex');
}
