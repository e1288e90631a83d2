import { fetchJars } from '../maven.ts';

/** The broker that tests, benchmarks and `npm run kafka` start. */
const kafkaVersion = '4.1.2';

// Kafka 4 logs through slf4j-api 1.7.36; without a binding of the same version it logs nothing.
const artifacts = [
  { group: 'org.apache.kafka', artifact: 'kafka_2.13', version: kafkaVersion },
  { group: 'org.slf4j', artifact: 'slf4j-simple', version: '1.7.36' },
];

/**
 * The folder with Kafka's jars, which come from Maven Central the first time (43 MB) and stay in the user's cache, or in
 * `WEIR_CACHE`. Throws `ENGINE_MISSING` without Java or Maven, `ENGINE_NOT_FETCHED` when the download fails.
 */
export async function fetchKafka(cacheDir?: string): Promise<string> {
  return fetchJars({ name: `kafka-${kafkaVersion}`, artifacts }, cacheDir);
}
