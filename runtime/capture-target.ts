import { openCluster } from '../adapters/kafka/cluster.ts';
import { openStream } from '../adapters/kinesis/stream.ts';
import { WeirError } from '../core/contract/failure.ts';
import { contractHeader, frame } from './lambda-events.ts';

/** An event on its way out, and what partitions it. */
export type CapturedEvent = { readonly topic: string; readonly key: string; readonly bytes: Uint8Array };

/** Where captured events go: each names its contract, and those of one key stay in order. */
export type CaptureTarget = { readonly send: (events: readonly CapturedEvent[]) => Promise<void> };

const targetForm = /^(?:kinesis:\/\/([\w.-]+)|kafka:\/\/([^/]+(?:\/[^/]+\/[^/]+)?)\/([\w.-]+))$/;

/** Opens `kinesis://STREAM` or `kafka://BROKERS/TOPIC`. Throws `TARGET_INVALID`, and what the cluster throws. */
export async function openCaptureTarget(target: string): Promise<CaptureTarget> {
  const [, stream, brokers, topic] = targetForm.exec(target) ?? [];
  if (stream !== undefined) return kinesisTarget(stream);
  if (brokers !== undefined && topic !== undefined) return kafkaTarget(brokers, topic);
  throw new WeirError({
    code: 'TARGET_INVALID',
    message: `got the target ${JSON.stringify(target)}, expected kinesis://STREAM or kafka://BROKERS/TOPIC`,
    fix: 'Set WEIR_CAPTURE_TARGET.',
  });
}

function kinesisTarget(name: string): CaptureTarget {
  const stream = openStream(name);
  return {
    send: async (events) => {
      const byKey = Map.groupBy(events, ({ key }) => key);
      for (const [key, some] of byKey) {
        const records = some.map(({ topic, bytes }) => ({ partitionKey: key, data: frame(topic, bytes) }));
        // A partition key of Kinesis has a character at least, and 256 at most.
        await stream.put(key.slice(0, partitionKeyMax) || '-', records);
      }
    },
  };
}

const partitionKeyMax = 256;

async function kafkaTarget(brokers: string, topic: string): Promise<CaptureTarget> {
  // A function that writes to Kinesis does not wait for Kafka's library.
  const { platformaticDriver } = await import('../adapters/kafka/platformatic.ts');
  const driver = platformaticDriver(await openCluster({ clientId: 'weir-capture', brokers }));
  const producer = await driver.openProducer();
  return {
    send: async (events) => {
      const records = events.map((event) => ({
        topic,
        key: Buffer.from(event.key),
        value: event.bytes,
        headers: [[contractHeader, Buffer.from(event.topic)] as const],
      }));
      await producer.send(records);
    },
  };
}
