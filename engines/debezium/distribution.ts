import { fetchJars } from '../maven.ts';

const debeziumVersion = '3.3.1.Final';

/** The folder with the jars of Debezium's embedded engine and its PostgreSQL connector (38 MB). Throws as `fetchJars` does. */
export function fetchDebezium(): Promise<string> {
  return fetchJars({
    name: `debezium-${debeziumVersion}`,
    artifacts: [
      { group: 'io.debezium', artifact: 'debezium-embedded', version: debeziumVersion },
      { group: 'io.debezium', artifact: 'debezium-connector-postgres', version: debeziumVersion },
      { group: 'org.slf4j', artifact: 'slf4j-simple', version: '1.7.36' },
    ],
  });
}
