import { compressionsAlgorithms } from '@platformatic/kafka';
import kafkajs from 'kafkajs';
import { openKafkajsAdmin } from './kafkajs-admin.ts';
import { openKafkajsConsumer } from './kafkajs-consumer.ts';
import { openKafkajsProducer, openKafkajsTransactional } from './kafkajs-producer.ts';
import { type ClusterOptions, type KafkaDriver, kafkaLimits } from './port.ts';

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;

/**
 * The second driver, over kafkajs: what it differs in is said in the suite that both pass. It writes gzip, and rebalances
 * eagerly: each change of the group takes all partitions from all members for a moment.
 */
export function kafkajsDriver({ clientId, bootstrap, security }: ClusterOptions): KafkaDriver {
  registerCodecs();
  const token = security?.token;
  const kafka = new Kafka({
    clientId,
    brokers: [...bootstrap],
    ssl: security?.tls ?? false,
    reauthenticationThreshold: kafkaLimits.signInAgainMs,
    ...(token === undefined
      ? {}
      : { sasl: { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: await token() }) } }),
    logLevel: logLevel.NOTHING,
    requestTimeout: kafkaLimits.requestTimeoutMs,
    connectionTimeout: kafkaLimits.connectTimeoutMs,
    retry: { retries: kafkaLimits.retries, initialRetryTime: kafkaLimits.troubleDelayMs },
  });
  return {
    name: 'kafkajs',
    openAdmin: () => openKafkajsAdmin(kafka),
    openConsumer: (options) => openKafkajsConsumer(kafka, options),
    openTransactional: (options) => openKafkajsTransactional(kafka, options),
    openProducer: () => openKafkajsProducer(kafka),
  };
}

/** kafkajs has gzip alone; what other clients wrote is read with the codecs of the other library. */
function registerCodecs(): void {
  const codecs = [
    { type: CompressionTypes.LZ4, codec: compressionsAlgorithms.lz4 },
    { type: CompressionTypes.Snappy, codec: compressionsAlgorithms.snappy },
    { type: CompressionTypes.ZSTD, codec: compressionsAlgorithms.zstd },
  ] as const;
  for (const { type, codec } of codecs) {
    CompressionCodecs[type] = () => ({
      compress: async ({ buffer }: { readonly buffer: Buffer }) => codec.compressSync(buffer),
      decompress: async (buffer: Buffer) => codec.decompressSync(buffer),
    });
  }
}
