import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateStreamCommand,
  KinesisClient,
  PutRecordsCommand,
  SplitShardCommand,
  waitUntilStreamExists,
} from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { openStream } from '../../adapters/kinesis/stream.ts';
import { type Emulator, startMiniStack } from '../../engines/aws/emulators.ts';
import { accountPayments, type AccountFiles, writeAccountFiles } from '../../simulate/account-payments.ts';
import { digestOf } from './digest.ts';
import { spawnWorker, type Worker } from './kafka-world.ts';

const shards = 2;
const events = 6000;
const accounts = 300;
const root = mkdtempSync(join(tmpdir(), 'weir-kinesis-'));
const aws = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' };
let ministack: Emulator;
let client: KinesisClient;
let files: AccountFiles;
let payments: string;
let expected: Outcome;
const running: Worker[] = [];

beforeAll(async () => {
  ministack = await startMiniStack({ MINISTACK_REGION: aws.AWS_REGION });
  Object.assign(process.env, aws, { AWS_ENDPOINT_URL: ministack.endpoint });
  client = new KinesisClient({ requestHandler: new NodeHttpHandler() });
  files = writeAccountFiles(root);
  payments = await createStream('payments', shards);
  await fill(payments);
  expected = await runThrough(async () => undefined);
});

afterEach(() => {
  for (const worker of running.splice(0)) worker.process.kill('SIGKILL');
});

afterAll(async () => {
  await ministack?.stop();
  rmSync(root, { recursive: true, force: true });
});

async function createStream(name: string, count: number): Promise<string> {
  const stream = `${name}-${randomUUID().slice(0, 8)}`;
  await client.send(new CreateStreamCommand({ StreamName: stream, ShardCount: count }));
  await waitUntilStreamExists({ client, maxWaitTime: 30 }, { StreamName: stream });
  return stream;
}

/** Payments as a producer library sends them, several in a record; some by themselves, some twice, and what is none. */
async function fill(stream: string): Promise<void> {
  const sender = openStream(stream);
  const all = accountPayments({ from: 0, count: events, accounts, partitions: shards });
  for (let from = 0; from < events; from += 500) {
    const some = all.slice(from, from + 500);
    for (let partition = 0; partition < shards; partition++) {
      const own = some.filter((payment) => payment.partition === partition);
      const records = own.map(({ key, value }) => ({ partitionKey: key, data: Buffer.from(value) }));
      if (from % 1000 === 0) await sender.put(keyOf(partition), records);
      else {
        const Records = records.map(({ data }) => ({
          Data: data,
          ExplicitHashKey: hashKeyOf(partition),
          PartitionKey: 'k',
        }));
        await client.send(new PutRecordsCommand({ StreamName: stream, Records }));
      }
      if (from === 2000) await sender.put(keyOf(partition), records.slice(0, 100));
    }
  }
  await sender.put(keyOf(1), [{ partitionKey: 'poison', data: Buffer.from('{"not an event') }]);
  sender.close();
}

/** Keys whose MD5 lies in the lower and in the upper half. */
const keyOf = (partition: number): string => ['key-0', 'key-2'][partition] ?? '';
const hashKeyOf = (partition: number): string => String((BigInt(partition) << 127n) + 1n);

type Run = {
  readonly start: (more?: readonly string[]) => Worker;
  /** Resolves once so many decisions can be read. */
  readonly until: (count: number) => Promise<void>;
};
type Outcome = {
  /** By id, the decision as it was published. */
  readonly decisions: ReadonlyMap<string, string>;
  readonly digests: Readonly<Record<string, unknown>>;
  /** Decisions that were put more than once. */
  readonly repeated: number;
};

/** Runs the stream through with a disturbance, until all is decided and the workers that are left have stopped in order. */
async function runThrough(disturb: (run: Run) => Promise<void>): Promise<Outcome> {
  const stream = await createStream('decisions', shards);
  const group = randomUUID();
  const state = join(root, group);
  const decisions = new Map<string, string>();
  let seen = 0;
  const reading = new AbortController();
  const read = readAll(stream, reading.signal, (text) => {
    const decisionId = /"decisionId":"([^"]+)"/.exec(text)?.[1] ?? text;
    seen += 1;
    expect(decisions.get(decisionId) ?? text).toBe(text);
    decisions.set(decisionId, text);
  });
  const until = async (count: number): Promise<void> => {
    await vi.waitUntil(() => decisions.size >= count, { interval: 20, timeout: 120_000 });
  };
  const start = (more: readonly string[] = []): Worker => {
    const worker = spawnWorker(
      [
        `--source=kinesis://${payments}`,
        `--decisions=${stream}`,
        `--group=${group}`,
        `--state=${state}`,
        '--session-timeout-ms=3000',
        '--poll-ms=20',
        '--cut-records=1024',
        `--definition=${files.definition}`,
        `--rules=${files.rules}`,
        `--model=${files.model}`,
        ...more,
      ],
      {},
    );
    running.push(worker);
    return worker;
  };
  start();
  await disturb({ start, until });
  await until(events);
  const left = running
    .splice(0)
    .filter(({ process: { exitCode, signalCode } }) => exitCode === null && signalCode === null);
  // All of the state is whole once they have all shards among them.
  while (ownedBy(left) < shards) await Promise.race(left.map((worker) => worker.saidMore()));
  for (const worker of left) {
    worker.process.kill('SIGTERM');
    const end = await worker.ended;
    if (end.code !== 0) throw new Error(`got ${JSON.stringify(end)}, expected 0\n${worker.lines.join('\n')}`);
  }
  reading.abort();
  await read;
  const digests: Record<string, unknown> = {};
  for (const shard of readdirSync(state).filter((name) => name.startsWith('shardId'))) {
    const latest = readdirSync(join(state, shard)).toSorted().at(-1) ?? '';
    digests[shard] = await digestOf(join(state, shard, latest));
  }
  return { decisions, digests, repeated: seen - decisions.size };
}

