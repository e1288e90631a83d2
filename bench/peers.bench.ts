import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { KafkaAdmin, KafkaBatch } from '../adapters/kafka/port.ts';
import { type Broker, startBroker } from '../engines/kafka/broker.ts';
import { writeHourFiles } from '../simulate/account-payments.ts';
import { cpuMsOf, createRun, type KafkaRun, partitions, rssMibOf } from './kafka-run.ts';
import { type Peer, type PeerProcess, peers } from './peers-engines.ts';
import { compareRows, fillHours, type HourRows } from './peers-input.ts';

export const name = 'peers';

const { values } = parseArgs({
  strict: false,
  options: { events: { type: 'string', default: '300000' }, engines: { type: 'string', default: '' } },
});
const events = Number(values.events);
const root = mkdtempSync(join(tmpdir(), 'weir-peers-'));
const stalledMs = 120_000;
const lines: string[] = [];
const opened = new Array<Opened>();
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

/** The same job from the same topic in each engine: at every payment, count, sum and max of its card's last hour. */
export const variants = peers
  .filter((peer) => peer.name.toLowerCase().includes(String(values.engines).toLowerCase()))
  .map((peer) => ({ name: peer.name, run: () => measure(peer) }));

/** CPU of each run by process, memory, and the digest of its rows. */
export async function report(): Promise<readonly string[]> {
  for (const { broker, admin } of opened) {
    await admin.close();
    await broker.stop();
  }
  return lines;
}

type Opened = {
  readonly broker: Broker;
  readonly admin: KafkaAdmin;
  readonly run: KafkaRun;
  readonly expected: HourRows;
};

/** The broker with the one topic that all read. */
async function open(): Promise<Opened> {
  const [known] = opened;
  if (known !== undefined) return known;
  const broker = await startBroker({ dir: join(root, 'broker') });
  const run = await createRun(broker, { dir: root, files: writeHourFiles(root) });
  const expected = await fillHours(run, events);
  const made = { broker, admin: await run.driver.openAdmin(), run, expected };
  opened.push(made);
  return made;
}

async function measure(peer: Peer): Promise<number> {
  const { broker, admin, run: shared, expected } = await open();
  const group = randomUUID().slice(0, 8);
  const run = { ...shared, group, dir: join(root, group), decisions: `b${group}.fraud.decision.v1` };
  mkdirSync(run.dir);
  await admin.createTopics([{ topic: run.decisions, partitions, configs: { 'retention.ms': '-1' } }]);
  const brokerMs = cpuMsOf(broker.pid());
  const engine = await peer.start(run);
  const readyMs = cpuMsOf(engine.pid);
  const rows = new Map<string, string>();
  const reader = await openReader(run, (value) => {
    const { eventId, values: hour } = peer.rows.parse(JSON.parse(value));
    if (rows.has(eventId)) throw new Error(`got a second row of ${peer.name} for ${eventId}, expected one`);
    rows.set(eventId, hour.join(' '));
  });
  try {
    const third = await awaitThird(admin, run, engine);
    await awaitRows(rows, peer);
    const end = { cpuMs: cpuMsOf(engine.pid), written: await writtenTo(admin, run) };
    const share = (end.written - third.written) / end.written;
    lines.push(
      describe({
        peer,
        wholeMs: end.cpuMs,
        readyMs: end.cpuMs - readyMs,
        warmMs: (end.cpuMs - third.cpuMs) / share,
        brokerMs: cpuMsOf(broker.pid()) - brokerMs,
        peakMib: rssMibOf(engine.pid, 'at most'),
        digest: compareRows(peer.name, rows, expected),
      }),
    );
  } finally {
    await reader.close();
    await engine.stop();
  }
  return events;
}

type Figures = {
  readonly peer: Peer;
  readonly wholeMs: number;
  readonly readyMs: number;
  readonly warmMs: number;
  readonly brokerMs: number;
  readonly peakMib: number;
  readonly digest: string;
};

function describe({ peer, wholeMs, readyMs, warmMs, brokerMs, peakMib, digest }: Figures): string {
  const each = (cpuMs: number): string => ((cpuMs * 1000) / events).toFixed(1);
  return (
    `${peer.name}: CPU us an event ${each(warmMs)} once a third is done, ${each(readyMs)} from when it runs, ${each(wholeMs)} with its ` +
    `start; broker ${each(brokerMs)}; ${Math.round((events * 1000) / warmMs)} events a CPU second; at most ${peakMib.toFixed(0)} MiB; ` +
    `${events} rows are right, digest ${digest}`
  );
}

/** What has been written, committed or not: a part of an engine's work is done when its row is there. */
async function writtenTo(admin: KafkaAdmin, { decisions }: KafkaRun): Promise<number> {
  const ends = await admin.ends(decisions);
  return ends.reduce((sum, { nextOffset }) => sum + nextOffset, 0);
}

async function awaitThird(
  admin: KafkaAdmin,
  run: KafkaRun,
  engine: PeerProcess,
): Promise<{ readonly cpuMs: number; readonly written: number }> {
  const deadlineMs = performance.now() + stalledMs;
  while (performance.now() < deadlineMs) {
    const cpuMs = cpuMsOf(engine.pid);
    const written = await writtenTo(admin, run);
    if (written >= events / 3) return { cpuMs, written };
    await sleep(50);
  }
  throw new Error(`got less than ${events / 3} rows in ${stalledMs / 1000} s, expected a third of all`);
}

async function awaitRows(rows: HourRows, { name: peer }: Peer): Promise<void> {
  let last = { rows: rows.size, atMs: performance.now() };
  while (rows.size < events) {
    await sleep(20);
    if (rows.size > last.rows) last = { rows: rows.size, atMs: performance.now() };
    if (performance.now() - last.atMs < stalledMs) continue;
    throw new Error(`got ${rows.size} rows of ${peer}, no more in ${stalledMs / 1000} s, expected ${events}`);
  }
}

/** A member of another group that reads rows as they are committed. */
async function openReader(
  run: KafkaRun,
  take: (value: string) => void,
): Promise<{ readonly close: () => Promise<void> }> {
  return run.driver.openConsumer({
    group: `${run.group}-reader`,
    topics: [run.decisions],
    onAssigned: async (come) => come.map((at) => ({ ...at, nextOffset: 0 })),
    onRevoked: async () => undefined,
    onBatch: async ({ records }: KafkaBatch) => {
      for (const { value } of records) take(Buffer.from(value ?? []).toString());
    },
    onFailure: (error) => {
      throw error;
    },
  });
}
