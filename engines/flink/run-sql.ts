import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileJava } from '../java-program.ts';
import { type ServerProcess, startServer } from '../server-process.ts';
import { fetchFlink } from './distribution.ts';

// What Flink's own start script opens on Java 17.
const opened =
  'util lang net io nio util.concurrent text time lang.reflect util.concurrent.atomic util.concurrent.locks lang.invoke'
    .split(' ')
    .map((name) => `java.${name}`)
    .concat('sun.net.util', 'sun.nio.ch');
const jvm = ['-XX:+UseSerialGC', '-Xmx2g', ...opened.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`)];

/** A script of Flink's SQL, and settings by Flink's names. */
export type SqlJob = {
  readonly dir: string;
  readonly script: string;
  readonly settings: Readonly<Record<string, string>>;
};

/** Starts Flink on a script; its INSERTs are one job. Throws as `fetchFlink`, `compileJava` and `startServer` do. */
export async function startSql({ dir, script, settings }: SqlJob): Promise<ServerProcess> {
  const sourcePath = join(import.meta.dirname, 'RunSql.java');
  const classPath = await compileJava({ sourcePath, jarFolders: await fetchFlink() });
  mkdirSync(dir, { recursive: true });
  const scriptPath = join(dir, 'script.sql');
  writeFileSync(scriptPath, script);
  const given = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return startServer({
    name: 'Flink',
    command: 'java',
    args: [...jvm, `-Djava.io.tmpdir=${dir}`, '-cp', classPath, 'RunSql', scriptPath, ...given],
    readyLine: 'Flink runs',
    startMs: 180_000,
    stopMs: 20_000,
  });
}
