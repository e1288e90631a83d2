import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { WeirError } from '../../core/contract/failure.ts';
import { freePort } from '../free-port.ts';
import { cacheOfEngines, runMaven } from '../maven.ts';

/** Later versions are not on Maven Central as a whole. */
const version = '2.5.11.Final';
const program = `apicurio-registry-app-${version}`;
const limits = { startMs: 90_000, stopMs: 10_000 } as const;
const run = promisify(execFile);

/** A schema registry on this host, in memory: Apicurio, which speaks Confluent's HTTP. */
export type Registry = { readonly address: string; readonly stop: () => Promise<void> };

/** Starts a registry and waits until it takes requests. It is fetched the first time (140 MB). Throws `ENGINE_FAILED`. */
export async function startRegistry(): Promise<Registry> {
  const home = await fetchRegistry();
  const port = await freePort();
  const settings = ['-Xmx256m', '-XX:+UseSerialGC', '-Dquarkus.http.host=127.0.0.1', `-Dquarkus.http.port=${port}`];
  const child = spawn('java', [...settings, '-jar', join(home, `${program}-runner.jar`)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const ended = once(child, 'exit');
  const last: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => child.kill('SIGKILL'), limits.startMs);
    createInterface({ input: child.stdout }).on('line', (line) => {
      last.push(line);
      if (last.length > 20) last.shift();
      if (line.includes('Listening on:')) resolve();
    });
    void ended.then(() => reject(failed(last)));
    void Promise.race([ended, once(child.stdout, 'close')]).finally(() => clearTimeout(late));
  });
  return {
    address: `http://127.0.0.1:${port}/apis/ccompat/v7`,
    stop: async () => {
      process.removeListener('exit', endWithUs);
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), limits.stopMs);
      await ended;
      clearTimeout(force);
    },
  };
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

function failed(last: readonly string[]): WeirError {
  return new WeirError({
    code: 'ENGINE_FAILED',
    message: `the schema registry did not start; its last lines:\n${last.join('\n')}`,
    fix: 'Another process may have its port: run the same again.',
  });
}
