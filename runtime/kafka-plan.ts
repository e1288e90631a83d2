import { join } from 'node:path';
import { z } from 'zod';
import { realDisk } from '../adapters/files/disk.ts';
import { makeDirectory, readTextIfAny, writeDurably, writeFully } from '../adapters/files/durable-file.ts';
import { isBrokers } from '../adapters/kafka/cluster.ts';
import type { KafkaAdmin } from '../adapters/kafka/port.ts';
import { inputContracts } from '../core/contract/contracts.ts';
import { WeirError } from '../core/contract/failure.ts';
import type { Assembled } from './assemble.ts';
import { overPartitions } from './foreign-assembly.ts';
import { type ForeignTopics, foreignTopicsOf } from './foreign-topics.ts';
import type { KafkaPlan } from './kafka-partition.ts';

/** Where `kafka://BROKERS/TOPIC[,TOPIC]` points to; the brokers are `HOST:PORT[,HOST:PORT]` or the ARN of an MSK cluster. */
export type KafkaSource = { readonly brokers: string; readonly topics: readonly string[] };

/** Parses the address of topics. Throws `SOURCE_INVALID`. */
export function parseKafkaSource(text: string): KafkaSource {
  const [, brokers = '', listed = ''] = /^kafka:\/\/(arn:[^/]+\/[^/]+\/[^/]+|[^/]+)\/([^/]+)$/.exec(text) ?? [];
  const topics = listed.split(',').filter((topic) => topic !== '');
  if (isBrokers(brokers) && topics.length > 0) return { brokers, topics };
  throw new WeirError({
    code: 'SOURCE_INVALID',
    message: `got ${text}, expected kafka://HOST:PORT[,HOST:PORT]/TOPIC[,TOPIC], or an MSK cluster's ARN for the hosts`,
    fix: 'Such as --source kafka://127.0.0.1:9092/payments.authorization.v1',
  });
}

/**
 * By topic, the contract of its records: the one whose name the topic's is or ends with, after a dot. Throws
 * `SOURCE_WITHOUT_CONTRACT`.
 */
export function contractsOfTopics(topics: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    topics.map((topic) => {
      const contract = [...inputContracts.keys()].find((name) => topic === name || topic.endsWith(`.${name}`));
      if (contract !== undefined) return [topic, contract];
      throw new WeirError({
        code: 'SOURCE_WITHOUT_CONTRACT',
        message: `got topic ${topic}, expected the name of a contract, or one that ends with it: ${[...inputContracts.keys()].join(', ')}`,
        fix: 'Correct --source; weir contracts lists what there is.',
        facts: { topic },
      });
    }),
  );
}

const keptSchema = z.strictObject({ group: z.string(), topics: z.array(z.string()), partitions: z.int().min(1) });

/**
 * Looks at the topics before anything is read, and says how many partitions they have and what runs over them. All of one plan have as many, as
 * their keys lie in the same ones; and as many as when the state was begun, since keys move when partitions are added.
 * Throws `PARTITIONS_CHANGED`, `PARTITIONS_DIFFER`, `FOREIGN_KEYS` and `TOPIC_UNKNOWN`.
 */
export async function planPartitions(
  admin: KafkaAdmin,
  options: {
    readonly group: string;
    readonly topics: readonly string[];
    readonly decisionsTopic: string;
    readonly state: string;
    readonly assembled: Assembled;
  },
): Promise<{ readonly partitions: number; readonly assembled: Assembled; readonly foreign: readonly ForeignTopics[] }> {
  const { group, topics, decisionsTopic, state } = options;
  const partitions = await partitionsOf(admin, [...topics, decisionsTopic]);
  const assembled = overPartitions(options.assembled, partitions);
  const foreign = foreignTopicsOf(assembled, group, partitions);
  await assertForeignTopics(admin, foreign, partitions);
  claimTopics(state, { group, topics: [...topics], partitions });
  return { partitions, assembled, foreign };
}

