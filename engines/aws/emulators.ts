import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { WeirError } from '../../core/contract/failure.ts';
import { freePort } from '../free-port.ts';
import { fetchPython, type PythonPackage } from '../python.ts';

const limits = { startMs: 60_000 } as const;

/** An emulator of AWS on this host, in memory. */
export type Emulator = { readonly endpoint: string; readonly stop: () => Promise<void> };

/** moto: it has Glue's schema registry. Throws `ENGINE_FAILED`. */
export async function startMoto(): Promise<Emulator> {
  const packageName = 'moto[server,glue]==5.2.5';
  return startPython({
    name: 'moto-5.2.5',
    packageName,
    command: (port) => ({ args: ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], env: {} }),
  });
}

/** MiniStack: it has MSK's control plane, and gives the brokers that it is told of. Throws `ENGINE_FAILED`. */
export async function startMiniStack(env: Readonly<Record<string, string>>): Promise<Emulator> {
  return startPython({
    name: 'ministack-1.5.33',
    packageName: 'ministack==1.5.33',
    command: (port) => ({ args: ['-m', 'ministack'], env: { GATEWAY_PORT: String(port), ...env } }),
  });
}

type PythonEngine = PythonPackage & {
  readonly command: (port: number) => {
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  };
};

/** Starts a server of a Python package and waits until it takes requests. It comes from PyPI the first time. */
async function startPython(engine: PythonEngine): Promise<Emulator> {
  const python = await fetchPython(engine);
  const port = await freePort();
  const { args, env } = engine.command(port);
  const child = spawn(python, [...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const ended = once(child, 'exit');
  const last: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => child.kill('SIGKILL'), limits.startMs);
    for (const output of [child.stdout, child.stderr]) {
      createInterface({ input: output }).on('line', (line) => {
        last.push(line);
        if (last.length > 20) last.shift();
        if (line.includes('Running on')) resolve();
      });
    }
    void ended.then(() => reject(failed(engine, `it ended; its last lines:\n${last.join('\n')}`)));
    child.once('spawn', () => void ended.finally(() => clearTimeout(late)));
  });
  return {
    endpoint: `http://127.0.0.1:${port}`,
    stop: async () => {
      process.removeListener('exit', endWithUs);
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(force);
    },
  };
}

function failed({ name }: PythonEngine, why: string): WeirError {
  return new WeirError({
    code: 'ENGINE_FAILED',
    message: `${name} did not start: ${why}`,
    fix: 'Another process may have its port: run the same again.',
  });
}
