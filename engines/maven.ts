import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WeirError } from '../core/contract/failure.ts';

const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';
const run = promisify(execFile);

/** Where fetched engines stay: the user's cache, or `WEIR_CACHE`. */
export function cacheOfEngines(): string {
  return process.env['WEIR_CACHE'] ?? join(homedir(), '.cache', 'weir');
}

/**
 * Runs a goal of Maven's dependency plugin to fetch an engine. Throws `ENGINE_MISSING` without Java or Maven,
 * `ENGINE_NOT_FETCHED` when the download fails.
 */
export async function runMaven(engine: string, goal: string, options: readonly string[]): Promise<void> {
  await demand(engine, 'java', '-version');
  await demand(engine, 'mvn', '-version');
  try {
    await run('mvn', ['-q', '-B', `${plugin}:${goal}`, ...options]);
  } catch (cause) {
    throw new WeirError({
      code: 'ENGINE_NOT_FETCHED',
      message: `Maven could not fetch ${engine}`,
      fix: 'Make sure that Maven Central, or the mirror in ~/.m2/settings.xml, can be reached; then run the same again.',
      facts: { engine },
      cause,
    });
  }
}

async function demand(engine: string, program: string, argument: string): Promise<void> {
  await run(program, [argument]).catch((error: unknown) => {
    throw new WeirError({
      code: 'ENGINE_MISSING',
      message: `got no program ${program}, expected it: ${engine} runs on Java 17 and comes by Maven`,
      fix: 'Install both, such as by: apt-get install openjdk-17-jre-headless maven',
      facts: { program },
      cause: error,
    });
  });
}
