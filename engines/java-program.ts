import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { WeirError } from '../core/contract/failure.ts';
import { cacheOfEngines } from './maven.ts';

const run = promisify(execFile);

/** A program of one file, and the folders of jars that it is compiled and run with. */
export type JavaProgram = { readonly sourcePath: string; readonly jarFolders: readonly string[] };

/**
 * Compiles a program the first time and keeps it in the cache by the hash of its text; gives the class path that runs it.
 * Throws `ENGINE_NOT_COMPILED`.
 */
export async function compileJava({ sourcePath, jarFolders }: JavaProgram): Promise<string> {
  const jars = jarFolders.map((folder) => join(folder, '*'));
  const hash = createHash('sha256').update(readFileSync(sourcePath)).update(jars.join()).digest('hex').slice(0, 12);
  const name = basename(sourcePath, '.java');
  const cache = cacheOfEngines();
  const classes = join(cache, `${name}-${hash}`);
  const classPath = [classes, ...jars].join(':');
  if (existsSync(classes)) return classPath;
  mkdirSync(cache, { recursive: true });
  const staging = mkdtempSync(join(cache, 'compiling-'));
  try {
    await run('javac', ['-d', staging, '-cp', jars.join(':'), sourcePath]);
    if (!existsSync(classes)) renameSync(staging, classes);
    return classPath;
  } catch (cause) {
    throw new WeirError({
      code: 'ENGINE_NOT_COMPILED',
      message: `${name}.java could not be compiled: ${cause instanceof Error ? cause.message : String(cause)}`,
      fix: 'It needs javac, such as by: apt-get install openjdk-17-jdk-headless',
      cause,
    });
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}
