import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { KafkaDriver, OutgoingRecord } from '../../adapters/kafka/port.ts';
import { keyGroupOf } from '../../core/engine/key-group.ts';
import { digestOf } from './digest.ts';
import { openReading, type Reading } from './kafka-reading.ts';

/** Payments in a topic, and what is needed to score them with features of accounts and cards alone. */
export type KafkaWorld = {
  readonly dir: string;
  readonly files: { readonly definition: string; readonly rules: string; readonly model: string };
  readonly partitions: number;
};

/** Writes the files of a definition, its rules and a model of one split. */
export function createWorld(partitions: number): KafkaWorld {
  const dir = mkdtempSync(join(tmpdir(), 'weir-worker-'));
  const files = {
    definition: new URL('../../examples/accounts/features.ts', import.meta.url).pathname,
    rules: join(dir, 'rules.json'),
    model: join(dir, 'model.json'),
  };
  writeFileSync(files.rules, JSON.stringify(rules));
  writeFileSync(files.model, JSON.stringify(stump('amount', 9000)));
  return { dir, files, partitions };
}

const rules = {
  id: 'accounts',
  version: 1,
  thresholds: { review: 300, stepUp: 600, decline: 900 },
  rules: [
    {
      id: 'busy',
      version: 1,
      mode: 'live',
      scoreDelta: 500,
      when: { feature: 'account_count_1h', op: 'gte', value: 3 },
      reason: { code: 'BUSY', text: 'many payments in an hour' },
    },
  ],
};

/** A model as XGBoost saves it: amounts of `at` and more are likely fraud. */
function stump(feature: string, at: number): unknown {
  const tree = {
    tree_param: { size_leaf_vector: '1' },
    categories: [],
    left_children: [1, -1, -1],
    right_children: [2, -1, -1],
    split_type: [0, 0, 0],
    split_indices: [0, 0, 0],
    split_conditions: [at, -3, 3],
    default_left: [1, 0, 0],
    sum_hessian: [2, 1, 1],
  };
  return {
    learner: {
      attributes: { id: 'stump', version: '1' },
      feature_names: [feature],
      learner_model_param: { base_score: '[5E-1]', num_class: '0', num_feature: '1', num_target: '1' },
      objective: { name: 'binary:logistic' },
      gradient_booster: { name: 'gbtree', model: { trees: [tree] } },
    },
  };
}

/** Authorizations of `accounts` accounts, a second apart, from one of them on; the same for the same numbers. */
export function authorizations(
  topic: string,
  { from, count, accounts, partitions }: { from: number; count: number; accounts: number; partitions: number },
): OutgoingRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const number = from + index;
    const account = (number * 7919) % accounts;
    const event = {
      tenantId: 't-1',
      eventId: `a-${number}`,
      eventTimeMs: 1_760_000_000_000 + number * 1000,
      accountId: `acc-${account}`,
      cardToken: `card-${account}-${number % 2}`,
      merchantId: `m-${number % 37}`,
      terminalId: `term-${number % 101}`,
      amountMinor: 100 + ((number * 104_729) % 12_000),
      currency: 'EUR',
      channel: 'ecommerce',
      entryMode: 'credentialOnFile',
      mcc: '5411',
      country: 'NL',
    };
    const partition = Math.floor((keyGroupOf({ tenantId: 't-1', key: event.accountId }) * partitions) / 32);
    return record(topic, partition, { key: event.accountId, value: JSON.stringify(event) });
  });
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
};

/** Starts `weir run` on Kafka. */
export function startWorker({ files }: KafkaWorld, plan: WorkerPlan): Worker {
  const { bootstrap, topics, group, state, more = [] } = plan;
  const child = spawn(
    process.execPath,
    [
      'bin/weir.ts',
      'run',
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
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
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

/** Decisions as readers of committed records see them, by partition, in order. */
export function readDecisions(driver: KafkaDriver, topic: string): Promise<Reading> {
  return openReading(driver, { group: randomUUID(), topics: [topic] });
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
