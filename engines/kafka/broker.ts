import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { WeirError } from '../../core/contract/failure.ts';
import { freePort } from '../free-port.ts';
import { type BrokerPlace, brokerSettings, dataDirOf } from './broker-settings.ts';
import { fetchKafka } from './distribution.ts';

/** A Kafka broker of one node on this host, and what can befall it. */
export type Broker = {
  /** `host:port` for clients; the same after a restart. */
  readonly bootstrap: string;
  /** Where the second listener is, for the proxy; null without one. */
  readonly farPort: number | null;
  /** The process that runs now. */
  readonly pid: () => number;
  /** Ends it in order (SIGTERM); after 30 s by force. */
  readonly stop: () => Promise<void>;
  /** Ends it at once (SIGKILL). */
  readonly kill: () => Promise<void>;
  /** Stops it in the middle of whatever it does (SIGSTOP), until `thaw`. */
  readonly freeze: () => void;
  readonly thaw: () => void;
  /** Both, with so much time between. */
  readonly freezeFor: (lengthMs: number) => Promise<void>;
  /** Starts it again over the same data, after `stop` or `kill`. */
  readonly restart: () => Promise<void>;
  /** Resolves when the process that runs now has ended, whoever ended it. */
  readonly ended: () => Promise<void>;
};

export type BrokerOptions = {
  /** Its settings, data and log; what is there already is gone on with. */
  readonly dir: string;
  /** Free ones unless told. */
  readonly port?: number;
  /** Opens a second listener that sends its clients to this port: that of a proxy in front of it. */
  readonly proxyPort?: number;
  /** Settings of the broker beside or in place of ours. */
  readonly settings?: Readonly<Record<string, string>>;
};

// The port opens before the controller lets the broker in; topics cannot be made until this line.
const readyLine = 'Kafka Server started';
const limits = { startMs: 120_000, stopMs: 30_000 } as const;
// Any 16 bytes in base64url: a cluster of one.
const clusterId = '5QHhIbykR260TbbDmFauDg';
const jvm = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:MaxDirectMemorySize=256m', '-Xms64m', '-Xmx512m'];
const loggers = ['defaultLogLevel=warn', 'log.kafka.server.KafkaRaftServer=info'];

/** Starts a broker and waits until it takes requests. Throws `ENGINE_FAILED` with the last lines that it logged. */
export async function startBroker({ dir, port, proxyPort, settings = {} }: BrokerOptions): Promise<Broker> {
  const jars = await fetchKafka();
  mkdirSync(dir, { recursive: true });
  const far = proxyPort === undefined ? undefined : { port: await freePort(), advertisedPort: proxyPort };
  const place = { dir, port: port ?? (await freePort()), controllerPort: await freePort(), far };
  const settingsPath = join(dir, 'server.properties');
  writeFileSync(settingsPath, brokerSettings(place, settings));
  const classPath = join(jars, '*');
  if (!existsSync(join(dataDirOf(dir), 'meta.properties'))) await format({ classPath, settingsPath });
  let child = await launch({ classPath, settingsPath, place });
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (hasEnded(child)) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    const force = setTimeout(() => child.kill('SIGKILL'), limits.stopMs);
    await exit;
    clearTimeout(force);
  };
  return {
    bootstrap: `127.0.0.1:${place.port}`,
    farPort: far?.port ?? null,
    pid: () => child.pid ?? 0,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    freezeFor: async (lengthMs) => {
      child.kill('SIGSTOP');
      await delay(lengthMs);
      child.kill('SIGCONT');
    },
    restart: async () => {
      if (hasEnded(child)) child = await launch({ classPath, settingsPath, place });
    },
    ended: async () => {
      if (!hasEnded(child)) await once(child, 'exit');
    },
  };
}

/** Writes the identity of a new data directory. */
async function format({
  classPath,
  settingsPath,
}: {
  readonly classPath: string;
  readonly settingsPath: string;
}): Promise<void> {
  const tool = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', settingsPath];
  const child = spawn(
    'java',
    ['-Xmx128m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', classPath, ...tool],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  for (const output of [child.stdout, child.stderr]) output.on('data', (bytes: Buffer) => (said += bytes.toString()));
  await once(child, 'close');
  if (child.exitCode !== 0) throw failed(`its data could not be formatted: ${said.trim()}`);
}

type Launch = { readonly classPath: string; readonly settingsPath: string; readonly place: BrokerPlace };

async function launch({ classPath, settingsPath, place }: Launch): Promise<ChildProcess> {
  const logging = loggers.map((logger) => `-Dorg.slf4j.simpleLogger.${logger}`);
  // In a process group of its own: Ctrl-C in a terminal reaches who started it, who then stops it in order.
  const child = spawn('java', [...jvm, ...logging, '-cp', classPath, 'kafka.Kafka', settingsPath], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  child.once('exit', () => process.removeListener('exit', endWithUs));
  await ready(child, join(place.dir, 'broker.log'));
  return child;
}

/** Waits for the line that says so; everything that is logged goes to a file. */
async function ready(child: ChildProcess, logPath: string): Promise<void> {
  const log = createWriteStream(logPath, { flags: 'a' });
  const last: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const give = (why: string): void => reject(failed(`${why}; its last lines:\n${last.join('\n')}`));
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      give(`it was not ready after ${limits.startMs / 1000} s`);
    }, limits.startMs);
    for (const output of [child.stdout, child.stderr]) {
      if (output === null) continue;
      createInterface({ input: output }).on('line', (line) => {
        log.write(`${line}\n`);
        last.push(line);
        if (last.length > 20) last.shift();
        if (!line.includes(readyLine)) return;
        clearTimeout(late);
        resolve();
      });
    }
    child.once('error', (error) => give(error.message));
    child.once('close', () => {
      clearTimeout(late);
      log.end();
      give('it ended');
    });
  });
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function failed(why: string): WeirError {
  return new WeirError({
    code: 'ENGINE_FAILED',
    message: `the Kafka broker did not start: ${why}`,
    fix: 'See broker.log in its directory; another process may have its port.',
  });
}
