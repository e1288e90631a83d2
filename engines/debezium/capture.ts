import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from '../server-process.ts';
import type { PostgresServer } from '../postgres/server.ts';
import { fetchDebezium } from './distribution.ts';

/** Debezium's engine over a database. */
export type Capture = {
  /** A file with a record a line, `{"key": ..., "value": ...}`, that grows while the capture runs. */
  readonly recordsPath: string;
  readonly stop: () => Promise<void>;
};

export type CaptureOptions = {
  readonly dir: string;
  readonly postgres: Pick<PostgresServer, 'port' | 'user' | 'database'>;
  /** Settings of the connector beside or in place of ours. */
  readonly settings?: Readonly<Record<string, string>>;
};

const jvm = [
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xmx256m',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];

/**
 * Starts Debezium 3.3 over a PostgreSQL server: its tables' rows first, then their changes. Throws `ENGINE_MISSING` without
 * Java or Maven, `ENGINE_FAILED` with its last lines.
 */
export async function startCapture({ dir, postgres, settings = {} }: CaptureOptions): Promise<Capture> {
  const jars = await fetchDebezium();
  mkdirSync(dir, { recursive: true });
  const settingsPath = join(dir, 'connector.properties');
  const recordsPath = join(dir, 'records.jsonl');
  writeFileSync(recordsPath, '');
  const all = { ...settingsOf(dir, postgres), ...settings };
  writeFileSync(
    settingsPath,
    Object.entries(all)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const runner = join(import.meta.dirname, 'RunDebezium.java');
  const server = await startServer({
    name: 'Debezium',
    command: 'java',
    args: [...jvm, '-cp', join(jars, '*'), runner, settingsPath, recordsPath],
    readyLine: 'Debezium started',
    startMs: 120_000,
    stopMs: 20_000,
  });
  return { recordsPath, stop: server.stop };
}

function settingsOf(dir: string, { port, user, database }: CaptureOptions['postgres']): Record<string, string> {
  return {
    name: 'weir',
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'offset.storage': 'org.apache.kafka.connect.storage.FileOffsetBackingStore',
    'offset.storage.file.filename': join(dir, 'offsets'),
    'offset.flush.interval.ms': '1000',
    'topic.prefix': 'weir',
    'plugin.name': 'pgoutput',
    'database.hostname': '127.0.0.1',
    'database.port': String(port),
    'database.user': user,
    'database.password': '',
    'database.dbname': database,
    'provide.transaction.metadata': 'true',
  };
}