/** The topics of foreign keys are there, with as many partitions as their source: who owns one owns the others. */
async function assertForeignTopics(
  admin: KafkaAdmin,
  foreign: readonly ForeignTopics[],
  partitions: number,
): Promise<void> {
  const wanted = foreign.flatMap(({ repartition, views }) => [repartition, views]);
  const known = wanted.length === 0 ? [] : await admin.listTopics();
  const missing = wanted.filter((topic) => !known.includes(topic));
  if (missing.length > 0) {
    throw new WeirError({
      code: 'TOPIC_UNKNOWN',
      message: `got no topic ${missing.join(', ')}, expected it for the features by ${foreign.map(({ key }) => key.field).join(', ')}`,
      fix: 'Make them: weir topics apply --group ... --definition ... --partitions ..., as for the others.',
      facts: { missing: missing.join(',') },
    });
  }
  for (const topic of wanted) {
    const described = await admin.describeTopic(topic);
    if (described.partitions !== partitions)
      throw partitionsChanged(topic, { before: partitions, after: described.partitions });
  }
}

/** Throws `PARTITIONS_CHANGED` when a topic has got more partitions meanwhile. */
export async function assertPartitions(
  admin: KafkaAdmin,
  { topics, partitions, foreign }: Pick<KafkaPlan, 'topics' | 'partitions' | 'foreign'>,
): Promise<void> {
  for (const topic of [...topics.keys(), ...foreign.map(({ repartition }) => repartition)]) {
    const described = await admin.describeTopic(topic);
    if (described.partitions !== partitions)
      throw partitionsChanged(topic, { before: partitions, after: described.partitions });
  }
}

async function partitionsOf(admin: KafkaAdmin, topics: readonly string[]): Promise<number> {
  const counts = new Map<string, number>();
  for (const topic of topics) counts.set(topic, (await admin.describeTopic(topic)).partitions);
  const [first = 0, ...others] = counts.values();
  if (others.every((count) => count === first)) return first;
  throw new WeirError({
    code: 'PARTITIONS_DIFFER',
    message: `got ${[...counts].map(([topic, count]) => `${topic} with ${count} partitions`).join(', ')}, expected as many in each`,
    fix: 'A key must lie in the same partition of every topic: make the topics with as many partitions.',
    facts: Object.fromEntries(counts),
  });
}

function claimTopics(state: string, asked: z.infer<typeof keptSchema>): void {
  makeDirectory(realDisk, state);
  const path = join(state, 'worker.json');
  const text = readTextIfAny(realDisk, path);
  if (text === null) {
    const content = `${JSON.stringify(asked, null, 2)}\n`;
    return writeDurably(realDisk, path, (fd) => writeFully(realDisk, fd, Buffer.from(content)));
  }
  const kept = keptSchema.parse(JSON.parse(text));
  if (kept.partitions !== asked.partitions) {
    throw partitionsChanged(asked.topics.join(', '), { before: kept.partitions, after: asked.partitions });
  }
  if (JSON.stringify(kept) === JSON.stringify(asked)) return;
  throw new WeirError({
    code: 'RUN_CHANGED',
    message: `${state} is the state of group ${kept.group} on ${kept.topics.join(', ')}, now group ${asked.group} on ${asked.topics.join(', ')}`,
    fix: 'Give this worker another --state, or the --group and topics that the state was begun with.',
    facts: { state },
  });
}

function partitionsChanged(
  topic: string,
  { before, after }: { readonly before: number; readonly after: number },
): WeirError {
  return new WeirError({
    code: 'PARTITIONS_CHANGED',
    message: `got ${after} partitions of ${topic}, expected ${before}: keys have moved away from their state`,
    fix: 'Stop all workers. Copy the topic, by its keys, into a new one of as many partitions as you want, and begin there with a new --group and --state.',
    facts: { topic, before, after },
  });
}
