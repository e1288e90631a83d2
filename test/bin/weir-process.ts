import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** What one run of the command line did. */
export type Ended = { readonly exitCode: number | null; readonly out: string; readonly error: string };

/** A command line that runs. */
export type Running = {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly ended: Promise<Ended>;
};

const repository = new URL('../../', import.meta.url);
const program = fileURLToPath(new URL('bin/weir.ts', repository));

/** A path in the repository, for a command that runs elsewhere. */
export function inRepository(path: string): string {
  return fileURLToPath(new URL(path, repository));
}

/** A directory of its own, and how to remove it. */
export function temporaryDirectory(): { readonly dir: string; readonly remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'weir-bin-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Starts the real command line in a directory, without a terminal. */
export function startWeir(args: readonly string[], cwd: string): Running {
  const child = spawn(process.execPath, [program, ...args], { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number | null>((resolve) => child.on('exit', (exitCode) => resolve(exitCode))),
  ]).then(([out, error, exitCode]) => ({ exitCode, out, error }));
  // A reader that has ended early is no failure of the test.
  child.stdin.on('error', () => undefined);
  return { child, ended };
}

/** Runs the command line to its end, with some standard input. */
export async function runWeir(args: readonly string[], cwd: string, input: string | Buffer = ''): Promise<Ended> {
  const { child, ended } = startWeir(args, cwd);
  child.stdin.end(input);
  return ended;
}

async function textOf(stream: Readable): Promise<string> {
  return Buffer.concat(await stream.toArray()).toString();
}
