import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WeirError } from '../../core/contract/failure.ts';

/** The broker that tests, benchmarks and `npm run kafka` start. */
const kafkaVersion = '4.1.2';

// Kafka 4 logs through slf4j-api 1.7.36; without a binding of the same version it logs nothing.
const artifacts = [
  { group: 'org.apache.kafka', artifact: 'kafka_2.13', version: kafkaVersion },
  { group: 'org.slf4j', artifact: 'slf4j-simple', version: '1.7.36' },
];
const copyDependencies = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
const run = promisify(execFile);

/**
 * The folder with Kafka's jars, which come from Maven Central the first time (43 MB) and stay in the user's cache, or in
 * `WEIR_CACHE`. Throws `ENGINE_MISSING` without Java or Maven, `ENGINE_NOT_FETCHED` when the download fails.
 */
export async function fetchKafka(
  cacheDir = process.env['WEIR_CACHE'] ?? join(homedir(), '.cache', 'weir'),
): Promise<string> {
  const jars = join(cacheDir, `kafka-${kafkaVersion}`);
  if (existsSync(jars)) return jars;
  await demand('java', '-version');
  await demand('mvn', '-version');
  mkdirSync(cacheDir, { recursive: true });
  const staging = mkdtempSync(join(cacheDir, 'fetching-'));
  try {
    writeFileSync(join(staging, 'pom.xml'), pomOf());
    const fetched = join(staging, 'jars');
    const options = ['-q', '-B', '-f', join(staging, 'pom.xml'), copyDependencies, '-DincludeScope=runtime'];
    await run('mvn', [...options, `-DoutputDirectory=${fetched}`]).catch((error: unknown) => {
      throw notFetched(error);
    });
    // Who comes second finds the folder of the first, which holds the same.
    if (!existsSync(jars)) renameSync(fetched, jars);
    return jars;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

async function demand(program: string, argument: string): Promise<void> {
  await run(program, [argument]).catch((error: unknown) => {
    throw new WeirError({
      code: 'ENGINE_MISSING',
      message: `got no program ${program}, expected it: a Kafka broker runs on Java 17 and comes by Maven`,
      fix: 'Install both, such as by: apt-get install openjdk-17-jre-headless maven',
      facts: { program },
      cause: error,
    });
  });
}

function notFetched(cause: unknown): WeirError {
  return new WeirError({
    code: 'ENGINE_NOT_FETCHED',
    message: `Maven could not fetch Kafka ${kafkaVersion}`,
    fix: 'Make sure that Maven Central, or the mirror in ~/.m2/settings.xml, can be reached; then run the same again.',
    facts: { version: kafkaVersion },
    cause,
  });
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
