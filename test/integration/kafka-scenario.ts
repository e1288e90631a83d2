import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { KafkaDriver, TopicToMake } from '../../adapters/kafka/port.ts';
import type { Reading } from './kafka-reading.ts';
import { digestsOf, type KafkaWorld, readDecisions, startWorker, type Worker, type WorkerPlan } from './kafka-world.ts';

/** What a topic is run through with. */
export type Scenario = {
  readonly driver: KafkaDriver;
  readonly world: KafkaWorld;
  /** Where workers find the cluster. */
  readonly bootstrap: string;
  readonly payments: string;
  /** How many decisions come. */
  readonly decisions: number;
  readonly more?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** In place of a folder beside the others. */
  readonly state?: string;
  /** The topics between the workers of a group. */
  readonly internal?: (group: string) => readonly TopicToMake[];
};

/** A run under way. */
export type Run = {
  readonly reading: Reading;
  readonly plan: WorkerPlan;
  readonly workers: Worker[];
  readonly start: (more?: readonly string[]) => Worker;
  /** Resolves once so many more decisions than now can be read, or all. */
  readonly after: (decisions: number) => Promise<void>;
  /** Resolves with the next decision that can be read, and notes how long that took since the fault. */
  readonly recovered: (sinceMs: number) => Promise<void>;
};

/** What readers saw by partition, and the digests of what was kept in a folder. */
export type Outcome = {
  readonly decisions: Readonly<Record<string, readonly string[]>>;
  readonly digests: Readonly<Record<string, unknown>>;
  readonly plan: WorkerPlan;
  readonly lines: readonly string[];
  /** How long each fault was felt. */
  readonly recoveriesMs: readonly number[];
};

/** Runs a topic through in a group of its own, with a disturbance, until all is decided; then stops what runs, in order. */
export async function runThrough(scenario: Scenario, disturb: (run: Run) => Promise<void>): Promise<Outcome> {
  const { driver, world, bootstrap, payments, more = [], env = {}, internal = () => [] } = scenario;
  const group = randomUUID();
  const decisions = `t${group.slice(0, 8)}.fraud.decision.v1`;
  const admin = await driver.openAdmin();
  const decided = { topic: decisions, partitions: world.partitions, configs: { 'retention.ms': '-1' } };
  await admin.createTopics([decided, ...internal(group)]);
  await admin.close();
  const plan = { bootstrap, topics: { payments, decisions }, group, state: scenario.state ?? join(world.dir, group) };
  const workers: Worker[] = [];
  const start = (extra: readonly string[] = []): Worker => {
    const worker = startWorker(world, { ...plan, env, more: [...more, ...extra] });
    workers.push(worker);
    return worker;
  };
  const reading = await readDecisions(driver, decisions);
  const after = async (count: number): Promise<void> => {
    const wanted = Math.min(reading.records.length + count, scenario.decisions);
    await reading.until(() => reading.records.length >= wanted);
  };
  const recoveriesMs: number[] = [];
  const recovered = async (sinceMs: number): Promise<void> => {
    const known = reading.records.length;
    if (known === scenario.decisions) return;
    await Promise.race([reading.until(() => reading.records.length > known), nobodyLeft(workers)]);
    recoveriesMs.push(performance.now() - sinceMs);
  };
  start();
  try {
    await disturb({ reading, plan, workers, start, after, recovered });
    await Promise.race([reading.until(() => reading.records.length >= scenario.decisions), nobodyLeft(workers)]);
    await stopAll(workers, world.partitions);
  } finally {
    for (const worker of workers) worker.process.kill('SIGKILL');
    await reading.close();
  }
  const lines = workers.flatMap((worker) => worker.lines);
  const digests = plan.state.startsWith('s3://') ? {} : await digestsOf(plan.state);
  return { decisions: byPartition(reading), digests, plan, lines, recoveriesMs };
}

/** Stops the workers that run, once they have all partitions among them, so that all of the state is whole. */
async function stopAll(workers: readonly Worker[], partitions: number): Promise<void> {
  const running = workers.filter(isRunning);
  while (owned(running) < partitions) await Promise.race(running.map((worker) => worker.saidMore()));
  for (const worker of running) {
    worker.process.kill('SIGTERM');
    const end = await worker.ended;
    if (end.code !== 0)
      throw new Error(`got ${JSON.stringify(end)} after SIGTERM, expected 0\n${worker.lines.join('\n')}`);
  }
}

function owned(workers: readonly Worker[]): number {
  return new Set(workers.flatMap((worker) => [...heldBy(worker)])).size;
}

function heldBy({ lines }: Worker): ReadonlySet<string> {
  const held = new Set<string>();
  for (const line of lines) {
    const [, partition = '', change] = /^partition (\d+) is (ours|let go)/.exec(line) ?? [];
    if (change === 'ours') held.add(partition);
    if (change === 'let go') held.delete(partition);
  }
  return held;
}

/** Fails when every worker has ended while decisions are missing. */
async function nobodyLeft(workers: readonly Worker[]): Promise<never> {
  for (;;) {
    const running = workers.filter(isRunning);
    if (running.length === 0) {
      const said = workers.map(({ lines }) => lines.join('\n')).join('\n--\n');
      throw new Error(`got the end of all workers, expected one to go on:\n${said}`);
    }
    await Promise.race(running.map(({ ended }) => ended));
  }
}

function isRunning({ process: { exitCode, signalCode } }: Worker): boolean {
  return exitCode === null && signalCode === null;
}

function byPartition({ records }: Reading): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { partition, value } of records) {
    (found[partition] ??= []).push(new TextDecoder().decode(value ?? new Uint8Array()));
  }
  return found;
}
