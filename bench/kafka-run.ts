import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { platformaticDriver } from '../adapters/kafka/platformatic.ts';
import type { KafkaDriver } from '../adapters/kafka/port.ts';
import type { Broker } from '../engines/kafka/broker.ts';
import { accountPayments } from '../simulate/account-payments.ts';
import type { AccountFiles } from '../simulate/account-payments.ts';

/** A group of its own on topics of its own. */
export type KafkaRun = {
  readonly driver: KafkaDriver;
  readonly bootstrap: string;
  readonly payments: string;
  readonly decisions: string;
  readonly group: string;
  readonly dir: string;
  readonly files: AccountFiles;
};

export const partitions = 8;
const accounts = 10_000;

/** Makes topics for a run. */
export async function createRun(
  broker: Broker,
  options: { readonly dir: string; readonly files: AccountFiles },
): Promise<KafkaRun> {
  const driver = platformaticDriver({ clientId: 'weir-bench', bootstrap: [broker.bootstrap] });
  const group = randomUUID().slice(0, 8);
  const payments = `b${group}.payments.authorization.v1`;
  const decisions = `b${group}.fraud.decision.v1`;
  const admin = await driver.openAdmin();
  const configs = { 'retention.ms': '-1' };
  const stamped = { ...configs, 'message.timestamp.type': 'LogAppendTime' };
  await admin.createTopics([
    { topic: payments, partitions, configs: stamped },
    { topic: decisions, partitions, configs },
  ]);
  await admin.close();
  return { ...options, dir: join(options.dir, group), driver, bootstrap: broker.bootstrap, payments, decisions, group };
}

/** Writes payments to the topic; each is stamped with the time of its making when `isLive`. */
export async function fill(
  run: KafkaRun,
  wanted: { readonly from: number; readonly count: number; readonly when: 'past' | 'now' },
  send: (records: ReturnType<typeof recordsOf>) => Promise<void>,
): Promise<void> {
  const { from, count, when } = wanted;
  await send(recordsOf(run.payments, { from, count, when }));
}

function recordsOf(topic: string, { from, count, when }: { from: number; count: number; when: 'past' | 'now' }) {
  const timeMs = Date.now();
  const times = when === 'now' ? { eventTimeMs: () => timeMs } : {};
  return accountPayments({ from, count, accounts, partitions, ...times }).map(({ partition, key, value }) => ({
    topic,
    partition,
    key: Buffer.from(key),
    value: Buffer.from(value),
  }));
}

/** A worker that has all partitions. */
export type BenchWorker = { readonly process: ChildProcess; readonly pid: number; readonly metricsUrl: string };

/** Starts the process of a worker. */
export function spawnWorker(run: KafkaRun, more: readonly string[] = []): ChildProcessByStdio<null, null, Readable> {
  const { bootstrap, payments, decisions, group, dir, files } = run;
  return spawn(
    process.execPath,
    [
      'bin/weir.ts',
      'run',
      `--source=kafka://${bootstrap}/${payments}`,
      `--decisions=${decisions}`,
      `--group=${group}`,
      `--state=${dir}`,
      '--metrics-port=0',
      `--definition=${files.definition}`,
      `--rules=${files.rules}`,
      `--model=${files.model}`,
      ...more,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
}

/** Starts a worker; resolves once it has all partitions. */
export async function startWorker(run: KafkaRun, more: readonly string[] = []): Promise<BenchWorker> {
  const [worker] = await startWorkers(run, 1, more);
  if (worker === undefined) throw new Error('got no worker, expected one');
  return worker;
}

/** Starts workers of one group; resolves once they have all partitions among them, each some. */
export async function startWorkers(run: KafkaRun, count: number, more: readonly string[] = []): Promise<BenchWorker[]> {
  const started = Array.from({ length: count }, () => ({ child: spawnWorker(run, more), said: '' }));
  await new Promise<void>((resolve, reject) => {
    for (const worker of started) {
      worker.child.stderr.on('data', (bytes: Buffer) => {
        worker.said += bytes.toString();
        const owned = started.map(({ said }) => timesIn(said, /is ours/g) - timesIn(said, /is let go/g));
        const all = owned.reduce((sum, one) => sum + one, 0);
        if (all >= partitions && owned.every((one) => one > 0)) resolve();
      });
      worker.child.once('exit', () => reject(new Error(`got the end of a worker, expected it to run: ${worker.said}`)));
    }
  });
  return started.map(({ child, said }) => ({
    process: child,
    pid: child.pid ?? 0,
    metricsUrl: /http:\S+/.exec(said)?.[0] ?? '',
  }));
}

function timesIn(text: string, pattern: RegExp): number {
  return (text.match(pattern) ?? []).length;
}

/** Ends a worker in order. */
export async function stopWorker({ process: child }: BenchWorker): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

/** Decisions that a worker has committed, as it tells Prometheus. */
export async function decidedBy({ metricsUrl }: BenchWorker): Promise<number> {
  const text = await (await fetch(metricsUrl)).text();
  const counts = [...text.matchAll(/^weir_decisions_total\{[^}]*\} (\d+)$/gm)].map((match) => Number(match[1]));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** CPU that a process has used, in milliseconds (Linux: proc(5), fields 14 and 15 of stat, in ticks of 10 ms). */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Memory that a process has in use, or had at most, in MiB. */
export function rssMibOf(pid: number, when: 'now' | 'at most' = 'now'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const match = (when === 'now' ? /VmRSS:\s+(\d+) kB/ : /VmHWM:\s+(\d+) kB/).exec(status);
  return Number(match?.[1] ?? 0) / 1024;
}
