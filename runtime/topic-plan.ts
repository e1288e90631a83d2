import type { TopicDescription, TopicToMake } from '../adapters/kafka/port.ts';
import type { Contract } from '../core/contract/contract.ts';
import { contracts, inputContracts } from '../core/contract/contracts.ts';

/** A topic as the contracts want it. */
export type WantedTopic = TopicToMake & { readonly configs: Readonly<Record<string, string>> };

/** What a plan does about one topic. Refused is what would lose records, or the state that was built from them. */
export type TopicStep =
  | { readonly kind: 'create'; readonly topic: WantedTopic }
  | { readonly kind: 'change'; readonly topic: WantedTopic; readonly changes: readonly TopicChange[] }
  | { readonly kind: 'same'; readonly topic: WantedTopic }
  | { readonly kind: 'refused'; readonly topic: WantedTopic; readonly why: string };

/** A setting that differs. */
export type TopicChange = { readonly name: string; readonly before: string; readonly after: string };

export type TopicOptions = {
  /** Before the name of each contract, such as `prod.`; empty for none. */
  readonly prefix: string;
  /** In place of each contract's own number; all have as many, as a key lies in the same partition of each. */
  readonly partitions?: number | undefined;
  readonly replicas: number;
};

/** Twins of a topic of inputs: what was no event, and what came too late, with their bytes. */
const twins = ['dead-letter', 'late'] as const;
const dayMs = 86_400_000;
const twinRetentionMs = 30 * dayMs;

/** The topics of all contracts, and the twins of those that come in. */
export function wantedTopics(options: TopicOptions): WantedTopic[] {
  return [...contracts.values()].flatMap((contract) => {
    const topic = topicOf(contract, options);
    if (!inputContracts.has(contract.topic)) return [topic];
    const configs = { ...topic.configs, 'retention.ms': String(twinRetentionMs) };
    return [topic, ...twins.map((twin) => ({ ...topic, topic: `${topic.topic}.${twin}`, configs }))];
  });
}

function topicOf(
  contract: Contract,
  { prefix, partitions = contract.partitions, replicas }: TopicOptions,
): WantedTopic {
  return {
    topic: `${prefix}${contract.topic}`,
    partitions,
    replicas,
    configs: {
      'cleanup.policy': 'delete',
      'retention.ms': String(contract.retentionMs),
      // What producers compressed stays as it is.
      'compression.type': 'producer',
      // The broker's clock says when a record came; no producer's can put it in the past, where retention would take it.
      'message.timestamp.type': inputContracts.has(contract.topic) ? 'LogAppendTime' : 'CreateTime',
      'min.insync.replicas': String(Math.max(1, replicas - 1)),
    },
  };
}

/** Compares what is wanted with what a cluster has, by topic. */
export function planTopics(
  wanted: readonly WantedTopic[],
  existing: ReadonlyMap<string, TopicDescription>,
): TopicStep[] {
  return wanted.map((topic) => {
    const found = existing.get(topic.topic);
    if (found === undefined) return { kind: 'create', topic };
    const changes = Object.entries(topic.configs).flatMap(([name, after]) => {
      const before = found.configs.get(name) ?? '';
      return before === after ? [] : [{ name, before, after }];
    });
    const why = refusalOf(topic, found, changes);
    if (why !== null) return { kind: 'refused', topic, why };
    return changes.length === 0 ? { kind: 'same', topic } : { kind: 'change', topic, changes };
  });
}

/** Why a change may not be made; null when it may. */
function refusalOf(topic: WantedTopic, found: TopicDescription, changes: readonly TopicChange[]): string | null {
  if (found.partitions !== topic.partitions) {
    return (
      `it has ${found.partitions} partitions, ${topic.partitions} are wanted: ` +
      'keys would move away from the state that was built of them'
    );
  }
  for (const { name, before, after } of changes) {
    if (name === 'cleanup.policy') return `its ${name} is ${before}, ${after} is wanted: records would be lost`;
    if (name === 'retention.ms' && isShorter(after, before)) {
      return `its ${name} is ${before}, ${after} is wanted: records between the two would be lost`;
    }
  }
  return null;
}

/** -1 is for ever. */
function isShorter(after: string, before: string): boolean {
  if (after === '-1') return false;
  return before === '-1' || Number(after) < Number(before);
}
