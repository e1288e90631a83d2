import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WeirError } from '../../core/contract/failure.ts';
import { cacheOfEngines, fetchJars } from '../maven.ts';

const version = '2.2.1';
const connector = { group: 'org.apache.flink', artifact: 'flink-sql-connector-kafka', version: '5.0.0-2.2' };
const run = promisify(execFile);

/**
 * The folders of Flink's jars and of its Kafka connector. Flink comes whole in a wheel of PyPI (313 MB), which is the one
 * registry that has its planner and its RocksDB together. Throws `ENGINE_NOT_FETCHED`, and as `fetchJars` does.
 */
export async function fetchFlink(): Promise<readonly string[]> {
  const kafka = await fetchJars({ name: `${connector.artifact}-${connector.version}`, artifacts: [connector] });
  const cache = cacheOfEngines();
  const jars = join(cache, `flink-${version}`);
  if (existsSync(jars)) return [jars, kafka];
  mkdirSync(cache, { recursive: true });
  const staging = mkdtempSync(join(cache, 'fetching-'));
  try {
    const wanted = ['--no-deps', '--quiet', '--dest', staging, `apache-flink-libraries==${version}`];
    await run('python3', ['-m', 'pip', 'download', '--disable-pip-version-check', ...wanted]);
    const wheel = readdirSync(staging).find((file) => file.endsWith('.whl')) ?? '';
    await run('python3', ['-m', 'zipfile', '-e', join(staging, wheel), join(staging, 'unpacked')]);
    if (!existsSync(jars)) renameSync(join(staging, 'unpacked', 'pyflink', 'lib'), jars);
    return [jars, kafka];
  } catch (cause) {
    throw new WeirError({
      code: 'ENGINE_NOT_FETCHED',
      message: `Flink ${version} could not be fetched: ${cause instanceof Error ? cause.message : String(cause)}`,
      fix: 'It needs python3 with pip, and PyPI the first time.',
      cause,
    });
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}
