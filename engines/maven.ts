import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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

/** An artifact of Maven Central. */
export type Artifact = { readonly group: string; readonly artifact: string; readonly version: string };

/**
 * The folder with the jars of an engine and all that they need, and its native libraries: from Maven Central the first
 * time, then from the cache. Throws as `runMaven` does.
 */
export async function fetchJars(
  { name, artifacts }: { readonly name: string; readonly artifacts: readonly Artifact[] },
  cacheDir = cacheOfEngines(),
): Promise<string> {
  const jars = join(cacheDir, name);
  if (existsSync(jars)) return jars;
  mkdirSync(cacheDir, { recursive: true });
  const staging = mkdtempSync(join(cacheDir, 'fetching-'));
  try {
    writeFileSync(join(staging, 'pom.xml'), pomOf(name, artifacts));
    const fetched = join(staging, 'jars');
    const options = ['-f', join(staging, 'pom.xml'), '-DincludeScope=runtime', `-DoutputDirectory=${fetched}`];
    await runMaven(name, 'copy-dependencies', options);
    // Who comes second finds the folder of the first, which holds the same.
    if (!existsSync(jars)) renameSync(fetched, jars);
    return jars;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function pomOf(name: string, artifacts: readonly Artifact[]): string {
  const dependencies = artifacts.map(
    ({ group, artifact, version }) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  );
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>weir</groupId><artifactId>${name}</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependencies.join('')}</dependencies></project>
`;
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
