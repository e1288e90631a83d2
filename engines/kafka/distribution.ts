import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheOfEngines, runMaven } from '../maven.ts';

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
export async function fetchKafka(cacheDir = cacheOfEngines()): Promise<string> {
  const jars = join(cacheDir, `kafka-${kafkaVersion}`);
  if (existsSync(jars)) return jars;
  mkdirSync(cacheDir, { recursive: true });
  const staging = mkdtempSync(join(cacheDir, 'fetching-'));
  try {
    writeFileSync(join(staging, 'pom.xml'), pomOf());
    const fetched = join(staging, 'jars');
    const options = ['-f', join(staging, 'pom.xml'), '-DincludeScope=runtime', `-DoutputDirectory=${fetched}`];
    await runMaven(`Kafka ${kafkaVersion}`, 'copy-dependencies', options);
    // Who comes second finds the folder of the first, which holds the same.
    if (!existsSync(jars)) renameSync(fetched, jars);
    return jars;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function pomOf(): string {
  const dependencies = artifacts.map(
    ({ group, artifact, version }) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  );
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>weir</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependencies.join('')}</dependencies></project>
`;
}
