import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { KafkaBatch } from '../adapters/kafka/port.ts';
import { type Broker, startBroker } from '../engines/kafka/broker.ts';
import { openProxy, type Proxy } from '../engines/network/proxy.ts';
import { writeAccountFiles } from '../simulate/account-payments.ts';
import { openStream, wholeBelow } from '../simulate/random.ts';
import { createRun, fill, type KafkaRun, partitions, rssMibOf, spawnWorker } from './kafka-run.ts';

export type SoakOptions = {
  readonly seconds: number;
  /** Payments a second. */
  readonly rate: number;
  readonly faultEverySeconds: number;
  readonly seed: number;
  readonly onProgress?: (line: string) => void;
};

/** What a soak came to. Nothing is lost when `missing` is 0, nothing doubled when `doubled` is. */
export type SoakReport = {
  readonly sent: number;
  readonly missing: number;
  readonly doubled: number;
  /** By kind, how often. */
  readonly faults: Readonly<Record<string, number>>;
  /** After the last payment, until its decision could be read. */
  readonly drainedSeconds: number;
  /** Resident memory of the workers, a sample every 5 s. */
  readonly rssMib: readonly number[];
  /** What the workers said. */
  readonly said: readonly string[];
};

type Soak = {
  readonly broker: Broker;
  readonly proxy: Proxy;
  readonly run: KafkaRun;
  worker: ChildProcess;
};

/** What befalls a worker, the broker and what is between them; each is over when it resolves. */
const faults: Readonly<Record<string, (soak: Soak) => Promise<void>>> = {
  workerKilled: async (soak) => {
    soak.worker.kill('SIGKILL');
    await once(soak.worker, 'exit');
    soak.worker = spawnTold(soak.run);
  },
  workerStopped: async (soak) => {
    const exit = once(soak.worker, 'exit');
    soak.worker.kill('SIGTERM');
    await exit;
    soak.worker = spawnTold(soak.run);
  },
  workerFrozen: async (soak) => {
    soak.worker.kill('SIGSTOP');
    await sleep(3000);
    soak.worker.kill('SIGCONT');
  },
  brokerFrozen: async ({ broker }) => {
    broker.freeze();
    await sleep(3000);
    broker.thaw();
  },
  connectionsReset: async ({ proxy }) => {
    proxy.reset();
  },
  networkCut: async ({ proxy }) => {
    proxy.isCut = true;
    await sleep(4000);
    proxy.isCut = false;
    proxy.reset();
  },
  repliesLost: async ({ proxy }) => {
    proxy.areRepliesLost = true;
    await sleep(2000);
    proxy.areRepliesLost = false;
    proxy.reset();
  },
  guestComesAndGoes: async ({ run }) => {
    const guest = spawnTold(run);
    await sleep(5000);
    const exit = once(guest, 'exit');
    guest.kill('SIGTERM');
    await exit;
  },
};

/** A worker whose words are kept, for when something is missing at the end. */
function spawnTold(run: KafkaRun): ChildProcess {
  const worker = spawnWorker(run);
  createInterface({ input: worker.stderr }).on('line', (line) =>
    said.push(`${new Date().toISOString()} ${worker.pid} ${line}`),
  );
  return worker;
}

const said: string[] = [];

