import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { KafkaBatch } from '../adapters/kafka/port.ts';
import { type Broker, startBroker } from '../engines/kafka/broker.ts';
import { createHistogram, type Histogram, quantile, record } from '../runtime/histogram.ts';
import { writeAccountFiles } from '../simulate/account-payments.ts';
import {
  cpuMsOf,
  createRun,
  decidedBy,
  fill,
  type KafkaRun,
  partitions,
  rssMibOf,
  startWorker,
  startWorkers,
  stopWorker,
} from './kafka-run.ts';

export const name = 'kafka';

const { values } = parseArgs({
  strict: false,
  options: {
    events: { type: 'string', default: '400000' },
    seconds: { type: 'string', default: '20' },
    /** Seconds at the rate before any latency counts: the worker's code is compiled then. */
    warmth: { type: 'string', default: '5' },
    rates: { type: 'string', default: '5000,20000,40000' },
    'fetch-wait': { type: 'string', default: '30' },
  },
});
const events = Number(values.events);
const seconds = Number(values.seconds);
const warmth = Number(values.warmth);
const root = mkdtempSync(join(tmpdir(), 'weir-bench-'));
const lines: string[] = [];
let broker: Broker | null = null;
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

/**
 * A broker, a worker and what fills and reads the topics, each a process of its own on this machine; 8 partitions, all
 * sinks on, decisions in transactions. Features of accounts and cards, a model of one split.
 */
export const variants = [
  ...[1, 2].map((count) => ({ name: `${workersOf(count)}, from a full topic`, run: () => fromFullTopic(count) })),
  ...String(values.rates)
    .split(',')
    .map((rate) => ({ name: `${rate} a second`, run: () => atRate(Number(rate)) })),
];

/** Rates, CPU by process and latencies of each run. */
export async function report(): Promise<readonly string[]> {
  await broker?.stop();
  return lines;
}

async function openRun(): Promise<KafkaRun & { readonly brokerPid: number }> {
  broker ??= await startBroker({ dir: join(root, 'broker') });
  return { ...(await createRun(broker, { dir: root, files: writeAccountFiles(root) })), brokerPid: broker.pid() };
}

async function fromFullTopic(count: number): Promise<number> {
  const run = await openRun();
  const producer = await run.driver.openProducer();
  const step = 5000;
  for (let from = 0; from < events; from += step) {
    await fill(run, { from, count: step, when: 'past' }, (records) => producer.send(records));
  }
  await producer.close();
  const brokerMs = cpuMsOf(run.brokerPid);
  const startMs = performance.now();
  const workers = await startWorkers(run, count);
  const decided = async (): Promise<number> => sumOf(await Promise.all(workers.map(decidedBy)));
  const worked = (): number => sumOf(workers.map(({ pid }) => cpuMsOf(pid)));
  // From when they have their partitions: the start of the process is not what is measured.
  const readyMs = performance.now();
  const atStart = { worked: worked(), decided: await decided() };
  while ((await decided()) < events) await sleep(50);
  const seconds = (performance.now() - readyMs) / 1000;
  const since = events - atStart.decided;
  const each = (cpuMs: number): string => ((cpuMs * 1000) / since).toFixed(2);
  lines.push(
    `${workersOf(count)} from a full topic: ${Math.round(since / seconds)} decisions/s; CPU us a decision: worker ` +
      `${each(worked() - atStart.worked)}, broker ${each(cpuMsOf(run.brokerPid) - brokerMs)}; ` +
      `${workers.map(({ pid }) => `${rssMibOf(pid).toFixed(0)} MiB`).join(' and ')}; ready after ${((readyMs - startMs) / 1000).toFixed(1)} s`,
  );
  for (const worker of workers) await stopWorker(worker);
  return events;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function workersOf(count: number): string {
  return count === 1 ? 'one worker' : `${count} workers`;
}

/** Payments come at a steady rate, whether or not the last ones are decided; a reader of committed records clocks them. */
async function atRate(rate: number): Promise<number> {
  const run = await openRun();
  const worker = await startWorker(run, [`--fetch-wait-ms=${values['fetch-wait']}`]);
  const latencyUs = createHistogram();
  const clocked: Clocked = { latencyUs, read: 0, fromMs: Date.now() + warmth * 1000 };
  const reader = await openReader(run, clocked);
  const producer = await run.driver.openProducer();
  const total = rate * (warmth + seconds);
  const startMs = performance.now();
  let cpu = { worker: cpuMsOf(worker.pid), broker: cpuMsOf(run.brokerPid) };
  let isWarm = false;
  const sending = new Set<Promise<void>>();
  for (let sent = 0; sent < total;) {
    if (!isWarm && performance.now() - startMs > warmth * 1000) {
      isWarm = true;
      cpu = { worker: cpuMsOf(worker.pid), broker: cpuMsOf(run.brokerPid) };
    }
    const due = Math.min(total, Math.floor(((performance.now() - startMs) * rate) / 1000));
    if (due > sent) {
      const from = sent;
      const send = fill(run, { from, count: due - from, when: 'now' }, (records) => producer.send(records)).finally(
        () => {
          sending.delete(send);
        },
      );
      sending.add(send);
      sent = due;
    }
    await sleep(5);
  }
  await Promise.all(sending);
  while (clocked.read < total) await sleep(20);
  const each = (cpuMs: number): string => ((cpuMs * 1000) / (rate * seconds)).toFixed(2);
  const ms = (share: number): string => ((quantile(latencyUs, share) ?? 0) / 1000).toFixed(1);
  lines.push(
    `${rate} a second for ${seconds} s: latency ms p50 ${ms(0.5)}, p95 ${ms(0.95)}, p99 ${ms(0.99)}, p99.9 ${ms(0.999)}, longest ` +
      `${((latencyUs.max ?? 0) / 1000).toFixed(1)}; CPU us a decision: worker ${each(cpuMsOf(worker.pid) - cpu.worker)}, ` +
      `broker ${each(cpuMsOf(run.brokerPid) - cpu.broker)}`,
  );
  await producer.close();
  await reader.close();
  await stopWorker(worker);
  return total;
}

/** Latencies of payments made since a time, and how many decisions were read in all. */
type Clocked = { readonly latencyUs: Histogram; readonly fromMs: number; read: number };

/** A member of another group that reads the decisions as they are committed. */
async function openReader(run: KafkaRun, clocked: Clocked): Promise<{ readonly close: () => Promise<void> }> {
  let held = 0;
  let joined: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    joined = resolve;
  });
  const consumer = await run.driver.openConsumer({
    group: `${run.group}-reader`,
    topics: [run.decisions],
    fetchWaitMs: 5,
    onAssigned: async (come) => {
      held += come.length;
      if (held >= partitions) joined();
      return come.map((at) => ({ ...at, nextOffset: 0 }));
    },
    onRevoked: async () => undefined,
    onBatch: async (batch) => clock(batch, clocked),
    onFailure: (error) => {
      throw error;
    },
  });
  await ready;
  return consumer;
}

const timeField = Buffer.from('"eventTimeMs":');

/** From the making of a payment, just before it was sent, until its decision could be read. */
function clock({ records }: KafkaBatch, clocked: Clocked): void {
  const timeMs = Date.now();
  for (const { value } of records) {
    const text = Buffer.from(value ?? new Uint8Array());
    const at = text.indexOf(timeField) + timeField.length;
    const madeMs = Number(text.toString('latin1', at, at + 13));
    if (madeMs >= clocked.fromMs) record(clocked.latencyUs, { value: (timeMs - madeMs) * 1000 });
  }
  clocked.read += records.length;
}
