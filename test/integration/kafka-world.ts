import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { KafkaDriver, OutgoingRecord } from '../../adapters/kafka/port.ts';
import {
  type AccountFiles,
  accountPayments,
  type AccountPayments,
  writeAccountFiles,
} from '../../simulate/account-payments.ts';
import { digestOf } from './digest.ts';
import { openReading, type Reading } from './kafka-reading.ts';

/** Payments in a topic, and what is needed to score them with features of accounts and cards alone. */
export type KafkaWorld = {
  readonly dir: string;
  readonly files: AccountFiles;
  readonly partitions: number;
};

/** Writes the files of a definition, its rules and a model of one split. */
export function createWorld(partitions: number): KafkaWorld {
  const dir = mkdtempSync(join(tmpdir(), 'weir-worker-'));
  const files = writeAccountFiles(dir);
  return { dir, files, partitions };
}

/** Authorizations of `accounts` accounts, a second apart, from one of them on; the same for the same numbers. */
export function authorizations(topic: string, wanted: AccountPayments): OutgoingRecord[] {
  return accountPayments(wanted).map(({ partition, ...texts }) => record(topic, partition, texts));
}

/** A record of texts. */
export function record(
  topic: string,
  partition: number,
  { key, value }: { key: string; value: string },
): OutgoingRecord {
  const encoder = new TextEncoder();
  return { topic, partition, key: encoder.encode(key), value: encoder.encode(value) };
}

/** Makes the topics of a run: payments, and decisions. */
export async function createTopics(
  driver: KafkaDriver,
  partitions: number,
): Promise<{ payments: string; decisions: string }> {
  const id = randomUUID().slice(0, 8);
  const topics = { payments: `t${id}.payments.authorization.v1`, decisions: `t${id}.fraud.decision.v1` };
  const admin = await driver.openAdmin();
  const configs = { 'retention.ms': '-1' };
  await admin.createTopics([
    { topic: topics.payments, partitions, configs: { ...configs, 'message.timestamp.type': 'LogAppendTime' } },
    { topic: topics.decisions, partitions, configs },
  ]);
  await admin.close();
  return topics;
}

/** A worker in a process of its own. */
export type Worker = {
  readonly process: ChildProcess;
  readonly lines: string[];
  /** Resolves when it has said something that matches, and when it has ended. */
  readonly said: (pattern: RegExp) => Promise<void>;
  /** Resolves when it says the next thing, or ends. */
  readonly saidMore: () => Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
};

export type WorkerPlan = {
  readonly bootstrap: string;
  readonly topics: { readonly payments: string; readonly decisions: string };
  readonly group: string;
  readonly state: string;
  readonly more?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
};

/** Starts `weir run` on Kafka. */
export function startWorker({ files }: KafkaWorld, plan: WorkerPlan): Worker {
  const { bootstrap, topics, group, state, more = [], env = {} } = plan;
  return spawnWorker(
    [
      `--source=kafka://${bootstrap}/${topics.payments}`,
      `--decisions=${topics.decisions}`,
      `--group=${group}`,
      `--state=${state}`,
      '--session-timeout-ms=6000',
      '--cut-records=4096',
      `--definition=${files.definition}`,
      `--rules=${files.rules}`,
      `--model=${files.model}`,
      ...more,
    ],
    env,
  );
}

/** Starts `weir run`. */
export function spawnWorker(args: readonly string[], env: Readonly<Record<string, string>>): Worker {
  const child = spawn(process.execPath, ['bin/weir.ts', 'run', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const lines: string[] = [];
  const looks: (() => void)[] = [];
  const tell = (): void => {
    for (const look of looks.splice(0)) look();
  };
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      lines.push(line);
      tell();
    });
  }
  const ended = once(child, 'close').then(() => ({ code: child.exitCode, signal: child.signalCode }));
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  child.once('close', tell);
  const saidMore = (): Promise<void> =>
    new Promise((resolve) => {
      looks.push(resolve);
    });
  const said = async (pattern: RegExp): Promise<void> => {
    while (!lines.some((line) => pattern.test(line)) && !hasEnded()) await saidMore();
  };
  return { process: child, lines, ended, said, saidMore };
}

/** Decisions as readers of committed records see them, by partition, in order; what befalls the cluster ends no reading. */
export function readDecisions(driver: KafkaDriver, topic: string): Promise<Reading> {
  return openReading(driver, { group: randomUUID(), topics: [topic], joinsAgain: true });
}

/** The digests of all partitions of a state folder. */
export async function digestsOf(state: string): Promise<Record<string, unknown>> {
  const digests: Record<string, unknown> = {};
  for (const partition of readdirSync(state).filter((name) => name.startsWith('partition-'))) {
    const latest = readdirSync(join(state, partition)).sort().at(-1) ?? '';
    digests[partition] = await digestOf(join(state, partition, latest));
  }
  return digests;
}