/** Payments at a steady rate through a worker, with a fault every so often, until every one is decided. */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const root = mkdtempSync(join(tmpdir(), 'weir-soak-'));
  let target = 0;
  const proxy = await openProxy({ port: 0, target: () => target });
  const broker = await startBroker({ dir: join(root, 'broker'), proxyPort: proxy.port });
  target = broker.farPort ?? 0;
  const made = await createRun(broker, { dir: root, files: writeAccountFiles(root) });
  // The worker goes through the proxy; who writes and reads the topics does not.
  const run = { ...made, bootstrap: `127.0.0.1:${proxy.port}` };
  const soak: Soak = { broker, proxy, run, worker: spawnTold(run) };
  try {
    return await soakThrough(soak, options);
  } finally {
    soak.worker.kill('SIGKILL');
    await proxy.close();
    await broker.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

async function soakThrough(soak: Soak, options: SoakOptions): Promise<SoakReport> {
  const { seconds, rate, onProgress } = options;
  const total = seconds * rate;
  const seen = createSeen(total);
  const reader = await openReader(soak.run, seen.take);
  const over = new AbortController();
  const disturbing = disturb(soak, options, over.signal);
  const watching = watch(soak, () => onProgress?.(`${seen.decided()} of ${total} decided`), over.signal);
  await send(soak.run, { total, rate });
  over.abort();
  const counts = await disturbing;
  const sentMs = performance.now();
  await drained(() => seen.decided(), total);
  const drainedSeconds = (performance.now() - sentMs) / 1000;
  await reader.close();
  return {
    sent: total,
    missing: total - seen.decided(),
    doubled: seen.doubled(),
    faults: counts,
    drainedSeconds,
    rssMib: await watching,
    said,
  };
}

async function disturb(
  soak: Soak,
  { faultEverySeconds, seed, onProgress }: SoakOptions,
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const random = openStream({ seed, name: 'soak' });
  const names = Object.keys(faults);
  const counts: Record<string, number> = {};
  for (;;) {
    await sleep(faultEverySeconds * 1000, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return counts;
    const name = names[wholeBelow(random, names.length)] ?? '';
    onProgress?.(name);
    await faults[name]?.(soak);
    counts[name] = (counts[name] ?? 0) + 1;
  }
}

async function watch(soak: Soak, tell: () => void, signal: AbortSignal): Promise<number[]> {
  const samples: number[] = [];
  while (!signal.aborted) {
    await sleep(5000, undefined, { signal }).catch(() => undefined);
    tell();
    const { pid, exitCode, signalCode } = soak.worker;
    if (pid !== undefined && exitCode === null && signalCode === null) samples.push(Math.round(rssMibOf(pid)));
  }
  return samples;
}

async function send(run: KafkaRun, { total, rate }: { readonly total: number; readonly rate: number }): Promise<void> {
  const producer = await run.driver.openProducer();
  const startMs = performance.now();
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - startMs) * rate) / 1000), sent + 5000);
    if (due > sent)
      await fill(run, { from: sent, count: due - sent, when: 'past' }, (records) => sendAgain(producer, records));
    sent = Math.max(sent, due);
    await sleep(5);
  }
  await producer.close();
}

/** A frozen broker may take the records and not say so: what is sent again then is twice in the topic, as users' are. */
async function sendAgain(
  producer: Awaited<ReturnType<KafkaRun['driver']['openProducer']>>,
  records: Parameters<Parameters<typeof fill>[2]>[0],
): Promise<void> {
  for (;;) {
    try {
      return await producer.send(records);
    } catch {
      await sleep(200);
    }
  }
}

/** Waits until all are decided, or until nothing has come for a minute. */
async function drained(decided: () => number, total: number): Promise<void> {
  let last = decided();
  let lastMs = performance.now();
  while (decided() < total && performance.now() - lastMs < 60_000) {
    await sleep(100);
    if (decided() === last) continue;
    last = decided();
    lastMs = performance.now();
  }
}

const idField = Buffer.from('"eventId":"a-');

/** Which payments are decided, by their numbers. */
function createSeen(total: number) {
  const seen = new Uint8Array(total);
  let decided = 0;
  let doubled = 0;
  return {
    take: ({ records }: KafkaBatch): void => {
      for (const { value } of records) {
        const text = Buffer.from(value ?? new Uint8Array());
        const number = Number.parseInt(text.toString('latin1', text.indexOf(idField) + idField.length), 10);
        if (seen[number] === 1) doubled++;
        else decided++;
        seen[number] = 1;
      }
    },
    decided: () => decided,
    doubled: () => doubled,
  };
}

function openReader(
  run: KafkaRun,
  take: (batch: KafkaBatch) => void,
): Promise<{ readonly close: () => Promise<void> }> {
  return run.driver.openConsumer({
    group: `${run.group}-reader`,
    topics: [run.decisions],
    sessionTimeoutMs: 60_000,
    onAssigned: async (come) => come.map((at) => ({ ...at, nextOffset: 0 })),
    onRevoked: async () => undefined,
    onBatch: async (batch) => take(batch),
    onFailure: (error) => {
      throw error;
    },
  });
}

// `npm run soak -- [--minutes 30] [--rate 20000] [--every 20] [--seed 1]`
if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      rate: { type: 'string', default: '20000' },
      every: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
    },
  });
  console.error(`seed ${values.seed}, ${partitions} partitions`);
  const report = await runSoak({
    seconds: Number(values.minutes) * 60,
    rate: Number(values.rate),
    faultEverySeconds: Number(values.every),
    seed: Number(values.seed),
    onProgress: (line) => console.error(line),
  });
  for (const line of report.missing + report.doubled === 0 ? [] : report.said) console.error(line);
  console.log(JSON.stringify({ ...report, said: undefined }));
  process.exitCode = report.missing + report.doubled === 0 ? 0 : 1;
}
