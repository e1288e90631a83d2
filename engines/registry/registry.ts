import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../free-port.ts';
import { cacheOfEngines, runMaven } from '../maven.ts';
import { startServer } from '../server-process.ts';

/** Later versions are not on Maven Central as a whole. */
const version = '2.5.11.Final';
const program = `apicurio-registry-app-${version}`;
const run = promisify(execFile);

/** A schema registry on this host, in memory: Apicurio, which speaks Confluent's HTTP. */
export type Registry = { readonly address: string; readonly stop: () => Promise<void> };

/** Starts a registry and waits until it takes requests. It is fetched the first time (140 MB). Throws `ENGINE_FAILED`. */
export async function startRegistry(): Promise<Registry> {
  const home = await fetchRegistry();
  const port = await freePort();
  const settings = ['-Xmx256m', '-XX:+UseSerialGC', '-Dquarkus.http.host=127.0.0.1', `-Dquarkus.http.port=${port}`];
  const { stop } = await startServer({
    name: 'the schema registry',
    command: 'java',
    args: [...settings, '-jar', join(home, `${program}-runner.jar`)],
    readyLine: 'Listening on:',
    startMs: 90_000,
    stopMs: 10_000,
  });
  return { address: `http://127.0.0.1:${port}/apis/ccompat/v7`, stop };
}

async function fetchRegistry(): Promise<string> {
  const cache = cacheOfEngines();
  const home = join(cache, program);
  if (existsSync(home)) return home;
  mkdirSync(cache, { recursive: true });
  const staging = mkdtempSync(join(cache, 'fetching-'));
  try {
    const artifact = `io.apicurio:apicurio-registry-app:${version}:tar.gz:all`;
    await runMaven(`Apicurio ${version}`, 'copy', [`-Dartifact=${artifact}`, `-DoutputDirectory=${staging}`]);
    const unpacked = join(staging, 'unpacked');
    mkdirSync(unpacked);
    await run('tar', ['-xzf', join(staging, `${program}-all.tar.gz`), '-C', unpacked]);
    if (!existsSync(home)) renameSync(unpacked, home);
    return home;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}
