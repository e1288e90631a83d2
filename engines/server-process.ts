import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { WeirError } from '../core/contract/failure.ts';

/** A server to start as a process of its own. */
export type ServerCommand = {
  /** What it is called where it fails. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A part of the line that says, on either output, that it takes requests. */
  readonly readyLine: string;
  /** It is killed when it has not said so by then. */
  readonly startMs: number;
  /** What it is given to end in order before it is killed. */
  readonly stopMs: number;
};

/** A server that takes requests. It ends with this process at the latest. */
export type ServerProcess = { readonly pid: number; readonly stop: () => Promise<void> };

const linesKept = 20;

/** Starts a server and waits until it takes requests. Throws `ENGINE_FAILED` with its last lines when it ends first. */
export async function startServer(server: ServerCommand): Promise<ServerProcess> {
  const { command, args, env, cwd, readyLine, startMs, stopMs } = server;
  const child = spawn(command, [...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const last: string[] = [];
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      last.push(line);
      if (last.length > linesKept) last.shift();
      if (line.includes(readyLine)) resolve();
    });
  }
  const ended = once(child, 'close').catch((error: unknown) => void last.push(String(error)));
  void ended.then(() => reject(failed(server, last)));
  const late = setTimeout(() => {
    last.push(`it was not ready within ${startMs / 1000} s`);
    child.kill('SIGKILL');
  }, startMs);
  try {
    await ready;
  } catch (error) {
    process.removeListener('exit', endWithUs);
    throw error;
  } finally {
    clearTimeout(late);
  }
  return {
    pid: child.pid ?? 0,
    stop: async () => {
      process.removeListener('exit', endWithUs);
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), stopMs);
      await ended;
      clearTimeout(force);
    },
  };
}

function failed({ name }: ServerCommand, last: readonly string[]): WeirError {
  return new WeirError({
    code: 'ENGINE_FAILED',
    message: `${name} did not start; its last lines:\n${last.join('\n')}`,
    fix: 'Another process may have its port: run the same again.',
  });
}
