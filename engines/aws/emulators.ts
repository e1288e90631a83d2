import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../free-port.ts';
import { fetchPython, type PythonPackage } from '../python.ts';
import { startServer } from '../server-process.ts';

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

const miniStack = { name: 'ministack-1.5.33', packageName: 'ministack==1.5.33' } as const;

/** MiniStack: it has MSK's control plane, and gives the brokers that it is told of. Throws `ENGINE_FAILED`. */
export async function startMiniStack(env: Readonly<Record<string, string>>): Promise<Emulator> {
  return startPython({
    ...miniStack,
    command: (port) => ({ args: ['-m', 'ministack'], env: { GATEWAY_PORT: String(port), ...env } }),
  });
}

/**
 * MiniStack for a deployment of stacks: functions run as processes of our Node, composite alarms follow their children, and
 * the named types of CloudFormation, which it lacks, are recorded. Throws `ENGINE_FAILED`.
 */
export async function startMiniStackForStacks(recordedTypes: readonly string[]): Promise<Emulator> {
  const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));
  return startPython({
    ...miniStack,
    command: (port) => ({
      args: [fileURLToPath(new URL('ministack_with_records.py', import.meta.url))],
      env: {
        GATEWAY_PORT: String(port),
        BIND_HOST: '127.0.0.1',
        LAMBDA_EXECUTOR: 'local',
        MINISTACK_REGION: 'us-east-1',
        WEIR_RECORDED_TYPES: recordedTypes.join(','),
        PATH: [join(modules, '.bin'), process.env['PATH'] ?? ''].join(delimiter),
        // The function of CDK's custom resources takes the SDK that Lambda has beside it.
        NODE_PATH: modules,
      },
    }),
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
  const { stop } = await startServer({
    name: engine.name,
    command: python,
    ...engine.command(port),
    readyLine: 'Running on',
    startMs: 60_000,
    stopMs: 5000,
  });
  return { endpoint: `http://127.0.0.1:${port}`, stop };
}
