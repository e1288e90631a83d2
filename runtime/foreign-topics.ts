import type { Assembled } from './assemble.ts';
import { ofForeignKey } from './foreign-assembly.ts';
import type { ForeignKey } from '../core/features/foreign-plan.ts';
import type { WantedTopic } from './topic-plan.ts';

/** The internal topics of a foreign key, and what the owner of its windows runs. */
export type ForeignTopics = {
  readonly key: ForeignKey;
  readonly assembled: Assembled;
  /** Events by the key, of as many partitions as their source has. */
  readonly repartition: string;
  /** Views of the key's windows, compacted. */
  readonly views: string;
};

/** What each foreign key of a definition needs, over the partitions of its topic. */
export function foreignTopicsOf(assembled: Assembled, group: string, partitions: number): readonly ForeignTopics[] {
  return (assembled.foreign ?? []).map((key) => ({
    key,
    assembled: ofForeignKey(assembled, key, partitions),
    ...topicNamesOf(group, key),
  }));
}

const dayMs = 86_400_000;
/** After the longest window: within it a state that is lost can be made again. */
const spareMs = 7 * dayMs;

/** The internal topics of a group as the cluster is to have them. */
export function wantedForeignTopics(
  keys: readonly ForeignKey[],
  options: { readonly group: string; readonly partitions: number; readonly replicas: number },
): WantedTopic[] {
  const { group, partitions, replicas } = options;
  const configs = {
    'compression.type': 'producer',
    'message.timestamp.type': 'LogAppendTime',
    'min.insync.replicas': String(Math.max(1, replicas - 1)),
  };
  return keys.flatMap((key) => {
    const reachMs = Math.max(...key.plan.aggregates.map(({ overMs, delayedByMs }) => overMs + delayedByMs));
    const { repartition, views } = topicNamesOf(group, key);
    const kept = { 'cleanup.policy': 'delete', 'retention.ms': String(reachMs + spareMs) };
    return [
      { topic: repartition, partitions, replicas, configs: { ...configs, ...kept } },
      { topic: views, partitions, replicas, configs: { ...configs, 'cleanup.policy': 'compact' } },
    ];
  });
}

function topicNamesOf(group: string, { field }: ForeignKey): Pick<ForeignTopics, 'repartition' | 'views'> {
  return { repartition: `${group}.by.${field}`, views: `${group}.views.${field}` };
}