function ownedBy(workers: readonly Worker[]): number {
  const owned = new Set<string>();
  for (const line of workers.flatMap(({ lines }) => lines)) {
    const [, shardId = '', change] = /^(shardId-\d+) is (ours|let go)/.exec(line) ?? [];
    if (change === 'ours') owned.add(shardId);
    if (change === 'let go') owned.delete(shardId);
  }
  return owned.size;
}

async function readAll(stream: string, signal: AbortSignal, take: (text: string) => void): Promise<void> {
  const reader = openStream(stream);
  const found = await reader.listShards();
  await Promise.all(
    found.map(async ({ shardId }) => {
      const cursor = reader.open(shardId, null);
      const look = async (): Promise<boolean> => {
        const { records } = await cursor.read();
        for (const { data } of records.flatMap((record) => record.records)) take(Buffer.from(data).toString());
        return signal.aborted;
      };
      await vi.waitUntil(look, { interval: 20, timeout: 170_000 });
    }),
  );
  reader.close();
}

async function expectSame(disturb: (run: Run) => Promise<void>): Promise<Outcome> {
  const outcome = await runThrough(disturb);
  expect(Object.fromEntries(outcome.decisions)).toEqual(Object.fromEntries(expected.decisions));
  expect(outcome.digests).toEqual(expected.digests);
  return outcome;
}

test('a worker decides each payment of a stream once, whether it came by itself or with others', () => {
  expect(expected.decisions.size).toBe(events);
  expect(expected.repeated).toBe(0);
  expect(Object.keys(expected.digests)).toHaveLength(shards);
});

test('killed three times in the middle, a worker puts out what an undisturbed one does', async () => {
  const { repeated } = await expectSame(async ({ start, until }) => {
    for (const count of [500, 2000, 4000]) {
      await until(count);
      running.at(-1)?.process.kill('SIGKILL');
      await running.at(-1)?.ended;
      start();
    }
  });
  // What was put between a put and its commit comes again, at most a read of each shard a kill.
  expect(repeated).toBeLessThan(events);
});

test('an owner that sleeps past its session and wakes is fenced off, and what it puts is what its successor decided', async () => {
  await expectSame(async ({ start, until }) => {
    await until(500);
    const [sleeper] = running;
    sleeper?.process.kill('SIGSTOP');
    const successor = start();
    await successor.said(/shardId-000000000000 is ours/);
    await successor.said(/shardId-000000000001 is ours/);
    sleeper?.process.kill('SIGCONT');
    await sleeper?.said(/FENCED/);
    expect(sleeper?.lines.join('\n')).toMatch(/FENCED/);
  });
});

test('members share the shards, and who leaves in order hands over at once', async () => {
  await expectSame(async ({ start, until }) => {
    await until(200);
    const [first] = running;
    const second = start();
    await second.said(/is ours/);
    await until(3000);
    first?.process.kill('SIGTERM');
    expect((await first?.ended)?.code).toBe(0);
  });
});

test('features by a key that is spread over shards are refused by name', async () => {
  const definition = new URL('../../examples/handbook/features.ts', import.meta.url).pathname;
  const model = new URL('../../examples/handbook/book-model.json', import.meta.url).pathname;
  const worker = spawnWorker(
    [
      `--source=kinesis://${payments}`,
      `--decisions=${payments}`,
      '--group=foreign',
      `--state=${join(root, 'foreign')}`,
      `--definition=${definition}`,
      `--model=${model}`,
    ],
    {},
  );
  expect((await worker.ended).code).toBe(1);
  expect(worker.lines.join('\n')).toMatch(/features by terminalId over 2 shards.*FOREIGN_KEYS/s);
});

test('a stream that is split stops the worker, which says why', async () => {
  const stream = await createStream('split', 1);
  const args = [`--source=kinesis://${stream}`, `--decisions=${stream}`, '--group=split', '--session-timeout-ms=3000'];
  const own = [`--definition=${files.definition}`, `--rules=${files.rules}`, `--model=${files.model}`];
  const worker = spawnWorker([...args, ...own, `--state=${join(root, 'split')}`], {});
  await worker.said(/is ours/);
  const half = String(1n << 127n);
  const ShardToSplit = 'shardId-000000000000';
  await client.send(new SplitShardCommand({ StreamName: stream, ShardToSplit, NewStartingHashKey: half }));
  expect((await worker.ended).code).toBe(1);
  expect(worker.lines.join('\n')).toMatch(/SHARDS_CHANGED/);
});
