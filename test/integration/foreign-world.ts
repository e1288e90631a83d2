import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KafkaAdmin, KafkaDriver, OutgoingRecord, TopicToMake } from '../../adapters/kafka/port.ts';
import { type Authorization, authorizationContract } from '../../core/contract/authorization.ts';
import { foreignKeysOf } from '../../core/features/foreign-plan.ts';
import type { Plan } from '../../core/features/plan.ts';
import { wantedForeignTopics } from '../../runtime/foreign-topics.ts';
import { until } from './eventually.ts';
import type { Reading } from './kafka-reading.ts';
import { authorizations, type KafkaWorld, record } from './kafka-world.ts';

/** How many payments, and how far apart: so far that the book's windows of up to 37 days fill and empty. */
export const foreignLog = { events: 12_000, chunk: 1000, accounts: 500, apartMs: 480_000, firstMs: 1_760_000_000_000 };

/** The files of a definition with windows by a key that is spread over the partitions: the handbook's unless told. */
export function createForeignWorld(partitions: number): KafkaWorld {
  const shipped = new URL('../../examples/handbook/', import.meta.url).pathname;
  const { WEIR_FAULTS_DEFINITION: definition, WEIR_FAULTS_MODEL: model } = process.env;
  const files = {
    definition: definition ?? `${shipped}features.ts`,
    rules: `${shipped}rules.json`,
    model: model ?? `${shipped}book-model.json`,
  };
  return { dir: mkdtempSync(join(tmpdir(), 'weir-foreign-')), files, partitions };
}

/** The topics of payments and disputes of one run: read in one log, so they are filled in step. */
export type ForeignTopics = { readonly payments: string; readonly disputes: string };

/** Makes the topics of one run. */
export async function createForeignTopics(admin: KafkaAdmin, partitions: number): Promise<ForeignTopics> {
  const id = randomUUID().slice(0, 8);
  const topics = { payments: `t${id}.payments.authorization.v1`, disputes: `t${id}.payments.dispute.v1` };
  const configs = { 'retention.ms': '-1', 'message.timestamp.type': 'LogAppendTime' };
  await admin.createTopics(Object.values(topics).map((topic) => ({ topic, partitions, configs })));
  return topics;
}

/** What the workers of a group want of topics between them. */
export function internalTopics(plan: Plan, partitions: number): (group: string) => readonly TopicToMake[] {
  return (group) => wantedForeignTopics(foreignKeysOf(plan), { group, partitions, replicas: 1 });
}

/**
 * A chunk's disputes come once it is decided, and the next chunk once they are taken: so runs agree about who is late.
 * Gives the latest event time of each partition.
 */
export async function feed(options: {
  readonly driver: KafkaDriver;
  readonly admin: KafkaAdmin;
  readonly topics: ForeignTopics;
  readonly group: string;
  readonly partitions: number;
  readonly reading: Reading;
}): Promise<{ readonly latestMs: readonly number[] }> {
  const { driver, admin, topics, group, partitions, reading } = options;
  const { events, chunk, accounts, apartMs, firstMs } = foreignLog;
  const producer = await driver.openProducer();
  const eventTimeMs = (number: number): number => firstMs + number * apartMs;
  const latestMs = new Array<number>(partitions).fill(0);
  for (let from = 0; from < events; from += chunk) {
    const wanted = { from, count: chunk, accounts, partitions, eventTimeMs };
    const sent = authorizations(topics.payments, wanted).map((payment, index) =>
      atQuietTerminal(payment, from + index),
    );
    await insist(() => producer.send(sent));
    await reading.until(() => reading.records.length >= from + chunk);
    const disputed = sent.filter((_, index) => index % 13 === 0);
    const disputes = disputed.map(({ value, partition = 0 }) =>
      record(topics.disputes, partition, disputeOf(value, eventTimeMs(from + chunk - 1))),
    );
    await insist(() => producer.send(disputes));
    await until(() => areTaken(admin, { group, topic: topics.disputes }).catch(() => false));
    for (const [index, { partition = 0 }] of sent.entries()) latestMs[partition] = eventTimeMs(from + index);
    for (const { partition = 0 } of disputed) latestMs[partition] = eventTimeMs(from + chunk - 1);
  }
  await producer.close();
  return { latestMs };
}

/** Does something again until the cluster has taken it: what it then has twice is one event. */
function insist(act: () => Promise<void>): Promise<void> {
  return until(() =>
    act().then(
      () => true,
      () => false,
    ),
  );
}

/** Every third payment is at one of a thousand terminals, which have few each. */
function atQuietTerminal(payment: OutgoingRecord, number: number): OutgoingRecord {
  if (number % 3 !== 0) return payment;
  const event = eventOf(payment.value);
  const terminalId = `quiet-${number % 997}`;
  return { ...payment, value: new TextEncoder().encode(JSON.stringify({ ...event, terminalId })) };
}

function eventOf(value: Uint8Array | null): Authorization {
  const json: unknown = JSON.parse(new TextDecoder().decode(value ?? new Uint8Array()));
  return authorizationContract.schema.parse(json);
}

function disputeOf(payment: Uint8Array | null, eventTimeMs: number): { readonly key: string; readonly value: string } {
  const { tenantId, accountId, eventId } = eventOf(payment);
  const reason = Number(eventId.slice(2)) % 2 === 0 ? 'fraud' : 'notReceived';
  const dispute = { tenantId, accountId, eventId: `d-${eventId}`, eventTimeMs, authorizationId: eventId, reason };
  return { key: accountId, value: JSON.stringify(dispute) };
}

/** Has a group committed what a topic holds? */
async function areTaken(
  admin: KafkaAdmin,
  { group, topic }: { readonly group: string; readonly topic: string },
): Promise<boolean> {
  const ends = await admin.ends(topic);
  const at = ends.map(({ partition }) => ({ topic, partition }));
  const committed = await admin.committed(group, at);
  const next = new Map(committed.map(({ partition, nextOffset }) => [partition, nextOffset]));
  return ends.every(({ partition, nextOffset }) => (next.get(partition) ?? 0) >= nextOffset);
}
