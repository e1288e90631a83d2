import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WeirError } from '../core/contract/failure.ts';
import { cacheOfEngines } from './maven.ts';

const run = promisify(execFile);

/** A package of PyPI in an environment of its own, which is named by `name`. */
export type PythonPackage = { readonly name: string; readonly packageName: string };

/**
 * The Python of an environment with the package, which comes from PyPI the first time. A mark says that it is whole, as an
 * environment names its own place. Throws `ENGINE_NOT_FETCHED`.
 */
export async function fetchPython({ name, packageName }: PythonPackage): Promise<string> {
  const cache = cacheOfEngines();
  const home = join(cache, name);
  const python = join(home, 'bin', 'python');
  const mark = join(home, 'installed');
  if (existsSync(mark)) return python;
  mkdirSync(cache, { recursive: true });
  try {
    await run('python3', ['-m', 'venv', '--clear', home]);
    await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', packageName]);
    writeFileSync(mark, packageName);
    return python;
  } catch (cause) {
    rmSync(home, { recursive: true, force: true });
    throw new WeirError({
      code: 'ENGINE_NOT_FETCHED',
      message: `${packageName} could not be installed: ${cause instanceof Error ? cause.message : String(cause)}`,
      fix: 'It needs python3 with venv, and PyPI the first time.',
      cause,
    });
  }
}
