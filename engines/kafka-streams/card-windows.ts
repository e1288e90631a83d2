import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileJava } from '../java-program.ts';
import { fetchJars } from '../maven.ts';
import { type ServerProcess, startServer } from '../server-process.ts';

const version = '4.1.2';
const artifacts = [
  { group: 'org.apache.kafka', artifact: 'kafka-streams', version },
  { group: 'org.slf4j', artifact: 'slf4j-simple', version: '1.7.36' },
];
const jvm = ['-XX:+UseSerialGC', '-Xmx1g', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'];

const cached: Readonly<Record<string, string>> = {
  'commit.interval.ms': '1000',
  'statestore.cache.max.bytes': String(64 * 2 ** 20),
  'store.cached': 'true',
};

/** From which topic to which, and where RocksDB keeps its files. */
export type CardWindows = {
  readonly bootstrap: string;
  readonly from: string;
  readonly to: string;
  readonly application: string;
  readonly dir: string;
  /**
   * As it comes: commits every 100 ms, each value written to RocksDB and the store's topic. In memory: every second, and a
   * card that is written again meanwhile is written once.
   */
  readonly store: 'as it comes' | 'in memory between commits';
};

/** Starts Kafka Streams with windows of an hour a card. Throws as `fetchJars`, `compileJava` and `startServer` do. */
export async function startCardWindows({ store, dir, ...topics }: CardWindows): Promise<ServerProcess> {
  const jars = await fetchJars({ name: `kafka-streams-${version}`, artifacts });
  const classPath = await compileJava({
    sourcePath: join(import.meta.dirname, 'CardWindows.java'),
    jarFolders: [jars],
  });
  mkdirSync(dir, { recursive: true });
  const settings: Readonly<Record<string, string>> = {
    'bootstrap.servers': topics.bootstrap,
    'application.id': topics.application,
    'state.dir': join(dir, 'state'),
    'processing.guarantee': 'exactly_once_v2',
    ...(store === 'as it comes' ? {} : cached),
    'num.stream.threads': '2',
    'replication.factor': '1',
    'auto.offset.reset': 'earliest',
    'from.topic': topics.from,
    'to.topic': topics.to,
  };
  const settingsPath = join(dir, 'streams.properties');
  writeFileSync(
    settingsPath,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  return startServer({
    name: 'Kafka Streams',
    command: 'java',
    args: [...jvm, '-cp', classPath, 'CardWindows', settingsPath],
    readyLine: 'Kafka Streams runs',
    startMs: 120_000,
    stopMs: 30_000,
  });
}
