import type { BaseOptions } from '@platformatic/kafka';
import { openPlatformaticAdmin } from './platformatic-admin.ts';
import { openPlatformaticConsumer } from './platformatic-consumer.ts';
import { openPlatformaticProducer, openPlatformaticTransactional } from './platformatic-producer.ts';
import { type ClusterOptions, type KafkaDriver, kafkaLimits } from './port.ts';

/** The driver of the worker, over @platformatic/kafka: lz4, cooperative rebalancing, least CPU a record. */
export function platformaticDriver(cluster: ClusterOptions): KafkaDriver {
  const base = baseOf(cluster);
  return {
    name: 'platformatic',
    openAdmin: async () => openPlatformaticAdmin(base),
    openConsumer: (options) => openPlatformaticConsumer(base, options),
    openTransactional: (options) => openPlatformaticTransactional(base, options),
    openProducer: async () => openPlatformaticProducer(base),
  };
}

function baseOf({ clientId, bootstrap, security }: ClusterOptions): BaseOptions {
  return {
    clientId,
    bootstrapBrokers: [...bootstrap],
    timeout: kafkaLimits.requestTimeoutMs,
    requestTimeout: kafkaLimits.requestTimeoutMs,
    connectTimeout: kafkaLimits.connectTimeoutMs,
    retries: kafkaLimits.retries,
    // Its default of a second makes every transaction take that long: a broker says at first that the one before is not over.
    retryDelay: kafkaLimits.retryDelayMs,
    metadataMaxAge: 30_000,
    ...(security?.tls === true ? { tls: {} } : {}),
    ...(security?.token === undefined ? {} : { sasl: { mechanism: 'OAUTHBEARER', token: security.token } }),
  };
}
