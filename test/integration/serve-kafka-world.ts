import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { hashOfKey } from '../../adapters/http/api-keys.ts';
import type { KafkaDriver } from '../../adapters/kafka/port.ts';
import { contractsOfTopics } from '../../runtime/kafka-plan.ts';
import { assemble } from '../../runtime/assemble.ts';
import { Columnar } from '../../runtime/columnar.ts';
import type { KafkaWorld } from './kafka-world.ts';
import { openReading } from './kafka-reading.ts';

const key = 'weir_test_key';

/** The topics of an API. */
export type ApiTopics = { readonly log: readonly string[]; readonly decisions: string; readonly readings: string };

/** Makes the topics of an API: payments, what follows them, decisions and readings. */
export async function createApiTopics(driver: KafkaDriver, partitions: number): Promise<ApiTopics> {
  const prefix = `t${randomUUID().slice(0, 8)}.`;
  const log = ['authorization', 'clearing', 'reversal', 'dispute'].map((name) => `${prefix}payments.${name}.v1`);
  const topics = { log, decisions: `${prefix}fraud.decision.v1`, readings: `${prefix}telemetry.reading.v1` };
  const configs = { 'retention.ms': '-1' };
  const appended = { ...configs, 'message.timestamp.type': 'LogAppendTime' };
  const admin = await driver.openAdmin();
  await admin.createTopics([
    ...[...log, topics.readings].map((topic) => ({ topic, partitions, configs: appended })),
    { topic: topics.decisions, partitions, configs },
  ]);
  await admin.close();
  return topics;
}

/** A process of the API. */
export type ApiProcess = {
  readonly process: ChildProcess;
  readonly url: string;
  readonly said: string[];
  readonly ended: Promise<number | null>;
};

export type ApiPlan = {
  readonly bootstrap: string;
  readonly topics: ApiTopics;
  readonly group: string;
  readonly out: string;
  readonly more?: readonly string[];
};

/** Starts `weir serve` over Kafka, and waits until it takes events. */
export async function startApi({ dir, files }: KafkaWorld, plan: ApiPlan): Promise<ApiProcess> {
  const { bootstrap, topics, group, out, more = [] } = plan;
  const keys = join(dir, 'keys.json');
  const scopes = ['score', 'events', 'read', 'metrics', 'telemetry'];
  const caller = { id: 'test', sha256: hashOfKey(key), tenants: ['*'], scopes, perSecond: 1e6, burst: 1e6 };
  writeFileSync(keys, JSON.stringify({ version: 1, keys: [caller] }));
  const args = [
    `--log=kafka://${bootstrap}/${topics.log.join(',')}`,
    `--decisions=${topics.decisions}`,
    `--readings=${topics.readings}`,
    `--group=${group}`,
    `--out=${out}`,
    `--keys=${keys}`,
    `--definition=${files.definition}`,
    `--rules=${files.rules}`,
    `--model=${files.model}`,
    '--port=0',
    '--json',
    '--deadline-ms=5000',
    '--session-timeout-ms=6000',
    '--drain-ms=1500',
    ...more,
  ];
  const child = spawn(process.execPath, ['bin/weir.ts', 'serve', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => said.push(line));
  const ended = once(child, 'close').then(() => child.exitCode);
  let text = '';
  for await (const line of createInterface({ input: child.stdout })) {
    text += line;
    if (line !== '}') continue;
    const { url } = z.object({ url: z.string() }).parse(JSON.parse(text));
    return { process: child, url, said, ended };
  }
  throw new Error(`got the end of the API, expected its address: ${said.join('\n')}`);
}

export type ApiAnswer = { readonly status: number; readonly text: string; readonly retryAfter: string | null };

/** Sends a body to the API; a connection that fails is status 0. */
export async function ask(url: string, path: string, body: string): Promise<ApiAnswer> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  try {
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body });
    return { status: answer.status, text: await answer.text(), retryAfter: answer.headers.get('retry-after') };
  } catch (error) {
    return { status: 0, text: String(error instanceof Error ? (error.cause ?? error) : error), retryAfter: null };
  }
}

/** Decides what a topic has of a partition, in the order of its offsets, in this process, into a folder. */
export async function decideTopic(
  { files }: Pick<KafkaWorld, 'files'>,
  driver: KafkaDriver,
  { topic, partition, partitions, dir }: TopicToDecide,
): Promise<number> {
  const admin = await driver.openAdmin();
  const counts = new Map((await admin.ends(topic)).map((end) => [end.partition, end.nextOffset]));
  await admin.close();
  const reading = await openReading(driver, { group: randomUUID(), topics: [topic] });
  const total = Array.from({ length: partitions }, (_, at) => counts.get(at) ?? 0).reduce((sum, one) => sum + one, 0);
  await reading.until(() => reading.records.length === total);
  await reading.close();
  const records = reading.records.filter((one) => one.partition === partition);
  const contract = contractsOfTopics([topic]).get(topic) ?? topic;
  const scoring = new Columnar({ dir, assembled: await assemble(files), partition, cutRecords: 16_384 });
  const incoming = records.map(({ offset, value, timestampMs }) => ({
    topic: contract,
    bytes: value ?? new Uint8Array(),
    sourcePosition: offset,
    ingestTimeMs: timestampMs,
  }));
  await scoring.append(incoming);
  await scoring.process({ lagRecordsMax: 0 });
  await scoring.commit();
  await scoring.close();
  return records.length;
}

type TopicToDecide = {
  readonly topic: string;
  readonly partition: number;
  readonly partitions: number;
  readonly dir: string;
};
